#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training steps of SmolLM2-135M in bf16 against TRL's trainers, side by side.

bench/run.sh learning [CASE ...]    cases: grpo sft lora memory groups
Same weights, prompts, lengths and group size. Log-probabilities, losses and gradient norms are compared before anything
is timed. TRL trains in pure bf16 (moments too), vragent keeps fp32 masters and moments.
"""
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.simplefilter("ignore")

import torch
import transformers
import trl
from datasets import Dataset

from side_by_side import ROOT, Driver, check_close, machine, take_turns

THREADS = 2
MODEL = ROOT / "models" / "SmolLM2-135M-Instruct"
PROMPTS, GROUP, TOKENS = 4, 8, 64
KL, LR = 0.04, 1e-6
ROUNDS = int(os.environ.get("VRAGENT_BENCH_ROUNDS", "5"))
torch.set_num_threads(THREADS)


def tokenizer():
    return transformers.AutoTokenizer.from_pretrained(MODEL)


def prompts(count, length=400, spread=20):
    """Texts of about `length` tokens, no two alike, with their ids."""
    draw = random.Random(7)
    words = ("video about a cat that learns to cook in the city at night with friends from the beach and new songs for "
             "an old bicycle game under snow").split()
    encode = tokenizer()
    texts = []
    for i in range(count):
        text = "Which of these would the user watch next?"
        while len(encode(text)["input_ids"]) < length + spread * (i % 3 - 1):
            text += "\n" + " ".join(draw.choice(words) for _ in range(9))
        texts.append(text)
    return texts, [encode(text)["input_ids"] for text in texts]


def reward_of(ids):
    return sum(token % 2 == 0 for token in ids) / max(len(ids), 1)


class Paced(transformers.TrainerCallback):
    """Runs a trainer's loop in a thread of its own, one optimiser step when asked."""

    def __init__(self):
        self.begin, self.end = threading.Semaphore(0), threading.Semaphore(0)
        self.started = 0.0

    def on_step_begin(self, args, state, control, **rest):
        self.begin.acquire()
        self.started = time.perf_counter()

    def on_step_end(self, args, state, control, **rest):
        self.seconds = time.perf_counter() - self.started
        self.end.release()

    def start(self, trainer):
        self.thread = threading.Thread(target=self.run, args=[trainer], daemon=True)
        self.thread.start()

    def run(self, trainer):
        try:
            torch.set_num_threads(THREADS)
            trainer.train()
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)

    def step(self):
        self.begin.release()
        self.end.acquire()
        return self.seconds


def common(folder, **options):
    return dict(output_dir=str(folder), use_cpu=True, bf16=True, report_to=[], save_strategy="no", learning_rate=LR,
                lr_scheduler_type="constant", weight_decay=0.0, max_grad_norm=1.0, logging_steps=1000, disable_tqdm=True,
                max_steps=1000, dataloader_num_workers=0, **options)


class GivenAnswers(trl.GRPOTrainer):
    """TRL's GRPO trainer whose batches are kept, so that its training part can be timed alone."""

    def _generate_and_score_completions(self, inputs):
        begin = time.perf_counter()
        self.batch = super()._generate_and_score_completions(inputs)
        self.rollout_seconds = time.perf_counter() - begin
        return self.batch


