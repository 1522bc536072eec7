#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints how much memory loading a checkpoint of about 1 GB takes: no second copy of the weights may stand in it.

Usage: load_memory.py VRAGENT_BINARY [FOLDER]. Writes a sparse checkpoint of the shape of Qwen2.5-0.5B (zeros, bf16; no disk
is needed for it) and one of a few kilobytes, passes three tokens through each, and compares the peaks of resident memory,
mapped pages included. Exit code 1 when the large one takes more than its weights + 200 MB, the program included. Beside that it
prints what drawing a token takes: there, on a CPU with AMX, layers are laid out anew, which is no matter of loading.
"""
import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

LIMIT_MB = 200
SHAPES = {"large": dict(hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14,
                        num_key_value_heads=2, vocab_size=151936),
          "small": dict(hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
                        num_key_value_heads=1, vocab_size=300)}


def tensors(c):
    """Name and shape of each tensor of a Qwen2 model with a tied head."""
    d, inner = c["hidden_size"], c["intermediate_size"]
    kv = d // c["num_attention_heads"] * c["num_key_value_heads"]
    yield "model.embed_tokens.weight", [c["vocab_size"], d]
    yield "model.norm.weight", [d]
    for i in range(c["num_hidden_layers"]):
        for name, shape in (("self_attn.q_proj.weight", [d, d]), ("self_attn.q_proj.bias", [d]),
                            ("self_attn.k_proj.weight", [kv, d]), ("self_attn.k_proj.bias", [kv]),
                            ("self_attn.v_proj.weight", [kv, d]), ("self_attn.v_proj.bias", [kv]),
                            ("self_attn.o_proj.weight", [d, d]), ("mlp.gate_proj.weight", [inner, d]),
                            ("mlp.up_proj.weight", [inner, d]), ("mlp.down_proj.weight", [d, inner]),
                            ("input_layernorm.weight", [d]), ("post_attention_layernorm.weight", [d])):
            yield f"model.layers.{i}.{name}", shape


def byte_symbols():
    """The characters that byte-level BPE writes for the bytes 0 to 255."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(b) if b in plain else chr(next(others)) for b in range(256)]


def write_model(folder, config):
    """@return bytes of the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    header, offset = {}, 0
    for name, shape in tensors(config):
        size = 2
        for extent in shape:
            size *= extent
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + offset)
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "qwen2", "tie_word_embeddings": True, "eos_token_id": 0}))
    (folder / "tokenizer.json").write_text(json.dumps({
        "added_tokens": [], "normalizer": None, "post_processor": None, "decoder": {"type": "ByteLevel"},
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
        "model": {"type": "BPE", "vocab": {s: i for i, s in enumerate(byte_symbols())}, "merges": []}}))
    (folder / "ids.json").write_text("[1, 2, 3]")
    return offset


def commands(binary, folder):
    common = ["--model", folder, "--ids", folder / "ids.json", "--dtype", "bfloat16"]
    return {"load": [binary, "inspect", "logits", *common, "--out", folder / "logits.safetensors"],
            "draw": [binary, "inspect", "generate", *common, "--max-tokens", "1", "--threads", "1"]}


def peak_megabytes(command):
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    text = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{' '.join(map(str, command))}: {text}")
    return usage.ru_maxrss / 1024


def main():
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        weights = {name: write_model(work / name, shape) / 2**20 for name, shape in SHAPES.items()}
        peaks = {name: {what: peak_megabytes(command) for what, command in commands(sys.argv[1], work / name).items()}
                 for name in SHAPES}
    beyond = {what: peak - weights["large"] for what, peak in peaks["large"].items()}
    print(f"weights {weights['large']:.0f} MB; beyond them loading took {beyond['load']:.0f} MB (limit {LIMIT_MB}), drawing a token",
          f"{beyond['draw']:.0f} MB; the program itself takes {peaks['small']['load']:.0f} MB of these")
    return 1 if beyond["load"] > LIMIT_MB else 0


if __name__ == "__main__":
    sys.exit(main())
