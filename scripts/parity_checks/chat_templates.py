# SPDX-License-Identifier: Apache-2.0
"""Chats as the published templates write them: ids of ours against those of apply_chat_template of transformers.

The templates' exact texts come with TRL, as it got them from the checkpoints; SmolLM2's comes with the model.
"""
import json
import os
import pathlib
import random
import subprocess

import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from .common import BINARY, check_equal
from .real_models import MODELS

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRL = ROOT / os.environ.get("VRAGENT_TRL_VENV", ".venv-trl")
CONTROL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>",
           "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
# What is not asked for: tools, thoughts (Qwen3's template takes them out of earlier turns, ours leaves them there).
PUBLISHED = ["qwen2_5", "qwen2_5_vl", "qwen3", "qwen3_instruct_2507", "llama3", "llama3_1", "llama3_2"]
TEXTS = ["", "Hi", " two  words ", "\n\nline\r\nfeeds\n", "\u00a0\u3000spaces\u2003", "é ❄️ 猫", "'s", "{{ jinja }} {% if %}", "a\tb", "</s> [INST]"]


def published(work):
    """Name and text of each template; says what is absent."""
    folder = next(TRL.glob("lib/python3*/site-packages/trl/chat_templates"), None)
    if folder is None:
        print(f"     SKIPPED published chat templates: TRL is not in {TRL} (scripts/parity.sh puts it there)")
    for name in PUBLISHED if folder else []:
        yield name, (folder / f"{name}.jinja").read_text(encoding="utf-8")
    config = MODELS / "SmolLM2-135M-Instruct/tokenizer_config.json"
    if config.exists():
        yield "smollm2", json.loads(config.read_text(encoding="utf-8"))["chat_template"]
    else:
        print(f"     SKIPPED smollm2's chat template: {config} is absent (scripts/get_models.sh gets it)")


def write_tokenizer(folder):
    """One token a byte, and all control tokens: what is compared is where they stand."""
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(sorted(alphabet))}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in CONTROL])
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|begin_of_text|>", "eos_token": "<|endoftext|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(names))


def chats(takes_images):
    """With and without a system turn, one to five turns, all texts in all places."""
    draw = random.Random(5)
    for i in range(200):
        messages = [{"role": "system", "content": draw.choice(TEXTS)}] if i % 3 == 0 else []
        for turn in range(draw.randrange(1, 6)):
            content = draw.choice(TEXTS)
            if takes_images and turn % 2 == 0:
                content = [{"type": "image"}] * draw.randrange(3) + [{"type": "text", "text": content}]
            messages.append({"role": "assistant" if turn % 2 else "user", "content": content})
        yield messages


def dated(text):
    """Llama 3.2's template asks for today's date where it can; ours says what it falls back to."""
    return text.replace("strftime_now is defined", "false")


def chat_templates(work):
    for name, text in published(work):
        folder = work / f"template-{name}"
        write_tokenizer(folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        (folder / "chat_template.jinja").write_text(text, encoding="utf-8")
        rows = list(chats(name == "qwen2_5_vl"))
        if name == "qwen3":  # its answers after the last question get an empty thought
            rows = [row if row[-1]["role"] == "user" else row[:-1] for row in rows]
        wanted = [tokenizer.apply_chat_template(row, chat_template=dated(text), add_generation_prompt=True, return_dict=True)["input_ids"]
                  for row in rows]
        done = subprocess.run([*BINARY, "inspect", "tokenize", "--chat", "--model", str(folder)], capture_output=True, text=True,
                              input="".join(json.dumps(row) + "\n" for row in rows), check=True)
        check_equal(f"{name} chat template: warnings", done.stderr, "")
        check_equal(f"{name} chat template: ids of {len(rows)} chats", [json.loads(line) for line in done.stdout.splitlines()], wanted)


GROUPS = (chat_templates,)
