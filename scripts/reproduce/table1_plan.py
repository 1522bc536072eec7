#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What table1.sh says about data sets and rows before anything runs.

table1_plan.py data|name COUNTS, table1_plan.py row COUNTS CONFIG MEMORY [FLAGS]. COUNTS is what `inspect data` printed,
MEMORY what `train-sasrec --dry-run --json` did, FLAGS a row's inputs and what follows --. Time is the multiplications
of training, an encoder's by the sizes in its config.json, at VRAGENT_GFLOPS (default 60, a 2-core machine; with
--device cuda 8000, and 5 ms a forward and backward), without the reading of pictures: rough, and says so.
"""
import json
import os
import re
import sys

KNOWN = {  # users, items, interactions (MicroLens README)
    "MicroLens-100K": (100_000, 19_738, 719_405), "MicroLens-50K": (50_000, 19_220, 359_708),
    "MicroLens-1M": (1_000_000, 91_402, 9_095_620)}
ENCODER_MATRICES = {"sasrec": 24, "gru4rec": 6, "nextitnet": 24}  # width^2 times this, all layers
DEFAULTS = {"max-tokens": 30, "trainable-layers": 2, "micro-batch": 0}  # of train-sasrec, what rows may leave out
MODEL_FLAGS = {"text": "text-model", "image": "vision-model", "video": "vision-model"}  # by tower
NUMBER = r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?"


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
    """The settings that matter here, as flags override them."""
    values = {**DEFAULTS, **config}
    for flag, value in zip(flags, flags[1:]):
        if flag.startswith("--") and not value.startswith("--"):
            is_number = not flag.endswith("-model") and re.fullmatch(NUMBER, value)
            values[flag[2:]] = json.loads(value) if is_number else value
    return values


def model_folder(name):
    """A folder, or what the local cache holds of ORGANISATION/NAME, as the program finds it."""
    if os.path.isdir(name):
        return name
    home = os.environ.get("HF_HOME") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "huggingface")
    hub = os.environ.get("HF_HUB_CACHE") or os.path.join(home, "hub")
    model = os.path.join(hub, "models--" + name.replace("/", "--"))
    with open(os.path.join(model, "refs", "main")) as ref:
        return os.path.join(model, "snapshots", ref.read().strip())


def tokens_of(encoder, config):
    """Tokens of an item: of a text at most, or the patches of a picture or of a video's frames."""
    if config["tower"] == "text":
        return min(config["max-tokens"], encoder.get("max_position_embeddings", 512))
    size, patch = (side[0] if isinstance(side, list) else side
                   for side in (encoder.get("image_size", 224), encoder.get("patch_size", 16)))
    patches = (size // patch) ** 2
    if config["tower"] == "image":
        return patches + 1  # the class token
    return patches * (encoder.get("num_frames", 16) // encoder.get("tubelet_size", 2))


def encoder_work(config, encoded, items):
    """Multiplications of the encoder in an epoch that trains on `encoded` items, and those that a run has once."""
    folder = config.get(MODEL_FLAGS.get(config["tower"]))
    if folder is None:
        return 0, 0
    with open(os.path.join(model_folder(folder), "config.json")) as file:
        encoder = json.load(file)
    tokens, width = tokens_of(encoder, config), encoder.get("hidden_size", 768)
    inner, layers = encoder.get("intermediate_size", 3072), encoder.get("num_hidden_layers", 12)
    layer = 2 * tokens * (4 * width ** 2 + 2 * width * inner + 2 * tokens * width)
    trained = layers if config["trainable-layers"] < 0 else min(config["trainable-layers"], layers)
    all_items = items * layers * layer  # once where nothing trains, else to rank, after each epoch and at the end
    if trained == 0:
        return 0, all_items
    return encoded * (layers + 2 * trained) * layer + all_items, all_items


def passes_and_work(counts, config):
    """Forwards with their backwards in an epoch, its multiplications, and those that a run has once."""
    width, batch = config["width"], config["batch-size"]
    protocol = counts["protocol"]
    users, items, pairs = protocol["users"], protocol["items"], protocol["train_interactions"]
    examples = users if config["model"] == "sequential" else pairs
    at_once = max(1, min(examples, batch, config["micro-batch"] or batch))
    passes = examples / at_once
    if config["model"] == "sequential":
        targets = pairs - users  # one position a user has no history
        columns = min(items, at_once * pairs // users)
        work = 6 * users * config["max-len"] * ENCODER_MATRICES[config["user-encoder"]] * width ** 2
        work += 6 * targets * columns * width
        encoding, once = encoder_work(config, passes * columns, items)
        return passes, work + encoding, once
    work = 6 * pairs * at_once * width + 30 * pairs / batch * (users + items) * width
    if config["model"] == "deepfm":
        work = 6 * pairs * (11 * width ** 2 + 11 * at_once * width)
    elif config["model"] in ("lightgcn", "mmgcn"):
        work += passes * 8 * pairs * width * config.get("gcn-layers", 3)
    return passes, work, 0


def plan(counts, config, memory):
    """memory: what --dry-run --json printed."""
    gib = max(float(memory[0]["rows"][-1][phase]) for phase in ("training", "ranking"))
    on_gpu = str(config.get("device", "cpu")).startswith("cuda")
    rate = float(os.environ.get("VRAGENT_GFLOPS", 8000 if on_gpu else 60)) * 1e9
    passes, work, once = passes_and_work(counts, config)
    hours = (config["epochs"] * (work / rate + passes * (0.005 if on_gpu else 0)) + once / rate) / 3600
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
