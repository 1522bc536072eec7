#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loads what `vragent sft` and `vragent grpo-train` write with transformers, PEFT and TensorBoard, live.

Usage: parity_trainers.py VRAGENT_BINARY [WORK_FOLDER]. Tiny random models are trained for three steps; of the first
checkpoint and of the finished run: weights and their names, logits, generation settings, tokenizer, the trainer's state
and the curves. One line a comparison; exit code 1 when one is out of bound.
"""
import json
import random
import sys
import tempfile
from pathlib import Path

import peft
import torch
import transformers
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from parity_checks import common
from parity_checks.common import check, check_equal, probe, random_ids, randomise, run, verdict
from parity_lora import small, write_tokenizer

STEPS = 3
CHATML = ("{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
          "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
SFT = ["--valid-every", 1, "--batch-size", 4, "--max-steps", STEPS, "--epochs", 9, "--log-every", 1]
# An entropy bonus moves the weights of a policy whose answers all earn the same.
GRPO = ["--stages", "judge:1.5", "--batch-prompts", 4, "--group-size", 2, "--sampling.max-tokens", 8, "--loss.entropy-coef", 0.1]
KEYS = ["epoch", "grad_norm", "learning_rate", "loss", "step"]
LORA = ["--lora.rank", 4, "--lora.alpha", 8]


def make_base(folder, kind):
    """A random model with tokenizer, chat template and generation settings; two ids may end an answer."""
    config = {"qwen2": transformers.Qwen2Config, "llama": transformers.LlamaConfig}[kind](
        **small() | {"max_position_embeddings": 4096, "tie_word_embeddings": kind == "qwen2"})
    model = randomise(transformers.AutoModelForCausalLM.from_config(config), 1)
    model.generation_config = transformers.GenerationConfig(
        eos_token_id=[258, 256], pad_token_id=256, do_sample=True, temperature=0.7, top_k=20)
    model.save_pretrained(folder)
    write_tokenizer(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)  # of the model's class, which the files then name
    tokenizer.chat_template = CHATML
    tokenizer.save_pretrained(folder)
    return folder


def make_cases(work):
    rng = random.Random(5)
    histories = [rng.sample(range(1, 13), 6) for _ in range(8)]
    (work / "interactions.tsv").write_text("".join(f"{u + 1}\t{' '.join(map(str, h))}\n" for u, h in enumerate(histories)))
    (work / "titles.csv").write_text("".join(f"{item},a red boat {item}\n" for item in range(1, 13)))
    run(["eval", "make-cases", "--interactions", work / "interactions.tsv", "--items", work / "titles.csv", "--users", "all",
         "--negatives", "uniform", "--num-users", 4, "--tasks", "judge", "--m", 3, "--out", work / "cases.jsonl"])
    return work / "cases.jsonl"


def load_model(name, folder, is_adapter):
    """The model as others load it, after its names and weights were compared with the file's."""
    at = peft.PeftConfig.from_pretrained(folder).base_model_name_or_path if is_adapter else folder
    model, report = transformers.AutoModelForCausalLM.from_pretrained(at, output_loading_info=True)
    wrong = [f"{kind} {key}" for kind, keys in report.items() for key in keys]
    check_equal(f"{name}: keys missing, unexpected", wrong, [])
    loaded = model.state_dict()
    stored = load_file(folder / ("adapter_model.safetensors" if is_adapter else "model.safetensors"))
    if is_adapter:
        model = peft.PeftModel.from_pretrained(model, folder)
        loaded = peft.get_peft_model_state_dict(model)
    tied = {"lm_head.weight"} if model.config.tie_word_embeddings else set()
    check_equal(f"{name}: names of weights", sorted(stored), sorted(set(loaded) - tied))
    changed = [key for key in set(stored) & set(loaded) if not torch.equal(stored[key], loaded[key])]
    check_equal(f"{name}: weights of other bits", changed, [])
    return model.eval()


