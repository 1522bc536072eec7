#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The released training loop in plain PyTorch, written from its description: jobs as JSON lines on stdin.

One padded row a user, every position of it encoded, all columns of the batch in the loss (recommender.md 3.1-3.3); full
ranking by sorting the scores of a batch of users (2.1). No Python loop over users; fused AdamW; scores of the loss only
at real positions; bf16 autocast and torch.compile where asked for. Parameter names are those of our weight files.
"""
import contextlib
import json
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

MAX_LEN, MIN_LEN = 10, 5
HIDDEN = -1e4


class Data:
    """Windows of the last 13 items over a catalogue of 1..N, as padded tensors with one row a user."""

    def __init__(self, path):
        with open(path) as file:
            rows = [line.split("\t") for line in file]
        windows = [row[1].split()[-(MAX_LEN + 3):] for row in rows if len(row[1].split()) >= MIN_LEN]
        self.item_ids = sorted({item for window in windows for item in window}, key=int)
        index = {item: i for i, item in enumerate(self.item_ids, start=1)}
        windows = [[index[item] for item in window] for window in windows]
        self.num_items = len(index)
        self.trains = padded([window[:-2] for window in windows], MAX_LEN + 1)
        self.inputs = padded([window[:-1][-MAX_LEN:] for window in windows], MAX_LEN)
        self.seen = padded([window[:-1] for window in windows], MAX_LEN + 2)
        self.targets = torch.tensor([window[-1] for window in windows])
        counts = torch.bincount(self.trains.flatten(), minlength=self.num_items + 1).double()
        counts[0] = 0
        self.log_pop = torch.log((counts / counts.sum()).clamp(min=1e-12)).float()
        self.log_pop[0] = 0


def padded(rows, width):
    return torch.tensor([[0] * (width - len(row)) + row for row in rows])


class Block(nn.Module):
    def __init__(self, width, heads, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.query, self.key, self.value, self.output = (nn.Linear(width, width, bias=False) for _ in range(4))
        self.attention_norm = nn.LayerNorm(width, 1e-6)
        self.inner, self.outer = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.feed_forward_norm = nn.LayerNorm(width, 1e-6)

    def drop(self, x):
        return F.dropout(x, self.dropout, self.training)

    def forward(self, x, mask):
        q, k, v = (linear(x).unflatten(-1, (self.heads, -1)).transpose(1, 2) for linear in (self.query, self.key, self.value))
        weights = self.drop(torch.softmax(q @ k.transpose(2, 3) / q.shape[-1] ** 0.5 + mask, -1))
        x = self.attention_norm(x + self.drop(self.output((weights @ v).transpose(1, 2).flatten(2))))
        return self.feed_forward_norm(x + self.drop(self.outer(torch.relu(self.inner(x)))))


class SasRec(nn.Module):
    def __init__(self, width, heads=2, blocks=2, dropout=0.1):
        super().__init__()
        self.dropout = dropout
        self.position_embedding = nn.Embedding(MAX_LEN, width)
        self.layer_norm = nn.LayerNorm(width, 1e-6)
        self.blocks = nn.ModuleList(Block(width, heads, dropout) for _ in range(blocks))

    def forward(self, items, real):
        x = F.dropout(self.layer_norm(items + self.position_embedding.weight), self.dropout, self.training)
        visible = torch.ones(MAX_LEN, MAX_LEN, dtype=torch.bool).tril() & real[:, None, None, :]
        mask = torch.where(visible, 0.0, -1e9)
        for block in self.blocks:
            x = block(x, mask)
        return x


class IdTower(nn.Module):
    def __init__(self, num_items, width):
        super().__init__()
        self.item_embedding = nn.Embedding(num_items + 1, width)

    def forward(self, ids):
        return self.item_embedding(ids)


class TextTower(nn.Module):
    """BERT's first token through a linear layer; only the last layers train; padding is a text without words. BERT's own
    dropout is left out on both sides (--text-dropout 0): it would make this slower."""

    def __init__(self, folder, titles, width, trainable=2, max_tokens=30):
        super().__init__()
        import transformers
        self.encoder = transformers.BertModel.from_pretrained(folder, add_pooling_layer=False, hidden_dropout_prob=0.0,
                                                              attention_probs_dropout_prob=0.0)
        self.project = nn.Linear(self.encoder.config.hidden_size, width)
        tokens = transformers.AutoTokenizer.from_pretrained(folder)(
            titles, max_length=max_tokens, truncation=True, padding="max_length", return_tensors="pt")
        self.tokens = torch.cat([torch.zeros(1, max_tokens, dtype=torch.long), tokens["input_ids"]])
        self.mask = torch.cat([torch.zeros(1, max_tokens, dtype=torch.long), tokens["attention_mask"]])
        self.mask[0, 0] = 1  # a row of softmax over nothing would not be a number
        frozen = len(self.encoder.encoder.layer) - trainable
        for module in [self.encoder.embeddings, *self.encoder.encoder.layer[:frozen]]:
            module.requires_grad_(False)

    def forward(self, ids):
        states = self.encoder(input_ids=self.tokens[ids], attention_mask=self.mask[ids]).last_hidden_state
        return self.project(states[:, 0])


class Model(nn.Module):
    def __init__(self, tower, encoder):
        super().__init__()
        self.items, self.users = tower, nn.ModuleDict({"sasrec": encoder})

    def forward(self, rows, log_pop):
        """rows [B, 11] -> mean loss of the real positions over all B*11 columns."""
        columns = rows.flatten()
        vectors = self.items(columns)
        states = self.users["sasrec"](vectors.view(*rows.shape, -1)[:, :-1], rows[:, :-1] > 0)
        user, place = torch.nonzero(rows[:, :-1], as_tuple=True)
        logits = (states[user, place] @ vectors.T).float() - log_pop[columns]
        own = (rows[:, :, None] == columns).any(1) | (columns == 0)
        label = user * rows.shape[1] + place + 1
        hidden = own[user].scatter(1, label[:, None], False)
        return F.cross_entropy(logits.masked_fill(hidden, HIDDEN), label)


class Session:
    def __init__(self, request):
        torch.set_num_threads(request.get("threads", 2))
        self.data = Data(request["interactions"])
        self.bf16 = request.get("bf16", False)
        width = request.get("width", 512)
        if "text_model" in request:
            with open(request["titles"], encoding="utf-8") as file:
                titles = json.load(file)
            tower = TextTower(request["text_model"], [titles[item].lower() for item in self.data.item_ids], width)
        else:
            tower = IdTower(self.data.num_items, width)
        self.model = Model(tower, SasRec(width, dropout=request.get("dropout", 0.1)))
        if "weights" in request:
            from safetensors.torch import load_file
            wrong = self.model.load_state_dict(load_file(request["weights"]), strict=False)
            unknown = [name for name in wrong.missing_keys + wrong.unexpected_keys if "position_ids" not in name]
            if unknown:
                raise SystemExit(f"weights do not fit: {unknown}")
        self.loss = torch.compile(self.model, dynamic=True) if request.get("compile") else self.model
        text = [p for name, p in self.model.named_parameters() if name.startswith("items.encoder.") and p.requires_grad]
        rest = [p for name, p in self.model.named_parameters() if not name.startswith("items.encoder.")]
        groups = [{"params": rest, "lr": request.get("lr", 1e-4), "weight_decay": 0.1}]
        if text:
            groups.append({"params": text, "lr": 5e-5, "weight_decay": 0.0})
        self.optimizer = torch.optim.AdamW(groups, fused=True)
        self.trained = rest + text

    def autocast(self):
        return torch.autocast("cpu", torch.bfloat16) if self.bf16 else contextlib.nullcontext()

    def train(self, request):
        """One step a batch, which is a list of users."""
        self.model.train()
        batches = [torch.tensor(batch) for batch in request["batches"]]
        losses = []
        begin = time.perf_counter()
        for batch in batches:
            rows = self.data.trains[batch]
            with self.autocast():
                loss = self.loss(rows, self.data.log_pop)
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.trained, 5.0)
            self.optimizer.step()
            losses.append(loss.item())
        return {"seconds": time.perf_counter() - begin, "losses": losses}

    @torch.no_grad()
    def evaluate(self, request):
        """Ranks by the place in the sorted scores, as released; `count` counts the higher scores instead."""
        self.model.eval()
        begin = time.perf_counter()
        with self.autocast():
            table = torch.cat([self.model.items(part) for part in torch.arange(self.data.num_items + 1).split(512)]).float()
        ranks = []
        for users in torch.arange(len(self.data.targets)).split(request.get("batch_users", 64)):
            inputs, target = self.data.inputs[users], self.data.targets[users, None]
            with self.autocast():
                states = self.model.users["sasrec"](table[inputs], inputs > 0)[:, -1]
            scores = (states.float() @ table.T).scatter_(1, self.data.seen[users], -torch.inf)[:, 1:]
            if request.get("count"):
                ranks.append(1 + (scores > scores.gather(1, target - 1)).sum(1))
            else:
                order = torch.argsort(scores, dim=1, descending=True)
                ranks.append(1 + torch.nonzero(order == target - 1)[:, 1])
        ranks = torch.cat(ranks).double()
        hit = ranks <= 10
        return {"seconds": time.perf_counter() - begin, "hit_rate": hit.double().mean().item(),
                "ndcg": (hit / torch.log2(ranks + 1)).mean().item(), "mean_rank": ranks.mean().item()}


def main():
    session = Session(json.loads(sys.stdin.readline()))
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"train": session.train, "evaluate": session.evaluate}[request["job"]](request)), flush=True)


if __name__ == "__main__":
    main()
