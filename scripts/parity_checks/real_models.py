# SPDX-License-Identifier: Apache-2.0
"""The two models of scripts/get_models.sh, which people use: ids, answers and embeddings as transformers gives them."""
import json
import pathlib
import shutil
import subprocess

import torch
import transformers
from torch.nn.functional import normalize

from .common import BINARY, check, check_equal, probe
from .generation import compare, ours, theirs

MODELS = pathlib.Path(__file__).resolve().parents[2] / "models"
QUESTIONS = ["Name three films about the sea.", "What is 17 + 25?", "Écris une phrase sur la neige ❄️.", "Why do cats purr? " * 12]
TEXTS = ["#fyp the cat that stole a 🐟 from the market", "Révolution ... épisode 2", "how to cook rice", "!!!", "a b c d e f g " * 30]


def copied(name, work):
    """A copy of the model, beside which results can be written; None where the model is absent."""
    source = MODELS / name
    if not (source / "config.json").exists():
        print(f"     SKIPPED {name}: {source} is absent (scripts/get_models.sh gets it)")
        return None
    folder = work / name
    shutil.copytree(source, folder, dirs_exist_ok=True)
    return folder


def tokenized(folder, texts):
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    command = [*BINARY, "inspect", "tokenize", "--model", str(folder), "--json-lines"]
    answer = subprocess.run(command, input=lines, capture_output=True, text=True, check=True).stdout
    return [json.loads(line) for line in answer.splitlines()]


def smollm2(work):
    if (folder := copied("SmolLM2-135M-Instruct", work)) is None:
        return
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    check_equal("SmolLM2-135M-Instruct ids of texts", tokenized(folder, TEXTS), [tokenizer(text)["input_ids"] for text in TEXTS])
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    rows = [tokenizer.apply_chat_template([{"role": "user", "content": question}], add_generation_prompt=True, return_dict=True)["input_ids"]
            for question in QUESTIONS]
    wanted = theirs(model, rows, [tokenizer.eos_token_id], 64, do_sample=False)
    compare("SmolLM2-135M-Instruct greedy, 4 chats", ours(folder, rows, max_tokens=64), wanted)


def minilm(work):
    if (folder := copied("all-MiniLM-L6-v2", work)) is None:
        return
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    mask = batch["attention_mask"].bool()
    rows = [ids[row].tolist() for ids, row in zip(batch["input_ids"], mask)]
    check_equal("all-MiniLM-L6-v2 ids of texts", tokenized(folder, TEXTS), rows)
    with torch.no_grad():
        states = model(**batch).last_hidden_state
    out = probe(folder, rows)
    check("all-MiniLM-L6-v2, 5 texts", out["last_hidden_state"][mask], states[mask])
    # What the text tower of train-sasrec keeps of a frozen encoder, with --pooling mean and with --pooling cls.
    weights = mask.unsqueeze(-1).float()
    mean = (states * weights).sum(1) / weights.sum(1)
    check("all-MiniLM-L6-v2 sentence embeddings", normalize(out["mean_states"]), normalize(mean), 1e-5)
    check("all-MiniLM-L6-v2 first states", out["first_states"], states[:, 0], 1e-5)


GROUPS = (smollm2, minilm)
