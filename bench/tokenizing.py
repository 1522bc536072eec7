#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tokenising 1 MB of titles on one thread against the package `tokenizers`, taking turns.

bench/run.sh tokenizing [NAME ...]    of: qwen25 bert clip llama3 unigram
The titles are read from $VRAGENT_SHARED/data (or ../shared/data), where the published vocabularies are too.
The numbers of tokens are compared first; scripts/parity_tokenizers.py compares the ids.
(Not called tokenizers.py: that would hide the package from everything in this folder.)
"""
import os

os.environ.update(TOKENIZERS_PARALLELISM="false", RAYON_NUM_THREADS="1")

import csv
import json
import pathlib
import sys
import tempfile

from tokenizers import Tokenizer

from side_by_side import ROOT, Driver, machine, take_turns, timed

sys.path.append(str(ROOT / "scripts"))
import parity_tokenizers

SIZE = 1_000_000
ROUNDS = 5


def titles():
    path = parity_tokenizers.shared("microlens-50k/MicroLens-50k_titles.csv")
    if path is None:
        raise SystemExit("nothing to tokenise")
    chosen, size = [], 0
    with open(path, encoding="utf-8", newline="") as file:
        for row in list(csv.reader(file))[1:]:
            text = " ".join(row[1].splitlines())
            if text.strip() and size < SIZE:
                chosen.append(text)
                size += len(text.encode())
    return chosen, size


def compare(make, texts, size, work):
    if (made := make()) is None:
        return
    description = json.loads(made.to_str())  # text never becomes an added token here, on either side
    description["added_tokens"] = [token for token in description["added_tokens"] if token["special"]]
    tokenizer = Tokenizer.from_str(json.dumps(description))
    folder = work / make.__name__
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    lines = work / "titles.txt"
    lines.write_text("".join(text + "\n" for text in texts), encoding="utf-8")
    driver = Driver("tokenizer", folder, threads=1)
    ours = driver("tokenize", file=str(lines))["tokens"]
    theirs = sum(len(encoding.ids) for encoding in tokenizer.encode_batch_fast(texts))
    print(f"{make.__name__:44} {len(texts)} titles, {size} bytes, tokens {ours} and {theirs}", flush=True)
    if ours != theirs:
        raise SystemExit(f"{make.__name__}: the programs disagree; timings would say nothing")
    megabytes = size / 1e6
    take_turns(f"tokenise {size / 1e6:.1f} MB, {make.__name__}",
               lambda: (driver("tokenize", file=str(lines))["seconds"], megabytes),
               {"encode_batch_fast": lambda: (timed(lambda: tokenizer.encode_batch_fast(texts))[0], megabytes),
                "encode": lambda: (timed(lambda: [tokenizer.encode(text) for text in texts])[0], megabytes)},
               target=1.0, rounds=ROUNDS, unit="MB/s")
    driver.close()


def main():
    names = sys.argv[1:] or ["qwen25", "bert", "clip", "llama3", "unigram"]
    texts, size = titles()
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as work:
        for name in names:
            compare(getattr(parity_tokenizers, name), texts, size, pathlib.Path(work))


if __name__ == "__main__":
    main()
