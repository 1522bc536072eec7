# SPDX-License-Identifier: Apache-2.0
"""Language models: logits, with and without ties, shards and long positions; padded batches."""
import json

import torch
import transformers
from safetensors.torch import load_file

from .common import check, left_padded, probe, random_ids, randomise, verdict

SMALL = dict(vocab_size=160, hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=512)
LLAMA3_ROPE = {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
               "original_max_position_embeddings": 64}
SHARDS = {"max_shard_size": "100KB"}


def configs():
    """name, config, how to save it."""
    return [
        ("qwen2-untied", transformers.Qwen2Config(**SMALL, rope_theta=1e6, tie_word_embeddings=False), {}),
        ("qwen2-tied", transformers.Qwen2Config(**SMALL, tie_word_embeddings=True), {}),
        ("qwen2-tied-sharded", transformers.Qwen2Config(**SMALL, tie_word_embeddings=True), SHARDS),
        ("llama-sharded", transformers.LlamaConfig(**SMALL, rope_theta=5e5, rms_norm_eps=1e-5), SHARDS),
        ("llama-tied-head-dim", transformers.LlamaConfig(**SMALL, head_dim=24, tie_word_embeddings=True), {}),
        ("llama3-rope", transformers.LlamaConfig(**SMALL, rope_parameters=LLAMA3_ROPE), {}),
        ("qwen3", transformers.Qwen3Config(**SMALL, head_dim=24, tie_word_embeddings=False), {}),
        ("qwen3-tied-sharded", transformers.Qwen3Config(**SMALL, head_dim=24, tie_word_embeddings=True), SHARDS),
    ]


def make(work, name, config, save, seed):
    """A random model and the folder that it was saved into."""
    model = randomise(transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager"), seed)
    folder = work / name
    model.save_pretrained(folder, **save)
    sharded = (folder / "model.safetensors.index.json").exists()
    assert sharded == (save == SHARDS), f"{name}: the checkpoint should {'' if save else 'not '}be in shards"
    return model, folder


def old_config(folder):
    """Rewrites config.json as transformers 4.x wrote it."""
    config = json.loads((folder / "config.json").read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    kind = rope.pop("rope_type")
    config["rope_scaling"] = {"rope_type": kind, **rope} if kind != "default" else None
    config["torch_dtype"] = config.pop("dtype", "float32")
    (folder / "config.json").write_text(json.dumps(config))


def forwards(work):
    for seed, (name, config, save) in enumerate(configs()):
        model, folder = make(work, name, config, save, seed)
        ids = random_ids(300, seed)
        with torch.no_grad():
            theirs = model(torch.tensor([ids])).logits[0]
        check(name + " logits", probe(folder, ids)["logits"], theirs)
        old_config(folder)
        check(name + " logits, config as 4.x writes it", probe(folder, ids)["logits"], theirs)


def without_head(work):
    """The decoder saved alone: names lack "model.", and the head is the embedding."""
    for name, config in (("qwen2", transformers.Qwen2Config(**SMALL, tie_word_embeddings=True)),
                         ("llama", transformers.LlamaConfig(**SMALL, tie_word_embeddings=True))):
        model, _ = make(work, name + "-with-head", config, {}, 55)
        folder = work / f"{name}-without-head"
        model.model.save_pretrained(folder)
        assert "norm.weight" in load_file(folder / "model.safetensors")
        ids = random_ids(60, 56)
        with torch.no_grad():
            theirs = model(torch.tensor([ids])).logits[0]
        check(f"{folder.name} logits", probe(folder, ids)["logits"], theirs)


def padded_batches(work):
    """Rows of a left-padded batch there, each row alone and unpadded here."""
    for name, config, save in configs()[:1] + configs()[3:4] + configs()[6:7]:
        model, folder = make(work, name + "-padded", config, save, 40)
        rows = [random_ids(count, 41 + count) for count in (37, 5, 64, 1)]
        ids, mask = left_padded(rows)
        for attention in ("eager", "sdpa"):
            model.set_attn_implementation(attention)
            with torch.no_grad():
                theirs = model(ids, attention_mask=mask, position_ids=(mask.cumsum(1) - 1).clamp_min(0)).logits
            ours = torch.cat([probe(folder, row)["logits"] for row in rows])
            check(f"{name} left-padded batch, {attention}", ours, theirs[mask.bool()])


def long_positions(work):
    """bf16 at positions beyond 256, which bf16 itself cannot count. Ours may be no farther from
    fp32 than transformers' bf16 is, give or take a quarter."""
    length = 5000
    small = {**SMALL, "num_hidden_layers": 2, "max_position_embeddings": 8192}
    config = transformers.Qwen2Config(**small, rope_theta=1e6, tie_word_embeddings=False)
    folder = work / "qwen2-bf16-long"
    randomise(transformers.AutoModelForCausalLM.from_config(config), 50).to(torch.bfloat16).save_pretrained(folder)
    ids = random_ids(length, 51)
    ours = probe(folder, ids, dtype="bfloat16")
    logits = {}
    for dtype in (torch.bfloat16, torch.float32):  # of the same bf16 weights; loading keeps RoPE's frequencies in fp32
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
        with torch.no_grad():
            logits[dtype] = model(torch.tensor([ids])).logits[0].float()
            if dtype == torch.bfloat16:
                cos, sin = model.model.rotary_emb(torch.zeros(1, dtype=dtype), torch.arange(length)[None])
    theirs, exact = logits[torch.bfloat16], logits[torch.float32]
    check("qwen2 bf16, rotary cos at 0..4999", ours["rotary_cos"], cos[0].float(), 0)
    check("qwen2 bf16, rotary sin at 0..4999", ours["rotary_sin"], sin[0].float(), 0)
    scale = exact.abs().max().item()
    for part, rows in (("first 100", slice(0, 100)), ("last 100", slice(length - 100, length))):
        error = (ours["logits"][rows] - exact[rows]).abs().max().item() / scale
        other = (theirs[rows] - exact[rows]).abs().max().item() / scale
        verdict(f"qwen2 bf16, logits of the {part} of {length}", error <= 1.25 * other,
                f"max_error/scale={error:.2e} bound={1.25 * other:.2e} transformers={other:.2e} scale={scale:.2f}")


GROUPS = (forwards, without_head, padded_batches, long_positions)
