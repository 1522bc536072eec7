#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the recommenders' scores, losses and gradients with plain PyTorch written from their formulas, live.

Usage: parity_recommender.py VRAGENT_BINARY [WORK_FOLDER]. Every case trains on random interactions in whole-batch
steps. The weights after two steps are read back and used here, in double precision, for the third step's loss, its
gradient in every parameter (read out of the optimiser's first moments, relative to the largest) and the score of every
unseen item of every user. Encoders of texts and pictures that train are transformers' here, given those weights. The
curves are read by TensorBoard's own reader. One line a comparison; exit code 1 when one is above its bound.
"""
import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from parity_checks import feedback, towers
from parity_checks.random_numbers import Stream, hash_text, mix_seed

BINARY = sys.argv[1]
TOLERANCE = 1e-5  # of numbers up to 1, else relative
WIDTH, MAX_LEN, SEED = 16, 6, 3
COMMON = ["--width", WIDTH, "--max-len", MAX_LEN, "--seed", SEED, "--threads", 1, "--dropout", 0, "--batch-size", 100000,
          "--patience", 0, "--optim.lr", 0.02, "--optim.clip", 0, "--optim.weight-decay", 0.01, "--top-k", 1000]
failures = []


class Data:
    """Random histories under the protocol: windows of the last MAX_LEN + 3, a catalogue of what is in them.

    rare: so many users' last item is one that nobody else has watched."""

    def __init__(self, path, rare=0):
        rng = random.Random(5)
        ids = rng.sample(range(1, 200), 60)
        popular = [1 / (i + 3) for i in range(60)]
        windows = []
        with open(path, "w") as file:
            for user in range(40):
                history = []
                while len(history) < 5 + user % 9:
                    item = rng.choices(ids, popular)[0]
                    if item not in history:
                        history.append(item)
                if user < rare:
                    history[-1] = 200 + user
                file.write(f"{user + 1}\t{' '.join(map(str, history))}\n")
                windows.append(history[-(MAX_LEN + 3):])
        self.path = path
        self.item_ids = [0] + sorted({item for window in windows for item in window})
        index = {item: i for i, item in enumerate(self.item_ids)}
        self.windows = [[index[item] for item in window] for window in windows]
        self.trains = [window[:-2] for window in self.windows]
        self.num_items = len(self.item_ids) - 1
        counts = torch.zeros(self.num_items + 1, dtype=torch.float64)
        for train in self.trains:
            for item in train:
                counts[item] += 1
        self.log_pop = torch.log(counts / counts.sum())
        self.log_pop[0] = 0

    def test_inputs(self):
        return torch.tensor([padded(window[:-1][-MAX_LEN:], MAX_LEN) for window in self.windows])

    def edges(self):
        return sorted({(user, item) for user, train in enumerate(self.trains) for item in train})


def padded(items, length):
    return [0] * (length - len(items)) + list(items)


# User encoders. p: parameters by name; x: item vectors [B, L, D]; real: [B, L].
def layer_norm(p, name, x, eps):
    return F.layer_norm(x, x.shape[-1:], p[name + ".weight"], p[name + ".bias"], eps)


def sasrec(p, x, real):
    length = x.shape[1]
    x = layer_norm(p, "users.sasrec.layer_norm", x + p["users.sasrec.position_embedding.weight"], 1e-6)
    visible = torch.ones(length, length).tril().bool() & real[:, None, :]
    mask = torch.where(visible, 0.0, -1e9).double()
    for i in range(2):
        block = f"users.sasrec.blocks.{i}."
        mixed = []
        for head in range(2):
            half = slice(head * WIDTH // 2, (head + 1) * WIDTH // 2)
            q, k, v = ((x @ p[block + name + ".weight"].T)[..., half] for name in ("query", "key", "value"))
            mixed.append(torch.softmax(q @ k.transpose(1, 2) / math.sqrt(WIDTH // 2) + mask, -1) @ v)
        x = layer_norm(p, block + "attention_norm", x + torch.cat(mixed, -1) @ p[block + "output.weight"].T, 1e-6)
        inner = torch.relu(F.linear(x, p[block + "inner.weight"], p[block + "inner.bias"]))
        outer = F.linear(inner, p[block + "outer.weight"], p[block + "outer.bias"])
        x = layer_norm(p, block + "feed_forward_norm", x + outer, 1e-6)
    return x


def gru4rec(p, x, real):
    start = torch.zeros(1, len(x), WIDTH, dtype=torch.float64)
    weights = [p["users.gru4rec.input.weight"], p["users.gru4rec.hidden.weight"]]
    return torch._VF.gru(x, start, weights, False, 1, 0.0, False, False, True)[0]  # what nn.GRU calls


def nextitnet(p, x, real):
    for i, dilation in enumerate([1, 4, 1, 4]):
        block = f"users.nextitnet.blocks.{i}."
        y = x
        for n, rate in ((1, dilation), (2, 2 * dilation)):
            y = F.pad(y.transpose(1, 2), (2 * rate, 0))
            y = F.conv1d(y, p[f"{block}conv{n}.weight"], p[f"{block}conv{n}.bias"], dilation=rate).transpose(1, 2)
            y = torch.relu(layer_norm(p, f"{block}norm{n}", y, 1e-8))
        x = x + y
    return x


# Item towers: vectors of all items [N+1, D].
def id_tower(p, features):
    """The row of padding is read, and does not learn."""
    table = p["items.item_embedding.weight"]
    return torch.cat([table[:1].detach(), table[1:]])


def feature_tower(sources, fusion):
    def vectors(p, features):
        parts = []
        for i, name in enumerate(sources):
            project = f"items.features.projects.{i}."
            part = F.linear(features[name], p[project + "weight"], p[project + "bias"])
            if fusion == "weighted" and len(sources) > 1:
                part = layer_norm(p, f"items.features.norms.{i}", part, 1e-6)
            elif name == "video":
                part = F.gelu(part)
            parts.append(part)
        if len(parts) == 1:
            joined = parts[0]
        elif fusion == "weighted":
            shares = torch.softmax(p["items.features.mix"], 0)
            joined = sum(share * part for share, part in zip(shares, parts))
        elif fusion == "concat":
            joined = F.linear(torch.cat(parts, 1), p["items.features.join.weight"], p["items.features.join.bias"])
            joined = F.linear(joined, p["items.features.last.weight"], p["items.features.last.bias"])
        else:
            joined = sum(parts)
        joined = joined.clone()
        joined[0] = 0
        return joined
    return vectors


def without_pads(encoder):
    """The encoder on each row's items alone."""
    def states(p, x, real):
        rows = []
        for row, is_item in zip(x, real):
            alone = encoder(p, row[is_item][None], torch.ones(1, int(is_item.sum()), dtype=torch.bool))[0]
            rows.append(F.pad(alone, (0, 0, len(row) - len(alone), 0)))
        return torch.stack(rows)
    return states


# Losses. Rows are shown in the program's order of the step, because negatives are drawn along it.
def step_order(count, step):
    return Stream(mix_seed(SEED, hash_text("order"), step)).shuffled(list(range(count)))


def in_batch_softmax(data, rows, states, table, firsts=None, repeats=None, disliked=None):
    """Section 3.1: all B (L+1) columns, own items and pads masked but for the target's own column.

    firsts: place of each row's first target in the padded row; repeats: rows whose targets alone are columns; disliked:
    items that are columns of a row, which has not watched them, where the batch does not hold them anyway."""
    items = torch.tensor(rows)
    width = items.shape[1]
    hidden_rows = torch.zeros_like(items, dtype=torch.bool)
    for u in range(len(rows)):
        if repeats and repeats[u]:
            hidden_rows[u, :firsts[u]] = True
    columns = items.masked_fill(hidden_rows, 0).flatten()
    losses = []
    for u in range(len(rows)):
        own = set(disliked[u]) - set(rows[u]) - set(columns.tolist()) if disliked else ()
        seen = torch.cat([columns, torch.tensor(sorted(own), dtype=torch.int64)])
        hidden = torch.isin(seen, items[u]) | (seen == 0)
        for t in range(width - 1):
            if items[u, t + 1] == 0 or items[u, t] == 0 or (firsts and t + 1 < firsts[u]):
                continue
            logits = table[seen] @ states[u, t] - data.log_pop[seen]
            mask = hidden.clone()
            mask[u * width + t + 1] = False
            logits = torch.where(mask, -1e4, logits)
            losses.append(torch.logsumexp(logits, 0) - logits[u * width + t + 1])
    return torch.stack(losses).mean()


def on_negatives(name, positive, negative, beta):
    """positive [], negative [K] -> one target's loss"""
    if name == "sampled-softmax":
        return -torch.log_softmax(torch.cat([positive[None], negative]), 0)[0]
    if name == "bpr":
        return -F.logsigmoid(positive - negative).mean()
    return -(torch.log(torch.sigmoid(positive) ** beta) + torch.log(1 - torch.sigmoid(negative)).sum()) / (len(negative) + 1)


def drawn_loss(name, data, rows, seen, states, table, step, count, per_row=False, calibration=0.0):
    """rows: padded rows whose real positions after the first are targets; seen: what a row must not draw."""
    alpha = count / (data.num_items - 1)
    beta = alpha * ((1 - 1 / alpha) * calibration + 1 / alpha)
    stream = Stream(mix_seed(SEED, hash_text("draws"), step))

    def draw(own):
        drawn = []
        while len(drawn) < count:
            item = 1 + stream.below(data.num_items)
            if item not in own:
                drawn.append(item)
        return table[torch.tensor(drawn)]

    losses = []
    for u, row in enumerate(rows):
        shared = draw(seen[u]) if per_row else None
        for t, state in enumerate(states[u]):
            if row[t + 1] == 0 or (row[t] == 0 and len(row) > 2):
                continue
            negatives = shared if per_row else draw(seen[u])
            losses.append(on_negatives(name, table[row[t + 1]] @ state, negatives @ state, beta))
    return torch.stack(losses).mean()


def sequential_loss(loss, data, encoder, p, table, step):
    trains = [train for train in data.trains if len(train) >= 2]
    rows = [padded(trains[i], MAX_LEN + 1) for i in step_order(len(trains), step)]
    inputs = torch.tensor(rows)[:, :-1]
    states = encoder(p, table[inputs], inputs > 0)
    name, *options = loss
    if name == "in-batch-softmax":
        return in_batch_softmax(data, rows, states, table)
    if name == "softmax":
        targets = torch.tensor(rows)[:, 1:]
        real = (targets > 0) & (inputs > 0)
        return F.cross_entropy(states[real] @ table[1:].T, targets[real] - 1)
    return drawn_loss(name, data, rows, rows, states, table, step, *options)


def fed_loss(fed, p, step):
    """SASRec on ids whose training rows are those of feedback.Fed."""
    rows = [fed.rows[i] for i in step_order(len(fed.rows), step)]
    items = [padded(row.items, MAX_LEN + 1) for row in rows]
    inputs, table = torch.tensor(items)[:, :-1], id_tower(p, None)
    states = sasrec(p, table[inputs], inputs > 0)
    firsts = [MAX_LEN + 1 - len(row.items) + row.first_target for row in rows]
    return in_batch_softmax(fed, items, states, table, firsts, [row.repeats for row in rows],
                            [row.disliked for row in rows])


# Collaborative models: vectors of users [U, D] and items [N+1, D].
def dssm(p, data, features):
    return p["dssm.user_table.weight"], p["dssm.item_table.weight"]


def pattern(data):
    nodes = len(data.trains) + data.num_items + 1
    dense = torch.zeros(nodes, nodes, dtype=torch.float64)
    for user, item in data.edges():
        dense[user, len(data.trains) + item] = dense[len(data.trains) + item, user] = 1
    return dense, dense.sum(1).clamp(min=1)


def halves(data, x):
    return x[:len(data.trains)], x[len(data.trains):]


def lightgcn(p, data, features):
    dense, degree = pattern(data)
    matrix = dense / degree.sqrt()[:, None] / degree.sqrt()
    layers = [torch.cat([p["lightgcn.user_table.weight"], p["lightgcn.item_table.weight"]])]
    for _ in range(2):
        layers.append(matrix @ layers[-1])
    return halves(data, sum(layers) / 3)


def mmgcn(p, data, features):
    dense, degree = pattern(data)
    parts = []
    for m, name in enumerate(("text", "image")):
        part = f"mmgcn.parts.{m}."
        x = features[name]
        if name == "image":
            x = F.linear(x, p[part + "reduce.weight"], p[part + "reduce.bias"])
        x = F.normalize(torch.cat([p[part + "preference"], x]))
        for i in range(3):
            layer = f"{part}layers.{i}."
            h = F.leaky_relu(dense @ (x @ p[layer + "weight"]) / degree[:, None])
            g = F.leaky_relu(F.linear(x, p[layer + "own.weight"], p[layer + "own.bias"])) + p["mmgcn.ids"]
            x = F.leaky_relu(F.linear(torch.cat([h, g], 1), p[layer + "merge.weight"], p[layer + "merge.bias"]))
        parts.append(x)
    return halves(data, sum(parts) / 2)


def vbpr(p, data, features):
    projected = features["image"] @ p["vbpr.project.weight"].T
    return p["vbpr.user_table.weight"], torch.cat([p["vbpr.item_table.weight"], projected], 1)


def step_pairs(data, step):
    pairs = [(user, item) for user, train in enumerate(data.trains) for item in train]
    return [pairs[i] for i in step_order(len(pairs), step)]


def penalised_nodes(data, step):
    """Users, and behind each other their items and one negative each, of a step of BPR."""
    pairs, stream, drawn = step_pairs(data, step), Stream(mix_seed(SEED, hash_text("draws"), step)), []
    for user, _ in pairs:
        item = 1 + stream.below(data.num_items)
        while item in data.trains[user]:
            item = 1 + stream.below(data.num_items)
        drawn.append(item)
    return torch.tensor([user for user, _ in pairs]), torch.tensor([item for _, item in pairs] + drawn)


def lightgcn_penalty(p, data, step):
    users, items = penalised_nodes(data, step)
    return (p["lightgcn.user_table.weight"][users].square().sum() + p["lightgcn.item_table.weight"][items].square().sum()) / 2 / len(users)


def mmgcn_penalty(p, data, step):
    """Of the preferences the picture's alone are penalised."""
    users, items = penalised_nodes(data, step)
    of_users, of_items = halves(data, p["mmgcn.ids"])
    return (of_users[users.repeat(2)].square() + of_items[items].square()).mean() + p["mmgcn.parts.1.preference"].square().mean()


def pair_loss(loss, data, users, items, step):
    pairs = step_pairs(data, step)
    states = users[torch.tensor([user for user, _ in pairs])]
    targets = torch.tensor([item for _, item in pairs])
    name, *options = loss
    if name == "in-batch-softmax":
        logits = states @ items[targets].T - data.log_pop[targets]
        copies = (targets[:, None] == targets) & ~torch.eye(len(pairs), dtype=bool)
        return F.cross_entropy(torch.where(copies, -1e8, logits), torch.arange(len(pairs)))
    seen = [data.trains[user] for user, _ in pairs]
    return drawn_loss(name, data, [[0, item] for _, item in pairs], seen, states[:, None], items, step, *options)


def deepfm_scores(p, history, candidates, released=False):
    """history [B, L], candidates [C] -> [B, C]"""
    table, hidden = p["deepfm.item_table.weight"], p["deepfm.hidden.weight"]
    rows = []
    for items in history:
        fields = table[items] * (items > 0)[:, None]
        scores = []
        for candidate in candidates:
            own = table[candidate]
            seen = hidden[:, MAX_LEN * WIDTH:] @ own if released else own
            pairs = torch.cat([fields, seen[None]])
            machine = 0.5 * (pairs.sum(0).square() - pairs.square().sum(0)).sum()
            layer = torch.relu(hidden @ torch.cat([fields.flatten(), own]))
            scores.append(machine + p["deepfm.output.weight"][0] @ layer + p["deepfm.output.bias"][0])
        rows.append(torch.stack(scores))
    return torch.stack(rows)


def nfm_scores(p, history, candidates):
    """history [B, L], candidates [C] -> [B, C]"""
    table = p["nfm.item_table.weight"]
    rows = []
    for items in history:
        scores = []
        for candidate in candidates:
            fields = torch.cat([table[items[items > 0]], table[candidate][None]])
            pairs = sum((fields[i] * fields[j] for i in range(len(fields)) for j in range(i)), torch.zeros(WIDTH).double())
            layer = torch.relu(F.linear(pairs, p["nfm.hidden.weight"], p["nfm.hidden.bias"]))
            scores.append(p["nfm.output.weight"][0] @ layer)
        rows.append(torch.stack(scores))
    return torch.stack(rows)


def fields_loss(scores_of, p, data, step):
    rows = [train[:i] + train[i + 1:] + [train[i]] for train in data.trains for i in range(len(train))]
    rows = [padded(rows[i], MAX_LEN + 1) for i in step_order(len(rows), step)]
    columns = torch.tensor(rows).flatten()
    unique, places = columns.unique(return_inverse=True)
    all_scores = scores_of(p, torch.tensor(rows)[:, :-1], unique)[:, places]
    losses = []
    for u, row in enumerate(rows):
        own = u * len(row) + MAX_LEN
        mask = torch.isin(columns, torch.tensor(row)) | (columns == 0)
        mask[own] = False
        logits = torch.where(mask, -1e8, all_scores[u] - data.log_pop[columns])
        losses.append(torch.logsumexp(logits, 0) - logits[own])
    return torch.stack(losses).mean()


# Running a case.
def check(name, ours, theirs):
    error = (torch.as_tensor(ours) - theirs).abs().div(theirs.abs().clamp(min=1)).max().item()
    verdict = "ok" if error <= TOLERANCE else "FAIL"
    print(f"{verdict:4} {name:48} max_error={error:.2e} scale={theirs.abs().max().item():.2f} numbers={theirs.numel()}")
    if verdict != "ok":
        failures.append(name)


def check_curves(name, folder):
    """TensorBoard's own reader against train_log.jsonl."""
    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    lines = [json.loads(line) for line in (folder / "train_log.jsonl").read_text().splitlines()]
    tags = [tag for tag in lines[0] if tag != "step"]
    assert sorted(reader.Tags()["scalars"]) == sorted(tags), (reader.Tags(), tags)
    read = {tag: [(event.step, event.value) for event in reader.Scalars(tag)] for tag in tags}
    for tag in tags:
        check(f"{name} TensorBoard {tag}", torch.tensor([[row["step"], row[tag]] for row in lines], dtype=torch.float64),
              torch.tensor(read[tag], dtype=torch.float64))


def in_double(tensors, prefix=""):
    return {name[len(prefix):]: tensor.double() for name, tensor in tensors.items() if name.startswith(prefix)}


def run(data, work, name, flags, loss_of, scores_of):
    """loss_of(parameters, step) and scores_of(parameters) [U, N+1] against two and three steps of the program."""
    folders = []
    for epochs in (2, 3):
        folders.append(work / f"{name}-{epochs}")
        command = [BINARY, "-q", "train-sasrec", "--interactions", data.path, "--out", folders[-1], "--epochs", epochs]
        subprocess.run([str(word) for word in command + COMMON + flags], check=True, stdout=subprocess.DEVNULL)
    lines = (folders[1] / "train_log.jsonl").read_text().splitlines()
    states = [load_file(folder / "checkpoint" / "state.safetensors") for folder in folders]
    weights = in_double(states[0], "model.")
    learnt = [key for key in weights if "optimizer.m." + key in states[0]]
    for key in learnt:
        weights[key].requires_grad_()
    loss = loss_of(weights, 2)
    check(name + " loss", json.loads(lines[2])["loss"], loss.detach())
    before, after = (in_double(state, "optimizer.m.") for state in states)
    gradients = torch.autograd.grad(loss, [weights[key] for key in learnt], materialize_grads=True)
    largest = max(gradient.abs().max() for gradient in gradients)
    check(name + " gradients", torch.cat([((after[key] - 0.9 * before[key]) / 0.1).flatten() for key in learnt]) / largest,
          torch.cat([gradient.flatten() for gradient in gradients]) / largest)
    with torch.no_grad():
        scores = scores_of(in_double(load_file(folders[0] / "model.safetensors")))
    index = {str(item): i for i, item in enumerate(data.item_ids)}
    ours, theirs = [], []
    for user, line in enumerate((folders[0] / "topk.jsonl").read_text().splitlines()):
        row = json.loads(line)
        ours += row["scores"]
        theirs.append(scores[user, torch.tensor([index[item] for item in row["items"]])])
    check(name + " scores", torch.tensor(ours, dtype=torch.float64), torch.cat(theirs))


def scores_of_all(data, encoder, table, p):
    inputs = data.test_inputs()
    return encoder(p, table[inputs], inputs > 0)[:, -1] @ table.T


def sequential(data, work, features, name, flags, encoder=sasrec, tower=id_tower, loss=("in-batch-softmax",)):
    def loss_of(p, step):
        return sequential_loss(loss, data, encoder, p, tower(p, features), step)
    run(data, work, name, flags, loss_of, lambda p: scores_of_all(data, encoder, tower(p, features), p))


def pairs(data, work, features, name, flags, model, loss=("in-batch-softmax",), penalty=None):
    def loss_of(p, step):
        value = pair_loss(loss, data, *model(p, data, features), step)
        return value + 0.5 * penalty(p, data, step) if penalty else value

    def scores_of(p):
        users, items = model(p, data, features)
        return users @ items.T
    run(data, work, name, ["--model", model.__name__] + flags, loss_of, scores_of)


def resumed_curves(data, work):
    """A run whose events were left off at the third epoch and went on."""
    folder = work / "curves"
    for epochs in (3, 5):
        command = [BINARY, "-q", "train-sasrec", "--interactions", data.path, "--out", folder, "--resume", "--epochs", epochs]
        subprocess.run([str(word) for word in command + COMMON], check=True, stdout=subprocess.DEVNULL)
    assert len((folder / "train_log.jsonl").read_text().splitlines()) == 5
    check_curves("resumed", folder)


def make_features(data, work):
    """Row r is item r + 1; what is returned is by catalogue index."""
    rng = numpy.random.default_rng(2)
    features, files = {}, {}
    for name, width in (("text", 12), ("image", 10), ("video", 8)):
        rows = rng.normal(size=(200, width)).astype("float32")
        files[name] = work / f"{name}.npy"
        numpy.save(files[name], rows)
        of_items = torch.from_numpy(rows)[torch.tensor(data.item_ids[1:]) - 1].double()
        features[name] = torch.cat([torch.zeros(1, width, dtype=torch.float64), of_items])
    return features, files


def all_cases(work):
    data = Data(work / "pairs.tsv")
    features, files = make_features(data, work)
    common = (data, work, features)
    for encoder in (sasrec, gru4rec, nextitnet):
        sequential(*common, encoder.__name__, ["--user-encoder", encoder.__name__], encoder=encoder)
    for encoder in (gru4rec, nextitnet):
        sequential(*common, encoder.__name__ + "-masked", ["--user-encoder", encoder.__name__, "--pads", "masked"],
                   encoder=without_pads(encoder))
    rare = Data(work / "rare.tsv", rare=8)
    for arm, insert in (("like", "pairs"), ("like", "tail"), ("dislike", "pairs"), ("dislike-negative", "pairs")):
        fed = feedback.Fed(rare, work / f"{arm}-{insert}.jsonl", arm, insert, MAX_LEN)
        run(rare, work, f"feedback-{arm}-{insert}", ["--feedback", fed.path, "--feedback-arm", arm, "--feedback-insert", insert],
            lambda p, step, fed=fed: fed_loss(fed, p, step),
            lambda p: scores_of_all(rare, sasrec, id_tower(p, None), p))
    for name, options, flags in (
            ("softmax", (), []),
            ("sampled-softmax", (20, True), ["--num-negatives", 20, "--negatives-per", "row"]),
            ("bce", (1,), []),
            ("bce", (9, False, 0.75), ["--num-negatives", 9, "--bce-calibration", 0.75]),
            ("bpr", (2,), ["--num-negatives", 2])):
        title = "-".join(["sasrec", name] + [str(option) for option in options])
        sequential(*common, title, ["--loss", name] + flags, loss=(name, *options))
    given = {name: [f"--{name}-features", files[name]] for name in files}
    for name in files:
        sequential(*common, f"tower-{name}", ["--tower", name] + given[name], tower=feature_tower([name], "weighted"))
    for fusion in ("weighted", "concat", "sum"):
        sequential(*common, f"fusion-{fusion}", ["--tower", "fusion", "--fusion", fusion] + sum(given.values(), []),
                   tower=feature_tower(list(files), fusion))
    for name, flags, tower in towers.cases(work, data.item_ids[1:]):
        sequential(*common, name, flags, tower=tower)
    pairs(*common, "dssm", [], dssm)
    pairs(*common, "lightgcn", ["--gcn-layers", 2], lightgcn)
    pairs(*common, "lightgcn-bpr", ["--gcn-layers", 2, "--loss", "bpr"], lightgcn, loss=("bpr", 1))
    pairs(*common, "lightgcn-bpr-l2", ["--gcn-layers", 2, "--loss", "bpr", "--embedding-l2", 0.5], lightgcn, loss=("bpr", 1),
          penalty=lightgcn_penalty)
    pairs(*common, "mmgcn", ["--loss", "bpr"] + given["text"] + given["image"], mmgcn, loss=("bpr", 1))
    pairs(*common, "mmgcn-l2", ["--loss", "bpr", "--embedding-l2", 0.5] + given["text"] + given["image"], mmgcn, loss=("bpr", 1),
          penalty=mmgcn_penalty)
    pairs(*common, "vbpr", given["image"], vbpr)
    for released in (False, True):
        run(data, work, "deepfm" + ("-released" if released else ""),
            ["--model", "deepfm"] + (["--deepfm-eval", "released"] if released else []),
            lambda p, step: fields_loss(deepfm_scores, p, data, step),
            lambda p: deepfm_scores(p, data.test_inputs(), torch.arange(data.num_items + 1), released))
    run(data, work, "nfm", ["--model", "nfm"], lambda p, step: fields_loss(nfm_scores, p, data, step),
        lambda p: nfm_scores(p, data.test_inputs(), torch.arange(data.num_items + 1)))
    resumed_curves(data, work)


def main():
    print(f"torch {torch.__version__}, bound {TOLERANCE}")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        work.mkdir(parents=True, exist_ok=True)
        all_cases(work)
    print("parity of recommenders:", f"{len(failures)} comparisons FAILED" if failures else "all comparisons within bound")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
