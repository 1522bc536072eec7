#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks what label-free controls must score on cases with the paper's negatives (see README, Known limits).

Negatives come from the recommender's top-10 and the true video is rarely among those, so "not in the list" is
right at least 1 - HR@10 of the time, and "always Yes" exactly half the time. Usage: real_data_controls.py scores.json
"""
import json
import sys

scores = {agent["agent"]: agent for agent in json.load(open(sys.argv[1], encoding="utf-8"))["agents"]}


def judge(agent, negatives):
    return next(row["accuracy"]["value"] for row in scores[agent]["judge"] if row["negatives"] == negatives)


def select(agent, negatives, m):
    return next(row["accuracy"]["value"] for row in scores[agent]["select"] if row["negatives"] == negatives and row["m"] == m)


checks = [
    ("always-yes judges half of the pairs right", judge("always-yes", "topk") == 0.5),
    ("random is near one half", abs(judge("random", "uniform") - 0.5) < 0.06),
    ("random selects near 1/4 and 1/5", abs(select("random", "topk", 3) - 0.25) < 0.06 and abs(select("random", "topk", 4) - 0.2) < 0.06),
    ("antirec exploits the paper's negatives", judge("antirec", "topk") > 0.9 and select("antirec", "topk", 3) > 0.9),
    ("recscore is the mirror of antirec", abs(judge("recscore", "topk") + judge("antirec", "topk") - 1) < 1e-9),
    ("popularity says nothing on popularity-matched negatives", abs(judge("pop", "popmatch") - 0.5) < 0.05),
]
for name, holds in checks:
    print(f"   {'ok' if holds else 'WRONG'}: {name}")
sys.exit(0 if all(holds for _, holds in checks) else 1)