def grpo_trainer(folder, texts, group=GROUP, rows=8, checkpointing=False, batching=False):
    """4 x 8 answers in micro-batches of `rows` answers; every answer has all its tokens."""
    model = transformers.AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.bfloat16)

    def reward(completion_ids, **rest):
        return [reward_of(ids) for ids in completion_ids]

    args = trl.GRPOConfig(**common(folder, per_device_train_batch_size=rows, gradient_checkpointing=checkpointing,
                                   gradient_accumulation_steps=len(texts) * group // rows),
                          num_generations=group, max_completion_length=TOKENS, temperature=1.0, top_k=0, beta=KL,
                          loss_type="grpo", shuffle_dataset=False, generation_kwargs={"eos_token_id": -1},
                          use_transformers_continuous_batching=batching, num_iterations=1)
    pace = Paced()
    trainer = GivenAnswers(model=model, reward_funcs=reward, args=args, processing_class=tokenizer(),
                           train_dataset=Dataset.from_dict({"prompt": texts * 50}), callbacks=[pace])
    trainer.eos_token_ids = [-1]
    return trainer, pace


def answers_of(batch):
    return batch["completion_ids"].tolist()


def trl_batch(trainer, texts, answers, group):
    """What TRL's trainer makes of given answers, reference log-probabilities included."""
    trainer.rollout_func = lambda prompts, _: {"prompt_ids": [trainer._tokenizer(p)["input_ids"] for p in prompts],
                                               "completion_ids": answers, "logprobs": None}
    trainer.model.train()
    try:
        return trainer._generate_and_score_completions([{"prompt": text} for text in texts for _ in range(group)])
    finally:
        trainer.rollout_func = None


def trl_training(trainer, batch, rows):
    """Loss and backward over micro-batches: seconds, loss, mean log-probability, gradient norm, divergence."""
    trainer.model.zero_grad()
    trainer._metrics["train"].clear()
    count = batch["completion_ids"].shape[0]
    trainer.current_gradient_accumulation_steps = count // rows
    begin = time.perf_counter()
    loss = 0.0
    for first in range(0, count, rows):
        part = {name: value[first:first + rows] if value.dim() else value for name, value in batch.items()}
        value = trainer._compute_loss(trainer.model, part)
        value.backward()
        loss += value.item()
    seconds = time.perf_counter() - begin
    kl = statistics.mean(trainer._metrics["train"]["kl"])
    norm = torch.linalg.vector_norm(torch.stack([p.grad.float().norm() for p in trainer.model.parameters()])).item()
    trainer.model.zero_grad()
    return seconds, loss, kl, norm


def case_grpo():
    texts, ids = prompts(PROMPTS)
    driver = Driver("grpo", MODEL)
    request = dict(prompts=ids, group=GROUP, max_tokens=TOKENS, kl_coef=KL, lr=LR)
    with tempfile.TemporaryDirectory() as folder:
        trainer, pace = grpo_trainer(folder, texts)
        tokens = PROMPTS * GROUP * TOKENS
        first = driver("grpo_step", **dict(request, lr=0.0), seed=1)
        answers = first["answers"]
        batch = trl_batch(trainer, texts, answers, GROUP)
        ours = driver("grpo_step", **request, answers=answers, learn=False)
        theirs_log_prob = batch["ref_per_token_logps"].mean().item()
        check_close("mean log-probability of the answers", [ours["mean_log_prob"]], [theirs_log_prob], 5e-3)
        seconds, loss, kl, norm = trl_training(trainer, batch, 8)
        print(f"gradient norm {ours['grad_norm']:.4f} against {norm:.4f}; loss {ours['loss']:.2e} against {loss:.2e}; "
              f"divergence {ours['kl']:.2e} against {kl:.2e}")
        check_close("gradient norm, relative", [ours["grad_norm"] / norm], [1.0], 0.05)

        def our_training():
            answer = driver("grpo_step", **request, answers=answers, learn=False)
            return answer["training_seconds"], tokens

        def their_training():
            return trl_training(trainer, batch, 8)[0], tokens

        take_turns("GRPO, training part of a step", our_training, {"TRL": their_training}, 4, rounds=ROUNDS, warm_up=0,
                   unit="tokens/s")  # both have been there once
        pace.start(trainer)
        seeds = iter(range(2, 1000))
        parts = []

        def our_step():
            answer = driver("grpo_step", **request, seed=next(seeds))
            parts.append(answer)
            return answer["seconds"], tokens

        def their_step():
            seconds = pace.step()
            parts[-1]["trl"] = (seconds, trainer.rollout_seconds)
            return seconds, tokens

        take_turns("GRPO, whole step", our_step, {"TRL": their_step}, 5, rounds=ROUNDS, unit="tokens/s")
        for part in parts[1:]:
            print(f"  step {part['seconds']:.2f} s: rollout {part['rollout_seconds']:.2f}, reference "
                  f"{part['reference_seconds']:.2f}, training {part['training_seconds']:.2f}; TRL {part['trl'][0]:.2f} s, "
                  f"of it rollout, reference and scoring {part['trl'][1]:.2f}")
    driver.close()


def case_batching():
    """The rollout of TRL's step (answers, reference, scoring) by transformers' generate and by its continuous batching."""
    texts, _ = prompts(PROMPTS)
    for batching in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            trainer, pace = grpo_trainer(folder, texts, batching=batching)
            pace.start(trainer)
            for turn in ("cold", "warm"):
                pace.step()
                print(f"TRL, {'continuous batching' if batching else 'generate'}, {turn}: {trainer.rollout_seconds:.1f} s "
                      f"of a step of {pace.seconds:.1f} s", flush=True)


def sft_case(kind, name, lora):
    """Eight rows of 512 tokens, full: no program has padding to compute."""
    draw = random.Random(3)
    rows = [[draw.randrange(1000, 49000) for _ in range(512)] for _ in range(8)]
    with tempfile.TemporaryDirectory() as folder:
        peft_config = None
        if lora:
            import peft
            peft_config = peft.LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
        args = trl.SFTConfig(**common(folder, per_device_train_batch_size=8, gradient_accumulation_steps=1,
                                      gradient_checkpointing=False), max_length=512, packing=True,
                             packing_strategy="wrapped", train_sampling_strategy="sequential")
        pace = Paced()
        losses = []

        class Kept(trl.SFTTrainer):
            def compute_loss(self, *given, **options):
                loss = super().compute_loss(*given, **options)
                losses.append((loss[0] if isinstance(loss, tuple) else loss).item())
                return loss

        trainer = Kept(model=transformers.AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.bfloat16), args=args,
                       train_dataset=Dataset.from_dict({"input_ids": rows * 100}), processing_class=tokenizer(),
                       peft_config=peft_config, callbacks=[pace])
        driver = Driver(kind, MODEL)
        pace.start(trainer)
        ours_first = driver("sft_step", rows=rows, lr=LR)
        pace.step()
        check_close(f"{name}, loss of the first step", [ours_first["loss"]], [losses[0]], 2e-2)

        def ours():
            answer = driver("sft_step", rows=rows, lr=LR)
            return answer["seconds"], 4096

        take_turns(name, ours, {"TRL": lambda: (pace.step(), 4096)}, 1.3, rounds=ROUNDS, unit="tokens/s")
        print(f"loss after the same number of steps {driver('sft_step', rows=rows, lr=LR)['loss']:.4f} against {losses[-1]:.4f}")
        driver.close()


