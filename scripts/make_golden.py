#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/golden/*.json: a few numbers from transformers for tests that run without Python.

Usage: make_golden.py (with transformers 5.23.0, torch 2.11.0, torchvision 0.26.0; scripts/parity.sh makes such
an environment in .venv-parity). Weights and images are formulas of their indices (formula() here,
tests/support/formula.h in C++), so only configs, inputs and some outputs are stored.
"""
import hashlib
import json
import random
import re
from pathlib import Path

import numpy
import torch
import transformers
from PIL import Image
from transformers.models.qwen2_vl.image_processing_qwen2_vl import smart_resize

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"
SHOWN = 12
RESIZE_LIMITS = ((3136, 12845056), (3136, 1003520), (3136, 602112))


def hash_name(name):
    """FNV-1a, 32 bits."""
    value = 2166136261
    for byte in name.encode():
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def bits(count, key):
    """uint32 [count]: a mix of each index with the key."""
    x = numpy.arange(count, dtype=numpy.uint32) * numpy.uint32(2654435761) + numpy.uint32(key)
    x ^= x >> numpy.uint32(15)
    x *= numpy.uint32(2246822519)
    x ^= x >> numpy.uint32(13)
    x *= numpy.uint32(3266489917)
    return x ^ (x >> numpy.uint32(16))


def formula(shape, name):
    """float32 in [-0.35, 0.35)."""
    count = int(numpy.prod(shape)) if shape else 1
    values = bits(count, hash_name(name)).astype(numpy.float64) / 2**32 * 0.7 - 0.35
    return torch.from_numpy(values.astype(numpy.float32)).reshape(shape)


def formula_image(height, width, name):
    """Smooth enough that resizing matters: uint8 [height, width, 3]."""
    small = (bits(((height + 6) // 7) * ((width + 6) // 7) * 3, hash_name(name)) >> numpy.uint32(24)).astype(numpy.uint8)
    small = small.reshape((height + 6) // 7, (width + 6) // 7, 3)
    return numpy.repeat(numpy.repeat(small, 7, axis=0), 7, axis=1)[:height, :width]


def published_name(name):
    """ViT's and ViT-MAE's parameters under the names of their published files, which are ours too."""
    for new, old in (("layers.", "encoder.layer."), ("attention.q_proj", "attention.attention.query"),
                     ("attention.k_proj", "attention.attention.key"), ("attention.v_proj", "attention.attention.value"),
                     ("attention.o_proj", "attention.output.dense"), ("mlp.fc1", "intermediate.dense"),
                     ("mlp.fc2", "output.dense")):
        name = name.replace(new, old)
    return name


def fill(model, rename=lambda name: name):
    for name, parameter in model.named_parameters():
        name = rename(name)
        is_norm = parameter.dim() == 1 and name.endswith("weight")
        parameter.data = formula(tuple(parameter.shape), name) + (1 if is_norm else 0)
    return model.eval()


def shown(tensor):
    """The last row's first numbers, and the mean of all absolute values."""
    flat = tensor.detach().double().reshape(-1, tensor.shape[-1])
    return {"shape": list(tensor.shape), "last_row": [round(x, 7) for x in flat[-1, :SHOWN].tolist()],
            "first_row": [round(x, 7) for x in flat[0, :SHOWN].tolist()], "mean_abs": round(flat.abs().mean().item(), 7)}


def config_of(model):
    return json.loads(model.config.to_json_string(use_diff=False))


