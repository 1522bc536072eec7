#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints how the numbers of training runs move: the mean of each tenth of a run's logged rows.

Usage: training_curves.py [--tags TAG,TAG,...] [--parts N] NAME=RUN ...     RUN is a folder that holds train_log.jsonl
"""
import argparse
import json
import pathlib
import statistics
import sys


def steps_of(run):
    try:
        with open(pathlib.Path(run) / "train_log.jsonl", encoding="utf-8") as file:
            return [json.loads(line) for line in file]
    except OSError as error:
        sys.exit(f"training_curves.py: {error.filename}: {error.strerror}")


def parts_of(rows, count):
    """Rows in order, cut into so many parts (fewer where there are fewer rows) whose sizes differ by one at most."""
    count = max(1, min(count, len(rows)))
    borders = [len(rows) * i // count for i in range(count + 1)]
    return [rows[begin:end] for begin, end in zip(borders, borders[1:])]


def mean_of(rows, tag):
    values = [row[tag] for row in rows if row.get(tag) is not None]
    return f"{statistics.mean(values):.3g}" if values else "-"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tags", default="loss,reward,kl,completions/mean_length",
                        help="names of train_log.jsonl's numbers; those that no row has are left out (default: %(default)s)")
    parser.add_argument("--parts", type=int, default=10)
    parser.add_argument("runs", nargs="+", metavar="NAME=RUN")
    arguments = parser.parse_args()
    tags = arguments.tags.split(",")
    print(f"{'run':16} {'number':24} mean of each part of its rows, in order")
    for name, _, run in (text.partition("=") for text in arguments.runs):
        if not run:
            parser.error(f"NAME=RUN is wanted, got {name}")
        rows = steps_of(run)
        for tag in (tag for tag in tags if any(row.get(tag) is not None for row in rows)):
            means = " ".join(f"{mean_of(part, tag):>7}" for part in parts_of(rows, arguments.parts))
            print(f"{name:16} {tag:24} {means}   ({len(rows)} rows)")


if __name__ == "__main__":
    main()