def case_sft():
    sft_case("sft", "SFT step, 8 x 512 tokens", lora=False)


def case_lora():
    sft_case("lora", "LoRA r 16 SFT step, 8 x 512 tokens", lora=True)


def one_trl_step(rows, checkpointing):
    """For a process of its own: its largest memory after a step."""
    texts, _ = prompts(PROMPTS)
    with tempfile.TemporaryDirectory() as folder:
        trainer, pace = grpo_trainer(folder, texts, rows=int(rows), checkpointing=checkpointing == "True")
        pace.start(trainer)
        pace.step()
    status = pathlib.Path("/proc/self/status").read_text()
    print(json.dumps({"peak_mb": int(status.split("VmHWM:")[1].split()[0]) / 1024}), flush=True)
    os._exit(0)


def case_memory():
    """Peak of a fresh process over a step; TRL's with micro-batches of 8 answers, as timed, and as it comes."""
    _, ids = prompts(PROMPTS)
    request = dict(prompts=ids, group=GROUP, max_tokens=TOKENS, kl_coef=KL, lr=LR)
    peaks = {}
    for micro in (4, 1):
        driver = Driver("grpo", MODEL)
        peaks[micro] = driver("grpo_step", **request, seed=1, micro_prompts=micro)["peak_mb"]
        driver.close()
        print(f"peak memory of a GRPO step, vragent, micro-batches of {micro} prompts: {peaks[micro]:.0f} MB", flush=True)
    for rows, checkpointing in ((8, False), (8, True)):
        out = subprocess.check_output([sys.executable, __file__, "one_trl_step", str(rows), str(checkpointing)], text=True)
        peak = json.loads(out.strip().splitlines()[-1])["peak_mb"]
        for micro, own in peaks.items():
            ratio = own / peak
            print(f"  against TRL, {rows} answers at a time{', checkpointing' if checkpointing else ''}: {peak:.0f} MB, "
                  f"micro-batches of {micro} prompts: {ratio:.2f}x  target at most 0.4x: {'met' if ratio <= 0.4 else 'MISSED'}",
                  flush=True)


def case_groups():
    """One prompt of 400 tokens: what a step costs as its group grows."""
    _, ids = prompts(1)
    driver = Driver("grpo", MODEL)
    seconds = {}
    for group in (4, 8, 16, 32):
        request = dict(prompts=ids, group=group, max_tokens=TOKENS, kl_coef=KL, lr=LR)
        whole = driver("grpo_step", **request, seed=1)
        answers = whole["answers"]
        runs = [driver("grpo_step", **request, answers=answers, learn=False)["training_seconds"] for _ in range(ROUNDS)]
        seconds[group] = statistics.median(runs)
        tokens = len(ids[0]) + group * TOKENS
        unshared = group * (len(ids[0]) + TOKENS)
        print(f"G = {group:2}: training part {seconds[group]:.3f} s [{min(runs):.3f}, {max(runs):.3f}], {tokens} tokens computed, "
              f"{unshared} without sharing; {1000 * seconds[group] / tokens:.3f} ms a computed token; a rollout {whole['rollout_seconds']:.2f} s, "
              f"reference {whole['reference_seconds']:.2f} s", flush=True)
    grown = seconds[32] / seconds[4]
    own, repeated = (len(ids[0]) + 32 * TOKENS) / (len(ids[0]) + 4 * TOKENS), 8.0
    print(f"G 4 -> 32: {grown:.2f}x the time; the computed tokens grow {own:.2f}x, G x (prompt + answer) {repeated:.2f}x: "
          f"{'met' if grown < (own + repeated) / 2 else 'MISSED'}")
    driver.close()


CASES = {name[len("case_"):]: function for name, function in list(globals().items()) if name.startswith("case_")}

if __name__ == "__main__":
    if sys.argv[1:2] == ["one_trl_step"]:
        one_trl_step(*sys.argv[2:])
    print(f"trl {trl.__version__}, transformers {transformers.__version__}, torch {torch.__version__}, {machine()}")
    for name in sys.argv[1:] or CASES:
        CASES[name]()
    sys.stdout.flush()
    os._exit(0)  # trainers wait in their threads