def causal_lm(config, ids):
    model = fill(transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager"))
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    return {"config": config_of(model), "ids": ids, "logits": shown(logits)}


def vision_lm():
    text = dict(vocab_size=80, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
                num_key_value_heads=1, max_position_embeddings=4096,
                rope_parameters={"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]})
    vision = dict(depth=2, hidden_size=32, intermediate_size=40, num_heads=2, patch_size=14, spatial_merge_size=2,
                  temporal_patch_size=2, window_size=112, out_hidden_size=32, fullatt_block_indexes=[1])
    config = transformers.Qwen2_5_VLConfig(text_config=text, vision_config=vision, image_token_id=71, video_token_id=72,
                                           vision_start_token_id=73, vision_end_token_id=74)
    model = fill(transformers.Qwen2_5_VLForConditionalGeneration._from_config(config, attn_implementation="eager"))
    sizes = [[97, 211], [150, 140]]
    limits = {"min_pixels": 56 * 56, "max_pixels": 28 * 28 * 40}
    processor = transformers.Qwen2VLImageProcessor(**limits)
    images = [Image.fromarray(formula_image(*size, f"image{i}")) for i, size in enumerate(sizes)]
    batch = processor(images=images, return_tensors="pt")
    ids, placeholders = [5, 6], [5, 6]
    for t, h, w in batch["image_grid_thw"].tolist():
        ids += [73] + [71] * (t * h * w // 4) + [74, 7]
        placeholders += [73, 71, 74, 7]
    ids += [8, 9]
    placeholders += [8, 9]
    with torch.no_grad():
        model.model.rope_deltas = None
        tensor = torch.tensor([ids])
        logits = model(input_ids=tensor, pixel_values=batch["pixel_values"], image_grid_thw=batch["image_grid_thw"],
                       mm_token_type_ids=(tensor == 71).long()).logits[0]
        features = model.model.visual(batch["pixel_values"], grid_thw=batch["image_grid_thw"]).pooler_output
    return {"config": config_of(model), "ids": placeholders, "image_sizes": sizes, **limits,
            "grids": batch["image_grid_thw"].tolist(), "patches": shown(batch["pixel_values"]),
            "image_features": shown(features), "logits": shown(logits)}


def clip():
    config = transformers.CLIPConfig(
        text_config=dict(vocab_size=60, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
                         max_position_embeddings=12, eos_token_id=59, bos_token_id=58, pad_token_id=59),
        vision_config=dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2, image_size=28,
                           patch_size=14), projection_dim=16)
    model = fill(transformers.CLIPModel(config))
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    sizes = [[28, 28], [45, 61], [90, 31]]
    images = [Image.fromarray(formula_image(*size, f"clip{i}")) for i, size in enumerate(sizes)]
    ids = [[58, 4, 5, 6, 59, 59, 59], [58, 7, 8, 9, 10, 11, 59]]
    pixels = processor(images=images, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        text = model.get_text_features(torch.tensor(ids)).pooler_output
        image = model.get_image_features(pixels).pooler_output
    return {"config": config_of(model), "ids": ids, "image_sizes": sizes, "pixels": shown(pixels), "text_embeds": shown(text),
            "image_embeds": shown(image)}


def bert(config, pad):
    model = fill(transformers.AutoModel.from_config(config, attn_implementation="eager"))
    ids = [[5, 6, 7, 8, 9], [10, 11, 12, pad, pad]]
    mask = torch.tensor([[1] * 5, [1] * 3 + [0] * 2])
    with torch.no_grad():
        hidden = model(torch.tensor(ids), attention_mask=mask).last_hidden_state
    real = torch.cat([hidden[0], hidden[1, :3]])
    return {"config": config_of(model), "ids": ids, "lengths": [5, 3], "last_hidden_state": shown(real)}


def tower(model, processor, sizes):
    """A vision tower on images, or on one clip of frames."""
    is_video = model.config.model_type == "videomae"
    fill(model, (lambda name: name) if is_video else published_name)
    images = [Image.fromarray(formula_image(*size, f"tower{i}")) for i, size in enumerate(sizes)]
    pixels = processor([images] if is_video else images, return_tensors="pt")["pixel_values"]
    more = {"noise": torch.arange(4.0).expand(len(images), 4)} if model.config.model_type == "vit_mae" else {}
    with torch.no_grad():
        states = model(pixels, **more).last_hidden_state
    return {"config": config_of(model), "image_sizes": sizes, "pixels": shown(pixels), "last_hidden_state": shown(states)}


def towers():
    small = dict(hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14)
    sizes = [[28, 28], [45, 61], [90, 31]]
    square = transformers.ViTImageProcessor(size={"height": 28, "width": 28})
    cropped = transformers.VideoMAEImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 28, "width": 28})
    mae = transformers.ViTMAEConfig(**small, mask_ratio=0.0)
    clips = transformers.VideoMAEConfig(**small, num_frames=3, tubelet_size=2, use_mean_pooling=False)
    return {"vit": tower(transformers.ViTModel(transformers.ViTConfig(**small), add_pooling_layer=False), square, sizes),
            "vit_mae": tower(transformers.ViTMAEModel(mae), square, sizes),
            "videomae": tower(transformers.VideoMAEModel(clips), cropped, [[45, 61]] * 3)}


def models():
    small = dict(vocab_size=64, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
                 num_key_value_heads=2, max_position_embeddings=256)
    ids = [int(x) % 64 for x in bits(40, 7)]
    encoder = dict(vocab_size=50, hidden_size=24, intermediate_size=40, num_hidden_layers=2, num_attention_heads=2,
                   max_position_embeddings=20)
    return {
        "qwen2_untied": causal_lm(transformers.Qwen2Config(**small, rope_theta=1e6, tie_word_embeddings=False), ids),
        "qwen2_tied": causal_lm(transformers.Qwen2Config(**small, tie_word_embeddings=True), ids),
        "llama": causal_lm(transformers.LlamaConfig(**small, head_dim=12, rms_norm_eps=1e-5, rope_theta=5e5), ids),
        "qwen3": causal_lm(transformers.Qwen3Config(**small, head_dim=12, tie_word_embeddings=False), ids),
        "qwen2_5_vl": vision_lm(),
        "clip": clip(),
        "bert": bert(transformers.BertConfig(**encoder), 0),
        "xlm_roberta": bert(transformers.XLMRobertaConfig(**encoder, pad_token_id=1, type_vocab_size=1), 1),
        "roberta": bert(transformers.RobertaConfig(**encoder, pad_token_id=1, type_vocab_size=1), 1),
        **towers(),
    }


def sampler():
    """Which tokens each of transformers' filters keeps, and what the repetition penalty makes of scores."""
    from transformers.generation import logits_process as lp
    scores = formula((1, 40), "scores") * 12
    scores[0, 11] = scores[0, 3]  # a tie
    ids = torch.tensor([[1, 3, 3, 20]])
    cases = []
    for name, make, values in (("top_k", lambda v: lp.TopKLogitsWarper(v), [1, 2, 5, 39, 40, 100]),
                               ("top_p", lambda v: lp.TopPLogitsWarper(v), [1e-6, 0.3, 0.5, 0.9, 0.999]),
                               ("min_p", lambda v: lp.MinPLogitsWarper(v), [0.01, 0.1, 0.5, 1.0])):
        for value in values:
            kept = torch.isfinite(make(value)(ids, scores.clone()))[0].nonzero()[:, 0].tolist()
            cases.append({"filter": name, "value": value, "kept": kept})
    penalised = lp.RepetitionPenaltyLogitsProcessor(1.3)(ids, scores.clone())
    return {"scores": "formula([1, 40], \"scores\") * 12, element 11 = element 3", "cases": cases,
            "repetition_penalty": {"ids": ids[0].tolist(), "penalty": 1.3,
                                   "scores": [round(x, 6) for x in penalised[0].double().tolist()]}}


def resized_line(height, width, limits):
    try:
        return "{} {} {} {}\n".format(height, width, *smart_resize(height, width, 28, *limits))
    except ValueError:
        return f"{height} {width} refused\n"


def resize_blocks():
    """Of 10,000 images by formula: digests of their sizes before and after, a hundred images a block."""
    drawn = [int(b) for b in bits(20_000, hash_name("smart_resize"))]
    sides = [10 + (b & 0xFFF) % (64 << (b >> 12) % 7) for b in drawn]
    lines = [resized_line(sides[2 * i], sides[2 * i + 1], RESIZE_LIMITS[i % 3]) for i in range(10_000)]
    return [[first, hashlib.sha256("".join(lines[first:first + 100]).encode()).hexdigest()[:16]]
            for first in range(0, 10_000, 100)]


def resizes():
    draw = random.Random(5)
    rows = []
    for limits in RESIZE_LIMITS:
        for _ in range(100):
            height, width = (int(10 ** draw.uniform(1, 3.6)) for _ in range(2))
            if max(height, width) / min(height, width) <= 200:
                rows.append([height, width, *limits, *smart_resize(height, width, 28, *limits)])
    return {"columns": ["height", "width", "min_pixels", "max_pixels", "resized_height", "resized_width"], "rows": rows,
            "blocks": resize_blocks()}


def write(name, content):
    made = {"command": "scripts/make_golden.py", "transformers": transformers.__version__, "torch": torch.__version__}
    lines = re.sub(r"\[\s+([^][{}]*?)\s+\]", lambda m: "[" + re.sub(r"\s+", " ", m.group(1)) + "]",
                   json.dumps({**made, **content}, indent=1))
    (GOLDEN / name).write_text(lines + "\n")
    print(name, len(lines))


def main():
    GOLDEN.mkdir(parents=True, exist_ok=True)
    write("models.json", models())
    write("sampler.json", sampler())
    write("smart_resize.json", resizes())


if __name__ == "__main__":
    main()
