#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""train-sasrec against a plain transcription of the released loop and against RecBole, side by side.

bench/run.sh recommender [CASE ...]    cases: sasrec text quality evaluation recbole_sasrec recbole_lightgcn recbole_evaluator
Wants MicroLens-50K and ML-100K (the shared test data), for `text` scripts/get_models.sh. Each program is a process of its
own and starts from the same weights; losses of the first steps (without dropout) or ranks are compared before anything is
timed (`quality` trains both to the end). Peak memory is that of the whole process, whatever it loaded.
"""
import csv
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys

from side_by_side import ROOT, Driver, check_close, machine, take_turns

BENCH = pathlib.Path(__file__).resolve().parent
SHARED = pathlib.Path(os.environ.get("VRAGENT_SHARED", ROOT.parent / "shared")) / "data"
PAIRS = SHARED / "microlens-50k" / "MicroLens-50k_pairs.tsv"
WORK = ROOT / "build" / "bench-recommender"
RECBOLE = os.environ.get("VRAGENT_RECBOLE_VENV", str(ROOT / "build" / "recbole-venv")) + "/bin/python"
MINILM = ROOT / "models" / "all-MiniLM-L6-v2"
THREADS, ROUNDS = int(os.environ.get("VRAGENT_BENCH_THREADS", 2)), int(os.environ.get("VRAGENT_BENCH_ROUNDS", 5))
RELEASED = {"max-len": 10, "min-len": 5, "model": "sequential", "width": 512, "user-encoder": "sasrec", "num-blocks": 2,
            "num-heads": 2, "dropout": 0.1, "loss": "in-batch-softmax", "text-lr": 5e-5,
            "optim": {"lr": 1e-4, "weight-decay": 0.1, "clip": 5.0, "schedule": "constant"}}


class Peer:
    """A Python program that answers jobs."""

    def __init__(self, program, request, python=sys.executable):
        environment = dict(os.environ, OMP_NUM_THREADS=str(THREADS))
        self.process = subprocess.Popen([python, str(BENCH / program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=(WORK / f"{program}.log").open("a"), text=True, env=environment)
        self.ready = self.ask({**request, "threads": THREADS})

    def ask(self, request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"a peer stopped; {WORK} holds its words")
        return json.loads(line)

    def __call__(self, job, **request):
        return self.ask({"job": job, **request})

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def ours(name, config, dtype="float32"):
    path = WORK / f"{name}.json"
    path.write_text(json.dumps(config))
    return Driver("recommender", path, dtype, THREADS)


def peak(program):
    """Peak resident MiB of its process so far."""
    status = pathlib.Path(f"/proc/{program.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))) / 1024


def print_peaks(name, programs):
    mine = peak(programs["vragent"])
    for who, program in programs.items():
        if who != "vragent":
            print(f"{name + ', peak memory':44} {mine:10.0f} MiB       against {who} {peak(program):10.0f}: "
                  f"{mine / peak(program):5.2f}x  target 1x: {'met' if mine <= peak(program) else 'MISSED'}", flush=True)


def batches_of(users, size, steps, seed):
    order = list(range(users))
    random.Random(seed).shuffle(order)
    return [order[i * size:(i + 1) * size] for i in range(steps)]


def training_race(name, config, peer_request, batch, steps, target, tolerance):
    """Losses first, in float32 and without dropout; then steps with the released dropout, ours and theirs in both types."""
    config, weights = {**RELEASED, "interactions": str(PAIRS), **config}, WORK / f"{name.split(',')[0]}.safetensors"
    exact = ours("exact", {**config, "dropout": 0.0})
    users = exact("save_weights", file=str(weights))["users"]
    request = {"interactions": str(PAIRS), "weights": str(weights), **peer_request}
    peer = Peer("plain_recommender.py", {**request, "dropout": 0.0})
    first = batches_of(users, batch, 3, seed=1)
    check_close(f"{name}: losses of 3 steps", exact("train", batches=first)["losses"], peer("train", batches=first)["losses"], tolerance)
    exact.close()
    peer.close()

    programs = {"vragent": ours("train", config), "vragent bf16": ours("train", config, "bfloat16"),
                "plain": Peer("plain_recommender.py", request), "plain bf16": Peer("plain_recommender.py", {**request, "bf16": True}),
                "plain compiled bf16": Peer("plain_recommender.py", {**request, "bf16": True, "compile": True})}
    seeds = {who: iter(range(2, 1000)) for who in programs}
    curves = {who: [] for who in programs}

    def turn(who):
        answer = programs[who]("train", batches=batches_of(users, batch, steps, next(seeds[who])))
        curves[who].append(sum(answer["losses"]) / steps)
        return answer["seconds"], steps * batch

    peers = {who: (lambda who=who: turn(who)) for who in programs if who.startswith("plain")}
    for mine, rivals in (("vragent", ["plain"]), ("vragent bf16", ["plain bf16", "plain compiled bf16"])):
        take_turns(f"{name}, {'bf16' if 'bf16' in mine else 'fp32'}", lambda mine=mine: turn(mine), {who: peers[who] for who in rivals},
                   target, ROUNDS, unit="users/s")
    for who, means in curves.items():
        print(f"{name}, mean loss of each round, {who}: {' '.join(f'{mean:.3f}' for mean in means)}")
    print_peaks(f"{name}, fp32", {who: programs[who] for who in ("vragent", "plain")})
    print_peaks(f"{name}, bf16", {"vragent": programs["vragent bf16"], **{who: programs[who] for who in ("plain bf16", "plain compiled bf16")}})
    for program in programs.values():
        program.close()


def case_sasrec():
    training_race("SASRec d 512, batch 512", {"tower": "id"}, {}, 512, 20, 2, 1e-4)


def case_text():
    if not MINILM.exists():
        return print("text: no models/all-MiniLM-L6-v2 (scripts/get_models.sh): left out")
    with open(SHARED / "microlens-50k" / "MicroLens-50k_titles.csv", encoding="utf-8-sig", newline="") as file:
        titles = dict(list(csv.reader(file))[1:])
    (WORK / "titles.json").write_text(json.dumps(titles))
    config = {"tower": "text", "text-model": str(MINILM), "items": str(SHARED / "microlens-50k" / "MicroLens-50k_titles.csv"),
              "trainable-layers": 2, "max-tokens": 30, "pooling": "cls"}
    training_race("MiniLM text tower, batch 64", config, {"text_model": str(MINILM), "titles": str(WORK / "titles.json")},
                  64, 20, 3, 1e-3)


def case_quality():
    """Both learn from the same weights by the same batches, each with dropout of its own: what they reach must not differ by
    more than 2 standard errors over the orders of their batches (a run's HR@10 moves by more than its users' sampling error)."""
    epochs, batch, orders = int(os.environ.get("VRAGENT_BENCH_EPOCHS", 6)), 128, max(2, ROUNDS)
    config = {**RELEASED, "tower": "id", "interactions": str(PAIRS), "width": 64, "optim": {**RELEASED["optim"], "lr": 1e-3}}
    weights, reached = WORK / "quality.safetensors", {"vragent": [], "plain": []}
    for order in range(orders):
        driver = ours("quality", config)
        users = driver("save_weights", file=str(weights))["users"]
        peer = Peer("plain_recommender.py", {"interactions": str(PAIRS), "weights": str(weights), "width": 64, "lr": 1e-3})
        for who, program in (("vragent", driver), ("plain", peer)):
            for epoch in range(epochs):
                program("train", batches=batches_of(users, batch, users // batch, seed=1000 * order + epoch))
            reached[who].append(program("evaluate", count=True)["hit_rate"])
            program.close()
        print(f"SASRec d 64, order {order + 1}, test HR@10 after {epochs} epochs: {reached['vragent'][-1]:.4f} "
              f"against plain {reached['plain'][-1]:.4f}", flush=True)
    mine, theirs = (statistics.mean(values) for values in reached.values())
    error = (sum(statistics.variance(values) for values in reached.values()) / orders) ** 0.5
    print(f"SASRec d 64, test HR@10, means of {orders} orders: {mine:.4f} against plain {theirs:.4f}, standard error of the "
          f"difference {error:.4f}, 2 allowed: {'met' if abs(mine - theirs) <= 2 * error else 'MISSED'}")


def case_evaluation():
    weights = WORK / "evaluation.safetensors"
    driver = ours("evaluation", {**RELEASED, "tower": "id", "interactions": str(PAIRS)})
    counts = driver("save_weights", file=str(weights))
    peer = Peer("plain_recommender.py", {"interactions": str(PAIRS), "weights": str(weights)})
    mine, theirs = driver("evaluate"), peer("evaluate", count=True)
    check_close("ranks of 50,000 users, mean / items", [mine["mean_rank"] / counts["items"], mine["hit_rate"]],
                [theirs["mean_rank"] / counts["items"], theirs["hit_rate"]], 1e-4)

    def timed(program, **request):
        return lambda: (program("evaluate", **request)["seconds"], counts["users"])

    take_turns("full ranking, 50,000 x 19,099, d 512", timed(driver),
               {"plain, sorting": timed(peer), "plain, counting": timed(peer, count=True)}, 5, ROUNDS, unit="users/s")
    print_peaks("full ranking", {"vragent": driver, "plain": peer})
    driver.close()
    peer.close()


def recbole(model, dataset, folder, config):
    return Peer("recbole_peer.py", {"model": model, "dataset": dataset, "data_path": str(folder), "work": str(WORK / "recbole"),
                                    "config": config}, RECBOLE)


def case_recbole_sasrec():
    """RecBole trains on every prefix of a history as an example, we on every position of its last 51 items in one row."""
    size = {"hidden_size": 64, "inner_size": 256, "n_layers": 2, "n_heads": 2, "hidden_dropout_prob": 0.1, "attn_dropout_prob": 0.1}
    peer = recbole("SASRec", "ml-100k", SHARED, {**size, "MAX_ITEM_LIST_LENGTH": 50, "loss_type": "CE", "train_neg_sample_args": None,
                                                 "train_batch_size": 2048})
    driver = ours("ml-100k", {**RELEASED, "tower": "id", "interactions": str(SHARED / "ml-100k" / "ml-100k.inter"), "max-len": 50,
                              "width": 64, "loss": "softmax"})
    counts = driver("save_weights", file=str(WORK / "ml-100k.safetensors"))
    print(f"ML-100K: RecBole {peer.ready}, vragent {counts}")
    rows, epochs = counts["examples"], iter(range(1, 1000))

    seconds = {"vragent": [], "RecBole": []}

    def epoch(who, run, targets):
        seconds[who].append(run()["seconds"])
        return seconds[who][-1], targets

    take_turns("SASRec d 64, ML-100K, an epoch", lambda: epoch(
        "vragent", lambda: driver("train", batches=batches_of(rows, 64, -(-rows // 64), next(epochs))), counts["targets"]),
        {"RecBole": lambda: epoch("RecBole", lambda: peer("train"), peer.ready["examples"])}, 4, ROUNDS, unit="targets/s")
    medians = {who: statistics.median(values[1:]) for who, values in seconds.items()}
    print(f"  an epoch of ours trains on {counts['targets']} targets in {medians['vragent']:.2f} s, one of theirs on "
          f"{peer.ready['examples']} in {medians['RecBole']:.2f} s")
    print_peaks("SASRec, ML-100K", {"vragent": driver, "RecBole": peer})
    driver.close()
    peer.close()


def random_graph(folder, users=29858, items=40981, edges=810128):
    """As many users, items and training edges as Gowalla has; two more items a user are held out."""
    draw, rows = random.Random(1), []
    for user in range(users):
        degree = edges // users + (user < edges % users) + 2
        rows.append(draw.sample(range(1, items + 1), degree))
    for i, item in enumerate(range(1, items + 1)):  # every item once at least
        rows[i % users][i // users] = item
    rows = [list(dict.fromkeys(row)) for row in rows]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "graph.tsv").write_text("".join(f"{u + 1}\t{' '.join(map(str, row))}\n" for u, row in enumerate(rows)))
    write_atomic(folder / "graph.inter", rows)
    return folder / "graph.tsv"


def write_atomic(path, rows):
    lines = ["user_id:token\titem_id:token\ttimestamp:float\n"]
    for user, row in enumerate(rows, start=1):
        lines += [f"{user}\t{item}\t{time}\n" for time, item in enumerate(row)]
    path.write_text("".join(lines))


def case_recbole_lightgcn():
    steps, batch = 4, 2048
    path = random_graph(WORK / "graph")
    peer = recbole("LightGCN", "graph", WORK, {"embedding_size": 64, "n_layers": 3, "reg_weight": 1e-4, "train_batch_size": batch,
                                            "load_col": {"inter": ["user_id", "item_id", "timestamp"]}})
    driver = ours("lightgcn", {"model": "lightgcn", "interactions": str(path), "max-len": 1000, "width": 64, "gcn-layers": 3,
                               "loss": "bpr", "embedding-l2": 1e-4, "optim": {"lr": 1e-3, "weight-decay": 0.0, "clip": 0.0}})
    counts = driver("save_weights", file=str(WORK / "graph.safetensors"))
    print(f"random graph: RecBole {peer.ready}, vragent {counts}; an epoch is {counts['examples'] // batch} steps, timed are {steps}")
    take_turns("LightGCN d 64, 3 layers, Gowalla's size", lambda: (driver("train", steps=steps, batch_size=batch)["seconds"], steps * batch),
               {"RecBole": lambda: (peer("train", steps=steps)["seconds"], steps * batch)}, 3, ROUNDS, unit="pairs/s")
    print_peaks("LightGCN", {"vragent": driver, "RecBole": peer})
    driver.close()
    peer.close()


def case_recbole_evaluator():
    with open(PAIRS) as file:
        rows = [line.split("\t")[1].split()[-13:] for line in file]
    (WORK / "windows").mkdir(exist_ok=True)
    write_atomic(WORK / "windows" / "windows.inter", rows)
    size = {"hidden_size": 512, "inner_size": 2048, "n_layers": 2, "n_heads": 2}
    peers = {f"RecBole, {batch} users": recbole("SASRec", "windows", WORK, {
        **size, "MAX_ITEM_LIST_LENGTH": 10, "loss_type": "CE", "train_neg_sample_args": None, "eval_batch_size": batch,
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]}})
        for batch in (64, 4096)}
    driver = ours("evaluation", {**RELEASED, "tower": "id", "interactions": str(PAIRS)})
    take_turns("full ranking, 50,000 x 19,099, d 512", lambda: (driver("evaluate")["seconds"], 50000),
               {who: (lambda peer=peer: (peer("evaluate")["seconds"], 50000)) for who, peer in peers.items()}, 5, ROUNDS, unit="users/s")
    print_peaks("full ranking", {"vragent": driver, **peers})
    for program in [driver, *peers.values()]:
        program.close()


CASES = {name[len("case_"):]: function for name, function in list(globals().items()) if name.startswith("case_")}

if __name__ == "__main__":
    if not PAIRS.exists():
        raise SystemExit(f"{PAIRS} is absent: nothing measured")
    WORK.mkdir(parents=True, exist_ok=True)
    print(machine())
    for name in sys.argv[1:] or CASES:
        CASES[name]()
