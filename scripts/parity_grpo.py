#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares advantages, GRPO losses and their gradients with TRL's own trainer code on the same tensors, live.

Usage: parity_grpo.py VRAGENT_BINARY [WORK_FOLDER]. A GRPOTrainer over a tiny model is given answers, rewards and
log-probabilities; what it makes of them (_generate_and_score_completions, _compute_loss, backward) is compared with
`vragent inspect grpo-loss`, in fp32. One line a comparison; exit code 1 when one is above its bound.
"""
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1")
warnings.simplefilter("ignore")
logging.disable(logging.WARNING)

import tokenizers
import torch
import transformers
import trl
from datasets import Dataset
from safetensors.torch import load_file, save_file

BINARY = sys.argv[1]
TOLERANCE = 1e-6  # of the largest number compared
PROMPTS, GROUP, COLUMNS = 4, 6, 9
ROWS = PROMPTS * GROUP
PAD, EOS = 0, 1
failures = []


class Tensors:
    """Answers of ragged length with log-probabilities of four policies; ratios fall on both sides of every clip."""

    def __init__(self, seed=11):
        torch.manual_seed(seed)
        self.lengths = [1 + (5 * row + row // GROUP) % COLUMNS for row in range(ROWS)]
        self.truncated = [row % 4 == 0 for row in range(ROWS)]
        self.mask = torch.arange(COLUMNS) < torch.tensor(self.lengths)[:, None]
        self.log_probs = -torch.rand(ROWS, COLUMNS) * 3
        self.old = self.log_probs + 0.3 * torch.randn(ROWS, COLUMNS)
        self.ref = self.log_probs + 0.5 * torch.randn(ROWS, COLUMNS)
        self.sampler = self.old + 0.3 * torch.randn(ROWS, COLUMNS)
        self.entropy = torch.rand(ROWS, COLUMNS) * 4
        self.rewards = torch.stack([torch.randint(0, 2, (ROWS,)).float(), torch.randint(-2, 3, (ROWS,)).float()])
        self.rewards[:, :GROUP] = 1  # a group with nothing to teach

    def ids(self):
        return [[5] * (length - 1) + [5 if cut else EOS] for length, cut in zip(self.lengths, self.truncated)]


class FixedTrainer(trl.GRPOTrainer):
    """TRL's trainer over given log-probabilities in place of a model's; all else is its own."""

    def given(self, tensors, leaf):
        self.tensors, self.leaf, self.cursor = tensors, leaf, 0

    def _get_per_token_logps_and_entropies(self, model, input_ids, attention_mask, logits_to_keep, **options):
        if options.get("compute_entropy"):
            rows = slice(self.cursor, self.cursor + input_ids.shape[0])
            self.cursor += input_ids.shape[0]
            return self.leaf[rows], self.tensors.entropy[rows], None
        return (self.tensors.ref if model is self.ref_model else self.tensors.old), None, None


def make_model(folder):
    words = {"<pad>": PAD, "<eos>": EOS, **{f"w{i}": i for i in range(2, 16)}}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, "w2"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="<eos>")
    config = transformers.LlamaConfig(vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                                      num_attention_heads=2, num_key_value_heads=1, pad_token_id=PAD, eos_token_id=EOS)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    fast.save_pretrained(folder)
    return fast


def make_trainer(folder, tokenizer, tensors, with_old, sampler, parts, options):
    def rollout(prompts, trainer):
        return {"prompt_ids": [[3, 4]] * ROWS, "completion_ids": tensors.ids(),
                "logprobs": [row[:n].tolist() for row, n in zip(tensors.sampler, tensors.lengths)] if sampler else None}

    def first(prompts, **rest):
        return tensors.rewards[0].tolist()

    def second(prompts, **rest):
        return tensors.rewards[1].tolist()

    # Two iterations make TRL keep the old log-probabilities; one takes the new ones for them.
    args = trl.GRPOConfig(output_dir=str(folder / "out"), use_cpu=True, bf16=False, gradient_checkpointing=False,
                          report_to=[], per_device_train_batch_size=ROWS // parts, gradient_accumulation_steps=parts,
                          num_generations=GROUP, num_iterations=2 if with_old else 1, steps_per_generation=parts,
                          max_completion_length=COLUMNS + 2, **options)
    trainer = FixedTrainer(model=transformers.LlamaForCausalLM.from_pretrained(folder), reward_funcs=[first, second],
                           args=args, processing_class=tokenizer, rollout_func=rollout,
                           train_dataset=Dataset.from_dict({"prompt": ["w3 w4"] * ROWS}))
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = parts
    if sampler:  # answers that vLLM wrote, without vLLM
        trainer.use_vllm, trainer._last_loaded_step = True, trainer.state.global_step
    return trainer


def theirs(folder, tokenizer, tensors, with_old, sampler, parts, options):
    trainer = make_trainer(folder, tokenizer, tensors, with_old, sampler, parts, options)
    leaf = tensors.log_probs.clone().requires_grad_()
    trainer.given(tensors, leaf)
    batch = trainer._generate_and_score_completions([{"prompt": "w3 w4"}] * ROWS)
    rows = ROWS // parts
    loss = 0
    for begin in range(0, ROWS, rows):
        part = {name: value[begin:begin + rows] if value.dim() else value for name, value in batch.items()}
        loss = loss + trainer._compute_loss(trainer.model, part)
    loss.backward()
    return {"loss": loss.detach(), "gradient": leaf.grad, "advantages": batch["advantages"]}


def ours(work, tensors, with_old, sampler, parts, flags, hidden):
    rewards = tensors.rewards.view(2, PROMPTS, GROUP)
    mask = tensors.mask & ~torch.tensor(hidden)[:, None]
    given = {"log_probs": tensors.log_probs, "mask": mask, "rewards": rewards, "ref_log_probs": tensors.ref,
             "entropy": tensors.entropy}
    if with_old:
        given["old_log_probs"] = tensors.old
    if sampler:
        given["sampler_log_probs"] = tensors.sampler
    save_file({name: value.contiguous() for name, value in given.items()}, work / "in.safetensors")
    command = [BINARY, "-q", "inspect", "grpo-loss", "--tensors", work / "in.safetensors", "--out", work / "out.safetensors",
               "--max-tokens", COLUMNS + 2, "--micro-rows", ROWS // parts, *flags]
    subprocess.run([str(word) for word in command], check=True)
    return load_file(work / "out.safetensors")


def check(name, got, expected):
    """One line: the worst of loss, gradient and advantages."""
    errors = {part: ((got[part] - value).abs().max() / value.abs().max().clamp(min=1e-30)).item()
              for part, value in expected.items()}
    verdict = "ok" if max(errors.values()) <= TOLERANCE else "FAIL"
    text = " ".join(f"{part}={error:.1e}" for part, error in errors.items())
    print(f"{verdict:4} {name:58} {text} value={expected['loss'].item():.6f}", flush=True)
    if verdict != "ok":
        failures.append(name)


# TRL's name of each type with its options, and ours.
TYPES = {
    "grpo": (dict(loss_type="grpo"), ["grpo"]),
    "bnpo": (dict(loss_type="bnpo"), ["bnpo"]),
    "dr_grpo": (dict(loss_type="dr_grpo"), ["dr_grpo"]),
    "dapo": (dict(loss_type="dapo"), ["dapo"]),
    "cispo": (dict(loss_type="cispo"), ["cispo"]),
    "gspo": (dict(loss_type="grpo", importance_sampling_level="sequence"), ["gspo"]),
    "dapo sequence": (dict(loss_type="dapo", importance_sampling_level="sequence"),
                      ["dapo", "--loss.importance-level", "sequence"]),
}
MODES = ("token_truncate", "token_mask", "sequence_truncate", "sequence_mask")


def all_cases():
    """(name, TRL options, our flags, with old log-probs, with the sampler's, micro-batches)"""
    for name, (options, flags) in TYPES.items():
        high = 1.2 if name == "cispo" else 0.28
        options = dict(options, epsilon=0.2, epsilon_high=high, use_bias_correction_kl=False)
        flags = ["--loss.type", *flags, "--loss.clip-low", 0.2, "--loss.clip-high", high, "--loss.kl-coef"]
        yield name + ", on policy", dict(options, beta=0.0), flags + [0], False, False, 1
        yield name + ", clip-higher", dict(options, beta=0.0), flags + [0], True, False, 1
        yield name + ", clip-higher, KL", dict(options, beta=0.04), flags + [0.04], True, False, 1
        yield (name + ", KL by ratio", dict(options, beta=0.04, use_bias_correction_kl=True),
               flags + [0.04, "--loss.kl-by-ratio"], True, False, 1)
        yield (name + ", KL by ratio, on policy", dict(options, beta=0.04, use_bias_correction_kl=True),
               flags + [0.04, "--loss.kl-by-ratio"], False, False, 1)
        yield name + ", KL, two micro-batches", dict(options, beta=0.04), flags + [0.04], True, False, 2
        if not name.startswith("cispo"):
            yield (name + ", delta", dict(options, beta=0.04, delta=1.4), flags + [0.04, "--loss.delta", 1.4],
                   True, False, 1)
        yield (name + ", entropy bonus", dict(options, beta=0.04, entropy_coef=0.01),
               flags + [0.04, "--loss.entropy-coef", 0.01], True, False, 1)
        if name == "bnpo":
            yield ("bnpo, entropy bonus, two micro-batches", dict(options, beta=0.04, entropy_coef=0.01),
                   flags + [0.04, "--loss.entropy-coef", 0.01], True, False, 2)
        for mode in MODES:
            yield (f"{name}, correction {mode}",
                   dict(options, beta=0.04, vllm_importance_sampling_mode=mode, vllm_importance_sampling_clip_max=1.5),
                   flags + [0.04, "--loss.correction", mode.replace("_", "-"), "--loss.correction-cap", 1.5],
                   True, True, 1)
    plain = ["--loss.type", "bnpo", "--loss.kl-coef", 0]
    yield ("bnpo, truncated answers masked", dict(loss_type="bnpo", beta=0.0, mask_truncated_completions=True),
           plain, True, False, 1)
    for scale in ("batch", "none"):
        yield (f"bnpo, advantages by {scale}", dict(loss_type="bnpo", beta=0.0, scale_rewards=scale),
               plain + ["--advantage.scale", scale], True, False, 1)
    # Sums without rounding: TRL leaves a residue of it where all rewards are equal, ours are exact zeros.
    weights = dict(loss_type="bnpo", beta=0.0, reward_weights=[0.75, 1.5])
    given = plain + ["--advantage.reward-weights", "0.75,1.5"]
    yield "bnpo, weighted rewards", weights, given, True, False, 1
    yield ("bnpo, rewards normalised, then summed", dict(weights, multi_objective_aggregation="normalize_then_sum"),
           given + ["--advantage.aggregation", "normalize-then-sum"], True, False, 1)


def main():
    print(f"trl {trl.__version__}, transformers {transformers.__version__}, torch {torch.__version__}, bound {TOLERANCE}")
    tensors = Tensors()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        work.mkdir(parents=True, exist_ok=True)
        tokenizer = make_model(work / "model")
        for name, options, flags, with_old, sampler, parts in all_cases():
            hidden = [cut and "mask_truncated_completions" in options for cut in tensors.truncated]
            check(name, ours(work, tensors, with_old, sampler, parts, flags, hidden),
                  theirs(work / "model", tokenizer, tensors, with_old, sampler, parts, options))
    print("parity of GRPO with TRL:", f"{len(failures)} comparisons FAILED" if failures else "all comparisons within bound")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
