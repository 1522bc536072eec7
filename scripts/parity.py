#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares vragent's networks with transformers on random tiny checkpoints, live.

Usage: parity.py VRAGENT_BINARY [WORK_FOLDER]. Every parameter is drawn afresh (norms and biases too, which
transformers would leave at one and zero). Prints one line a comparison with the largest absolute error and
ends with exit code 1 when one is above its bound.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file

BINARY = sys.argv[1]
TOLERANCE = 1e-4
failures = []


def randomise(model, seed):
    """Draws every parameter: matrices N(0, 0.2), norm weights around 1, the rest N(0, 0.2)."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator) * 0.2
        is_norm = parameter.dim() == 1 and name.endswith("weight")
        parameter.data = noise + 1 if is_norm else noise
    return model.eval()


def check(name, ours, theirs):
    """Prints and records one comparison."""
    error = (ours.double() - theirs.double()).abs().max().item() if ours.shape == theirs.shape else float("inf")
    verdict = "ok" if error <= TOLERANCE else "FAIL"
    print(f"{verdict:4} {name:48} max_abs_error={error:.2e} scale={theirs.abs().max().item():.2f} shape={tuple(theirs.shape)}")
    if verdict != "ok":
        failures.append(name)


def probe(folder, ids=None, images=()):
    """Runs `vragent inspect logits`."""
    command = [BINARY, "inspect", "logits", "--model", str(folder), "--out", str(folder / "probe.safetensors")]
    if ids is not None:
        (folder / "ids.json").write_text(json.dumps(ids))
        command += ["--ids", str(folder / "ids.json")]
    if images:
        command += ["--images", ",".join(map(str, images))]
    subprocess.run(command, check=True)
    return load_file(folder / "probe.safetensors")


def causal_lms(work):
    small = dict(vocab_size=160, hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=4,
                 num_key_value_heads=2, max_position_embeddings=512)
    cases = [
        ("qwen2-untied", transformers.Qwen2Config(**small, rope_theta=1e6, tie_word_embeddings=False), {}),
        ("qwen2-tied-sharded", transformers.Qwen2Config(**small, tie_word_embeddings=True), {"max_shard_size": "100KB"}),
        ("llama", transformers.LlamaConfig(**small, rope_theta=5e5, rms_norm_eps=1e-5), {}),
        ("llama-head-dim", transformers.LlamaConfig(**small, head_dim=24), {}),
        ("llama3-rope", transformers.LlamaConfig(**small, rope_parameters={
            "rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64}), {}),
        ("qwen3", transformers.Qwen3Config(**small, head_dim=24, tie_word_embeddings=False), {}),
    ]
    for seed, (name, config, save) in enumerate(cases):
        model = randomise(transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager"), seed)
        folder = work / name
        model.save_pretrained(folder, **save)
        ids = torch.randint(0, 160, (1, 300), generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            theirs = model(ids).logits[0]
        check(name, probe(folder, ids[0].tolist())["logits"], theirs)


def vision_lm(work):
    text = dict(vocab_size=200, hidden_size=64, intermediate_size=112, num_hidden_layers=3, num_attention_heads=4,
                num_key_value_heads=2, max_position_embeddings=4096,
                rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]})
    vision = dict(depth=4, hidden_size=64, intermediate_size=100, num_heads=4, patch_size=14, spatial_merge_size=2,
                  temporal_patch_size=2, window_size=112, out_hidden_size=64, fullatt_block_indexes=[1, 3])
    config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, image_token_id=151, video_token_id=152,
                                           vision_start_token_id=153, vision_end_token_id=154)
    model = randomise(transformers.Qwen2_5_VLForConditionalGeneration._from_config(config, attn_implementation="eager"), 11)
    processor = transformers.Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=28 * 28 * 200)
    rng = numpy.random.default_rng(3)
    images = []
    for i, (height, width) in enumerate([(56, 56), (140, 140), (300, 420), (97, 211)]):
        path = work / f"image{i}.png"
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=numpy.uint8)).save(path)
        images.append(path)
    batch = processor(images=[Image.open(p) for p in images], return_tensors="pt")
    ids = [5, 6]
    for t, h, w in batch["image_grid_thw"].tolist():
        ids += [153] + [151] * (t * h * w // 4) + [154, 7]
    ids = torch.tensor([ids + [8, 9, 10]])
    types = (ids == 151).long()
    with torch.no_grad():
        model.model.rope_deltas = None
        theirs = model(input_ids=ids, pixel_values=batch["pixel_values"], image_grid_thw=batch["image_grid_thw"],
                       mm_token_type_ids=types).logits[0]
        features = model.model.visual(batch["pixel_values"], grid_thw=batch["image_grid_thw"]).pooler_output
    for name, old_names in (("qwen2_5_vl-old-names", True), ("qwen2_5_vl-new-names", False)):
        folder = work / name
        model.save_pretrained(folder, save_original_format=old_names)
        processor.save_pretrained(folder)
        out = probe(folder, ids[0].tolist(), images)
        check(name + " image features", out["image_features"], features)
        check(name + " logits", out["logits"], theirs)


def clip(work):
    config = transformers.CLIPConfig(
        text_config=dict(vocab_size=120, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
                         max_position_embeddings=24, eos_token_id=119, bos_token_id=118, pad_token_id=119),
        vision_config=dict(hidden_size=96, intermediate_size=192, num_hidden_layers=3, num_attention_heads=4, image_size=56, patch_size=14),
        projection_dim=64)
    model = randomise(transformers.CLIPModel(config), 21)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 56}, crop_size={"height": 56, "width": 56})
    folder = work / "clip"
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    rng = numpy.random.default_rng(5)
    images = []
    for i, (height, width) in enumerate([(56, 56), (227, 300), (90, 61)]):
        path = work / f"clip{i}.png"
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=numpy.uint8)).save(path)
        images.append(path)
    ids = [[118, 4, 5, 6, 119], [118, 7, 8, 9, 10, 11, 119]]
    padded = torch.tensor([row + [119] * (7 - len(row)) for row in ids])
    with torch.no_grad():
        text = model.get_text_features(padded).pooler_output
        image = model.get_image_features(processor(images=[Image.open(p) for p in images], return_tensors="pt")["pixel_values"]).pooler_output
    out = probe(folder, ids, images)
    check("clip text", out["text_embeds"], text)
    check("clip image", out["image_embeds"], image)


def berts(work):
    small = dict(vocab_size=150, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=40)
    for name, config, pad in (("bert", transformers.BertConfig(**small), 0),
                              ("xlm-roberta", transformers.XLMRobertaConfig(**small, pad_token_id=1, type_vocab_size=1), 1)):
        model = randomise(transformers.AutoModel.from_config(config), 31)
        folder = work / name
        model.save_pretrained(folder)
        ids = [[5, 6, 7, 8, 9], [10, 11, 12]]
        padded = torch.tensor([row + [pad] * (5 - len(row)) for row in ids])
        mask = torch.tensor([[1] * 5, [1] * 3 + [0] * 2])
        with torch.no_grad():
            theirs = model(padded, attention_mask=mask).last_hidden_state
        real = mask.bool()
        check(name, probe(folder, ids)["last_hidden_state"][real], theirs[real])


def main():
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, bound {TOLERANCE}")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        work.mkdir(parents=True, exist_ok=True)
        for group in (causal_lms, vision_lm, clip, berts):
            group(work)
    print("parity:", f"{len(failures)} comparisons FAILED" if failures else "all comparisons within bound")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
