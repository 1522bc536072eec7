#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reading and splitting MicroLens-50K: vragent against pandas with the released loader's logic.

  bench/readers.py [--vragent PROGRAM] [--data FOLDER] [--rounds N]

Needs pandas; run it with the Python of an environment that has it. The peers are transcribed from the protocol
(recommender.md 2.1): `loop` reads with pandas and walks over users as the released loader does, `vectorised` is what
pandas does best. Each turn is a process of its own. Compared are the seconds from the closed file to the split (without
starting the program or importing pandas), and of the whole process its seconds, CPU seconds and largest memory.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
MAX_LEN, MIN_LEN = 10, 5
WINDOW = MAX_LEN + 3


def split_in_a_loop(path):
    """Train, valid and test parts, histories to mask and popularity, user by user."""
    import numpy as np
    import pandas as pd

    pairs = pd.read_csv(path, sep="\t", header=None, names=["user", "items"], dtype=str)
    windows, counts = {}, {}
    for user, text in zip(pairs["user"], pairs["items"]):
        items = text.split(" ")
        if len(items) < MIN_LEN:
            continue
        windows[user] = items[-WINDOW:]
        for item in windows[user]:
            counts[item] = counts.get(item, 0) + 1
    number = {item: i for i, item in enumerate(sorted(counts, key=int), start=1)}
    train, valid, test, seen_valid, seen_test = {}, {}, {}, {}, {}
    popularity = np.zeros(len(number) + 1)
    for user, (name, items) in enumerate(windows.items()):
        sequence = [number[item] for item in items]
        train[user], valid[user], test[user] = sequence[:-2], sequence[-(MAX_LEN + 2):-1], sequence[-(MAX_LEN + 1):]
        seen_valid[user], seen_test[user] = np.array(train[user]), np.array(sequence[:-1])
        for item in train[user]:
            popularity[item] += 1
    return {"users": len(train), "items": len(number), "train_interactions": int(popularity.sum()),
            "train_items": int((popularity > 0).sum())}


def split_in_columns(path):
    """The same parts as columns of rows."""
    import pandas as pd

    pairs = pd.read_csv(path, sep="\t", header=None, names=["user", "items"])
    rows = pairs.assign(item=pairs["items"].str.split(" "))[["user", "item"]].explode("item", ignore_index=True)
    rows["item"] = rows["item"].astype("int64")
    rows = rows[rows.groupby("user")["user"].transform("size") >= MIN_LEN].groupby("user").tail(WINDOW)
    rows["index"] = rows["item"].rank(method="dense").astype("int64")
    from_end = rows.groupby("user").cumcount(ascending=False)
    train = rows[from_end >= 2]
    valid = rows[(from_end >= 1) & (from_end < MAX_LEN + 2)]
    test = rows[from_end < MAX_LEN + 1]
    popularity = train["index"].value_counts()
    assert len(valid) and len(test)
    return {"users": rows["user"].nunique(), "items": int(rows["index"].max()),
            "train_interactions": int(popularity.sum()), "train_items": len(popularity)}


PEERS = {"loop": split_in_a_loop, "vectorised": split_in_columns}


def work(peer, path):
    """A peer's process: imports first, then the clock."""
    import numpy  # noqa: F401
    import pandas  # noqa: F401

    begin = time.perf_counter()
    counts = PEERS[peer](path)
    print(json.dumps({"seconds": time.perf_counter() - begin, "counts": counts}))


def run(command):
    """Output and messages of a process, and what it cost: wall and CPU seconds, peak MiB."""
    begin = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=dict(os.environ, OMP_NUM_THREADS="1"))
    output, messages = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - begin
    if status != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: {messages}")
    return output, messages, {"wall": seconds, "cpu": usage.ru_utime + usage.ru_stime, "MiB": usage.ru_maxrss / 1024}


def run_vragent(program, path):
    output, messages, cost = run([program, "inspect", "data", "--interactions", path, "--json"])
    seconds = float(re.search(r"seconds=([\d.]+)", messages).group(1))
    counts = json.loads(output.splitlines()[1])
    return {"seconds": seconds, "counts": counts, **cost}


def run_peer(peer, path):
    output, _, cost = run([sys.executable, __file__, "--work", peer, path])
    return {**json.loads(output), **cost}


def check_same(ours, theirs, peer):
    for name, count in theirs.items():
        if ours[name] != count:
            raise SystemExit(f"{peer} counts {count} {name}, vragent {ours[name]}: timings would say nothing")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    shared = os.environ.get("VRAGENT_SHARED", str(ROOT.parent / "shared"))
    parser.add_argument("--vragent", default=str(ROOT / "build/release/tools/vragent"))
    parser.add_argument("--data", default=f"{shared}/data/microlens-50k", help="folder of MicroLens-50k_pairs.tsv")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", nargs=2, metavar=("PEER", "FILE"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work:
        return work(*args.work)
    path = str(pathlib.Path(args.data) / "MicroLens-50k_pairs.tsv")
    if not os.path.exists(path):
        raise SystemExit(f"{path} is absent: nothing measured")
    runs = {"vragent": lambda: run_vragent(args.vragent, path),
            **{peer: (lambda peer=peer: run_peer(peer, path)) for peer in PEERS}}
    results = {who: [] for who in runs}
    for turn in range(args.rounds + 1):  # the first warms the file up
        for who, measure in runs.items():
            result = measure()
            if turn > 0:
                results[who].append(result)
    for peer in PEERS:
        check_same(results["vragent"][0]["counts"], results[peer][0]["counts"], peer)
        for key in ("seconds", "wall", "cpu", "MiB"):
            ours, theirs = ([r[key] for r in results[who]] for who in ("vragent", peer))
            ratios = [b / a for a, b in zip(ours, theirs)]
            print(f"{key:8} vragent {statistics.median(ours):8.3f}  {peer:10} {statistics.median(theirs):8.3f}  "
                  f"ratio {statistics.median(ratios):6.2f} [{min(ratios):.2f}, {max(ratios):.2f}]")


if __name__ == "__main__":
    main()
