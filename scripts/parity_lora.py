#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares vragent's LoRA adapters with PEFT on random tiny checkpoints, live.

Usage: parity_lora.py VRAGENT_BINARY [WORK_FOLDER]. Every parameter of base and adapter is drawn afresh. Compares
logits of adapters that PEFT wrote and merges, the gradient of one training step, and loads what vragent wrote into
PEFT. Prints one line a comparison; exit code 1 when one is above its bound.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import peft
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

BINARY = sys.argv[1]
LOGIT_BOUND = 1e-5
failures = []
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|image_pad|>"]
TEXT_PART = r"model\.language_model\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"


def check(name, ours, theirs, bound=LOGIT_BOUND):
    """Prints and records one comparison."""
    error = (ours.double() - theirs.double()).abs().max().item() if ours.shape == theirs.shape else float("inf")
    verdict = "ok" if error <= bound else "FAIL"
    print(f"{verdict:4} {name:52} max_abs_error={error:.2e} bound={bound:.0e} scale={theirs.abs().max().item():.2f}")
    if verdict != "ok":
        failures.append(name)


def run(*words):
    subprocess.run([BINARY, *map(str, words)], check=True)


def logits(folder, ids, work):
    (work / "ids.json").write_text(json.dumps(ids))
    run("inspect", "logits", "--model", folder, "--ids", work / "ids.json", "--out", work / "probe.safetensors")
    return load_file(work / "probe.safetensors")["logits"]


def draw(parameters, seed, spread=0.1):
    """Norm weights around one, the rest N(0, spread): small enough that fp32 itself rounds below the bound."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in parameters:
        noise = torch.randn(parameter.shape, generator=generator) * spread
        is_norm = parameter.dim() == 1 and name.endswith("weight")
        parameter.data = noise + 1 if is_norm else noise


def write_tokenizer(folder):
    """Bytes and Qwen's control tokens."""
    symbols = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={s: i for i, s in enumerate(symbols)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIALS])
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>").save_pretrained(folder)
    return tokenizer


def small(**more):
    return dict(vocab_size=272, hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=4,
                num_key_value_heads=2, max_position_embeddings=512, eos_token_id=258, **more)


def bases():
    """Name, a model with random parameters, and the targets of its adapter."""
    yield "qwen2", transformers.AutoModelForCausalLM.from_config(
        transformers.Qwen2Config(**small(tie_word_embeddings=True)), attn_implementation="eager"), "all-linear"
    yield "llama", transformers.AutoModelForCausalLM.from_config(
        transformers.LlamaConfig(**small()), attn_implementation="eager"), ["q_proj", "v_proj"]
    text = small(rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]})
    vision = dict(depth=2, hidden_size=64, intermediate_size=100, num_heads=4, out_hidden_size=64,
                  fullatt_block_indexes=[1])
    config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, image_token_id=259,
                                           video_token_id=260, vision_start_token_id=261, vision_end_token_id=262)
    yield "qwen2_5_vl", transformers.Qwen2_5_VLForConditionalGeneration._from_config(
        config, attn_implementation="eager"), TEXT_PART


def forward(model, ids):
    return model(input_ids=torch.tensor([ids]), attention_mask=torch.ones(1, len(ids), dtype=torch.long)).logits[0]


def train_ids(tokenizer):
    """What plain ChatML makes of the example, and where the answer's tokens begin and end."""
    def encode(text):
        return tokenizer.encode(text, add_special_tokens=False).ids
    head = encode("<|im_start|>user\nwhere is the cat<|im_end|>\n<|im_start|>assistant\n")
    answer = encode("in the garden<|im_end|>")
    return head + answer + encode("\n"), len(head), len(head) + len(answer)


