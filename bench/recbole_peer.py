#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""RecBole's own models, loaders and trainer behind jobs as JSON lines on stdin.

The first line says {"model", "dataset", "data_path", "config"}. train runs the trainer's epoch, or the steps of it that are
asked for; evaluate is the trainer's; fit trains as the config says, to its early stop, and evaluates the best epoch. Needs a virtual environment of its own (bench/run.sh recommender makes it).
"""
import functools
import itertools
import json
import os
import sys
import time
import types

for name in ("ray", "ray.tune", "ray.tune.schedulers"):  # only its hyper-parameter search wants it
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules["ray.tune.schedulers"].ASHAScheduler = object
sys.modules["ray"].tune = sys.modules["ray.tune"]

import torch  # noqa: E402
torch.load = functools.partial(torch.load, weights_only=False)  # RecBole's checkpoints hold its config
from recbole.config import Config  # noqa: E402
from recbole.data import create_dataset, data_preparation  # noqa: E402
from recbole.utils import get_model, get_trainer, init_seed  # noqa: E402

SETTINGS = {"use_gpu": False, "show_progress": False, "state": "ERROR", "checkpoint_dir": "saved", "seed": 1, "reproducibility": False,
            "metrics": ["Hit", "NDCG"], "topk": [5, 10, 20], "valid_metric": "Hit@10",
            "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}}


class Session:
    def __init__(self, request):
        torch.set_num_threads(request.get("threads", 2))
        sys.argv = sys.argv[:1]
        config = Config(model=request["model"], dataset=request["dataset"],
                        config_dict={**SETTINGS, "data_path": request["data_path"], **request["config"]})
        init_seed(1, False)
        dataset = create_dataset(config)
        self.train_data, self.valid_data, self.test_data = data_preparation(config, dataset)
        self.model = get_model(config["model"])(config, self.train_data.dataset)
        self.trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, self.model)
        self.counts = {"users": dataset.user_num - 1, "items": dataset.item_num - 1,
                       "examples": len(self.train_data.dataset), "batch": self.train_data.batch_size,
                       "parameters": sum(p.numel() for p in self.model.parameters())}

    def train(self, request):
        """The whole epoch, or so many steps of it."""
        self.model.train()
        steps = request.get("steps")
        begin = time.perf_counter()
        if steps is None:
            loss = self.trainer._train_epoch(self.train_data, 0)
            examples = self.counts["examples"]
        else:
            for batch in itertools.islice(self.train_data, steps):  # what _train_epoch does with each
                self.trainer.optimizer.zero_grad()
                loss = self.model.calculate_loss(batch)
                loss.backward()
                self.trainer.optimizer.step()
            loss, examples = loss.item(), steps * self.counts["batch"]
        return {"seconds": time.perf_counter() - begin, "examples": examples, "loss": loss}

    def fit(self, request):
        begin = time.perf_counter()
        best, valid = self.trainer.fit(self.train_data, self.valid_data, saved=True, show_progress=False)
        seconds = time.perf_counter() - begin
        return {"seconds": seconds, "valid": valid, "test": self.trainer.evaluate(self.test_data, load_best_model=True)}

    def evaluate(self, request):
        begin = time.perf_counter()
        metrics = self.trainer.evaluate(self.test_data, load_best_model=False)
        return {"seconds": time.perf_counter() - begin, **metrics}


def main():
    request = json.loads(sys.stdin.readline())
    answers, sys.stdout = sys.stdout, sys.stderr  # RecBole talks
    os.makedirs(request["work"], exist_ok=True)
    os.chdir(request["work"])
    session = Session(request)
    print(json.dumps({"ready": True, **session.counts}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"train": session.train, "evaluate": session.evaluate, "fit": session.fit}[request["job"]](request)), file=answers, flush=True)


if __name__ == "__main__":
    main()
