#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What table1.sh says about data sets and rows before anything runs.

table1_plan.py data|name COUNTS, table1_plan.py row COUNTS CONFIG MEMORY [FLAGS]. COUNTS is what `inspect data` printed,
MEMORY what `train-sasrec --dry-run --json` did. Time is the multiplications of training at VRAGENT_GFLOPS (default 60,
a 2-core machine; with --device cuda 8000, and 5 ms a step): rough, and says so.
"""
import json
import os
import re
import sys

KNOWN = {  # users, items, interactions (MicroLens README)
    "MicroLens-100K": (100_000, 19_738, 719_405), "MicroLens-50K": (50_000, 19_220, 359_708),
    "MicroLens-1M": (1_000_000, 91_402, 9_095_620)}
ENCODER_MATRICES = {"sasrec": 24, "gru4rec": 6, "nextitnet": 24}  # width^2 times this, all layers
BERT = 110e6  # parameters; what a base-sized text tower has


def counts_of(text):
    rows = {}
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        rows[name] = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", rest)}
    return rows


def data_name(counts):
    seen = counts["interactions"]
    for name, known in KNOWN.items():
        if known == (seen["users"], seen["items"], seen["interactions"]):
            return name
    return "unknown data"


def flags_over(config, flags):
    """The settings that matter here, as flags after -- override them."""
    values = dict(config)
    for flag, value in zip(flags, flags[1:]):
        if flag.startswith("--") and not value.startswith("--"):
            values[flag[2:]] = json.loads(value) if re.fullmatch(r"[\d.e-]+", value) else value
    return values


def steps_and_work(counts, config):
    """Optimiser steps of an epoch, and its multiplications."""
    width, batch = config["width"], config["batch-size"]
    protocol = counts["protocol"]
    users, items, pairs = protocol["users"], protocol["items"], protocol["train_interactions"]
    if config["model"] == "sequential":
        targets = pairs - users  # one position a user has no history
        columns = min(items, batch * pairs // users)
        work = 6 * users * config["max-len"] * ENCODER_MATRICES[config["user-encoder"]] * width ** 2
        work += 6 * targets * columns * width
        if config["tower"] == "text":
            work += 2.5 * BERT * min(pairs, users / batch * columns) * config["max-tokens"]
        return users / batch, work
    steps = pairs / batch
    work = 6 * pairs * batch * width + 30 * steps * (users + items) * width
    if config["model"] == "deepfm":
        work = 6 * pairs * (11 * width ** 2 + 11 * batch * width)
    elif config["model"] in ("lightgcn", "mmgcn"):
        work += steps * 8 * pairs * width * config.get("gcn-layers", 3)
    return steps, work


def plan(counts, config, memory):
    """memory: what --dry-run --json printed."""
    gib = max(float(memory[0]["rows"][-1][phase]) for phase in ("training", "ranking"))
    on_gpu = str(config.get("device", "cpu")).startswith("cuda")
    rate = float(os.environ.get("VRAGENT_GFLOPS", 8000 if on_gpu else 60)) * 1e9
    steps, work = steps_and_work(counts, config)
    hours = config["epochs"] * (work / rate + steps * (0.005 if on_gpu else 0)) / 3600
    time = f"{hours:.1f} h" if hours >= 1 else f"{max(1, 60 * hours):.0f} min"
    return f"at most {config['epochs']} epochs, roughly {gib:.2f} GiB and {time} a seed"


def main():
    counts = counts_of(sys.argv[2])
    if sys.argv[1] == "row":
        print(plan(counts, flags_over(json.load(open(sys.argv[3])), sys.argv[5:]), json.loads(sys.argv[4])))
    elif sys.argv[1] == "name":
        print(data_name(counts))
    elif data_name(counts) in KNOWN:
        print(f"the counts are those of {data_name(counts)} as published")
    else:
        known = "; ".join(f"{name} {u} users, {i} items, {n} interactions" for name, (u, i, n) in KNOWN.items())
        print(f"WARNING: these are not the counts of a published set ({known})")


if __name__ == "__main__":
    main()
