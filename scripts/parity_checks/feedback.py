# SPDX-License-Identifier: Apache-2.0
"""Simulated users' answers and the training rows they make, for scripts/parity_recommender.py."""
import collections
import json
import random

import torch

PER_USER = 2
Row = collections.namedtuple("Row", "items first_target disliked repeats")  # repeats: only its target counts


class Fed:
    """Answers of every third user about items, and what one arm of the feedback makes of them.

    rows: in the program's order before it shuffles; log_pop: by catalogue index, of these rows."""

    def __init__(self, data, path, arm, insert, max_len):
        self.path = path
        taken = self.write_answers(data, arm)
        self.rows, inserted = [], []
        for user, train in enumerate(data.trains):
            picks = taken.get(user, [])
            if arm == "dislike-negative":
                self.rows.append(Row(train, 1, picks, False))
                continue
            tail = picks if insert == "tail" else []
            self.rows.append(Row((train + tail)[-(max_len + 1):], 1, [], False))
            if insert == "pairs":
                inserted += [Row(train[-max_len:] + [item], len(train[-max_len:]), [], True) for item in picks]
        self.rows += inserted
        counts = torch.zeros(data.num_items + 1, dtype=torch.float64)
        for row in self.rows:
            for item in row.items[row.first_target if row.repeats else 0:]:
                counts[item] += 1
        total = counts.sum()
        for row in self.rows:
            for item in row.disliked:
                counts[item] = max(counts[item], 1)
        self.log_pop = torch.log(counts / total)
        self.log_pop[0] = 0

    def write_answers(self, data, arm):
        """@return by user, the items of the arm, in its order"""
        draw = random.Random(21)
        watched = {item for train in data.trains for item in train}
        never = [item for item in range(1, data.num_items + 1) if item not in watched]
        assert len(never) >= 3, "of no row: without them disliked items change nothing"
        taken = {}
        with open(self.path, "w") as file:
            for user in range(0, len(data.windows), 3):
                held_out = data.windows[user][-2:]
                items = draw.sample([item for item in range(1, data.num_items + 1) if item not in held_out + never], 4)
                items.append(draw.choice([item for item in never if item not in held_out]))
                likings = draw.sample(range(100), len(items))
                for item, liking in zip(items, likings):
                    answer = {"case_id": f"{user}-{item}", "user_id": str(user + 1), "item_id": str(data.item_ids[item]),
                              "agent": "any", "yes": liking >= 50, "p_yes": liking / 100, "status": "ok"}
                    file.write(json.dumps(answer) + "\n")
                ordered = sorted(zip(likings, items), reverse=arm == "like")
                taken[user] = [item for _, item in ordered[:PER_USER]]
        return taken