def one_step(name, model, folder, adapter, settings, work):
    """The gradient of vragent's first step, read off AdamW's first moment, against PEFT's."""
    tokenizer = write_tokenizer(folder)
    (work / "train.jsonl").write_text(json.dumps({"prompt": "where is the cat", "completion": "in the garden"}) + "\n")
    out = work / (name + "-step")
    run("-q", "sft", "--model", adapter, "--train", work / "train.jsonl", "--out", out, "--batch-size", 1, "--max-steps", 1,
        "--save-every", 1, "--optim.clip", 0, "--optim.lr", 1e-3, "--optim.schedule", "constant", *settings)
    state = load_file(out / "checkpoint-1" / "state" / "state.safetensors")
    ids, begin, end = train_ids(tokenizer)
    log_probs = torch.log_softmax(forward(model, ids)[begin - 1:end - 1], -1)
    loss = -log_probs.gather(1, torch.tensor(ids[begin:end]).unsqueeze(1)).mean()
    model.zero_grad()
    loss.backward()
    ours, theirs = [], []
    for key, parameter in model.named_parameters():
        if parameter.grad is not None and "lora_" in key:
            key = key.removeprefix("base_model.model.").replace(".default", "")
            ours.append(state["optimizer.m." + key].flatten() / 0.1)
            theirs.append(parameter.grad.flatten())
    scale = torch.cat(theirs).abs().max().item()
    check(f"{name}: gradient of one sft step ({len(ours)} matrices)", torch.cat(ours), torch.cat(theirs), 1e-5 * max(scale, 1))
    return out


def compare(name, base, targets, rslora, work):
    draw(base.named_parameters(), 1)
    folder = work / name
    base.eval().save_pretrained(folder)
    if name == "qwen2_5_vl":
        pixels = {"min_pixels": 3136, "max_pixels": 3136, "patch_size": 14, "merge_size": 2}
        (folder / "preprocessor_config.json").write_text(json.dumps(pixels))
    ids = torch.randint(0, 256, (120,), generator=torch.Generator().manual_seed(2)).tolist()
    config = LoraConfig(r=5, lora_alpha=9, target_modules=targets, use_rslora=rslora, task_type="CAUSAL_LM")
    model = get_peft_model(base, config).eval()
    draw(((n, p) for n, p in model.named_parameters() if "lora_" in n), 3)
    model.peft_config["default"].base_model_name_or_path = str(folder)
    adapter = work / (name + "-adapter")
    model.save_pretrained(adapter)
    with torch.no_grad():
        theirs = forward(model, ids)
        with model.disable_adapter():
            if (forward(model, ids) - theirs).abs().max() < 0.1:
                failures.append(f"{name}: the adapter changes nothing, so nothing is compared")
    check(f"{name}: logits of PEFT's adapter", logits(adapter, ids, work), theirs)
    run("inspect", "merge", "--model", adapter, "--out", work / (name + "-merged"))
    check(f"{name}: logits of our merge", logits(work / (name + "-merged"), ids, work), theirs)
    reread = type(base).from_pretrained(work / (name + "-merged"), attn_implementation="eager").eval()
    with torch.no_grad():
        check(f"{name}: our merge in transformers", forward(reread, ids), theirs)

    names = "all-linear" if isinstance(targets, str) else ",".join(targets)
    settings = ["--lora.rank", 5, "--lora.alpha", 9, "--lora.target-modules", names] + (["--lora.rslora"] if rslora else [])
    out = one_step(name, model, folder, adapter, settings, work)
    for written in (out, out / "checkpoint-1"):
        again = PeftModel.from_pretrained(type(base).from_pretrained(folder, attn_implementation="eager"), written).eval()
        stored = load_file(written / "adapter_model.safetensors")
        loaded = {k.replace(".default", ""): v for k, v in again.named_parameters() if "lora_" in k}
        if set(stored) != set(loaded):
            failures.append(f"{name}: keys of {written.name} in PEFT: {sorted(set(stored) ^ set(loaded))[:4]}")
        with torch.no_grad():
            check(f"{name}: our {written.name} in PEFT", logits(written, ids, work), forward(again, ids))


def main():
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        work.mkdir(parents=True, exist_ok=True)
        for number, (name, base, targets) in enumerate(bases()):
            compare(name, base, targets, number == 1, work)
    for failure in failures:
        print("FAILED", failure)
    print("parity of adapters:", f"{len(failures)} comparisons FAILED" if failures else "all comparisons within bound")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