def compare_side_files(name, base, folder):
    ours, theirs = (sorted(transformers.GenerationConfig.from_pretrained(at).to_dict().items()) for at in (folder, base))
    check_equal(f"{name}: GenerationConfig", ours, theirs)
    ours, theirs = (transformers.AutoTokenizer.from_pretrained(at) for at in (folder, base))
    said = [{"role": "user", "content": "the cat"}]
    for what, made_by in (("vocabulary", lambda t: sorted(t.get_vocab().items())),
                          ("roles", lambda t: sorted(t.special_tokens_map.items())),
                          ("chat", lambda t: t.apply_chat_template(said, add_generation_prompt=True)["input_ids"])):
        check_equal(f"{name}: AutoTokenizer's {what}", made_by(ours), made_by(theirs))


def compare_state(name, folder, rows, step, keys):
    """trainer_state.json holds the lines of train_log.jsonl up to its step."""
    state = transformers.TrainerState.load_from_json(str(folder / "trainer_state.json"))
    check_equal(f"{name}: TrainerState's steps", [state.global_step, state.max_steps], [step, STEPS])
    check_equal(f"{name}: TrainerState's log_history", state.log_history, [row for row in rows if row["step"] <= step])
    lacking = set(KEYS + keys).difference(*state.log_history)
    check_equal(f"{name}: keys that log_history lacks", sorted(lacking), [])
    best = min((row["eval_loss"] for row in rows if "eval_loss" in row and row["step"] <= step), default=None)
    check_equal(f"{name}: TrainerState's best_metric", state.best_metric, best)


def compare_curves(name, out, rows):
    """TensorBoard's own reader against every line of train_log.jsonl."""
    reader = EventAccumulator(str(out), size_guidance={"scalars": 0}).Reload()
    tags = sorted({tag for row in rows for tag in row if tag != "step"})
    check_equal(f"{name}: TensorBoard's tags", sorted(reader.Tags()["scalars"]), tags)
    read = [(event.step, event.value) for tag in tags for event in reader.Scalars(tag)]
    logged = [(row["step"], row[tag]) for tag in tags for row in rows if tag in row]
    check_equal(f"{name}: TensorBoard's steps", [step for step, _ in read], [step for step, _ in logged])
    read, logged = (torch.tensor([value for _, value in pairs], dtype=torch.float64) for pairs in (read, logged))
    scale = logged.abs().clamp(min=1)
    check(f"{name}: TensorBoard's values", read / scale, logged / scale, 1e-6)


def compare(name, base, command, keys, work):
    out = work / name
    run([*command, "--model", base, "--out", out, "--save-every", 1, "--keep-checkpoints", STEPS, "--optim.lr", 1e-3,
         "--no-prompt.cot", "--threads", 1])
    rows = [json.loads(line) for line in (out / "train_log.jsonl").read_text().splitlines()]
    ids = random_ids(100, 2, 256)
    before = probe(base, ids)["logits"]
    is_adapter = "--lora.rank" in command
    for title, folder, step in ((f"{name} checkpoint-1", out / "checkpoint-1", 1), (name, out, STEPS)):
        model = load_model(title, folder, is_adapter)
        with torch.no_grad():
            theirs = model(input_ids=torch.tensor([ids])).logits[0]
        moved = (theirs - before).abs().max().item()
        verdict(f"{title}: training moves logits", moved > 1e-2, f"by {moved:.2e}")
        check(f"{title}: logits", probe(folder, ids)["logits"], theirs)
        compare_side_files(title, base, folder)
        compare_state(title, folder, rows, step, keys)
    compare_curves(name, out, rows)


def main():
    common.BINARY[:] = [sys.argv[1]]
    print(f"transformers {transformers.__version__}, peft {peft.__version__}, bound of logits {common.TOLERANCE}")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        work.mkdir(parents=True, exist_ok=True)
        cases = make_cases(work)
        tied, untied = (make_base(work / kind, kind) for kind in ("qwen2", "llama"))
        grpo = ["grpo-train", "--cases", cases, *GRPO]
        compare("sft", tied, ["sft", "--train", cases, "--valid", cases, *SFT], ["eval_loss"], work)
        compare("grpo-train", untied, grpo, ["reward", "kl", "entropy"], work)
        compare("grpo-train-lora", tied, grpo + LORA, ["reward", "kl", "entropy"], work)
    failed = common.failures
    print(f"parity of trainers: {common.counts['comparisons']} comparisons,",
          f"{len(failed)} FAILED: {'; '.join(failed)}" if failed else "all within bound")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
