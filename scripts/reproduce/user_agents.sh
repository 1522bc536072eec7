#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What a small chat model learns as a simulated user from a MicroLens folder: zero-shot, supervised, GRPO on judgments,
# GRPO on judgments and then selections, the same without reasoning; label-free controls beside them, all on the same
# frozen cases of cold users. Ends with the tables.
# Usage: user_agents.sh --data DIR --model DIR [--out DIR] [--device cpu|cuda] [--dtype bfloat16|float32] [--users 1000]
#   [--train-users 3000] [--form-steps 60] [--judge-steps 60] [--select-steps 60] [--sft-steps 150] [--prompts 16] [--seed 1]
# A step of GRPO is --prompts prompts with 8 answers each, one of supervised learning 16 examples.
# DIR of --data holds *_pairs.tsv and *title*.csv. A step that has finished is not run again. VRAGENT names the program.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
vragent=${VRAGENT:-$root/build/release/tools/vragent}
data= model= out=$root/build/user_agents device=cpu dtype=bfloat16 users=1000 train_users=3000 judge_steps=60 select_steps=60
form_steps=60 sft_steps=150 prompts=16 seed=1
while [ $# -gt 0 ]; do
  case $1 in
    --data | --model | --out | --device | --dtype | --users | --train-users | --form-steps | --judge-steps | --select-steps | \
      --sft-steps | --prompts | --seed)
      [ $# -ge 2 ] || { echo "user_agents.sh: $1 wants a value" >&2; exit 2; }
      name=${1#--}; declare "${name//-/_}=$2"; shift 2 ;;
    *) echo "user_agents.sh: unknown argument $1" >&2; exit 2 ;;
  esac
done
[ -n "$data" ] && [ -n "$model" ] || { echo "user_agents.sh: --data and --model are required" >&2; exit 2; }
pairs=$(ls "$data"/*_pairs.tsv) titles=$(ls "$data"/*title*.csv)
mkdir -p "$out/logs"

step() { # NAME COMMAND...
  local name=$1 begin=$SECONDS
  shift
  [ "$(cat "$out/logs/$name.done" 2>/dev/null)" != "$*" ] || return 0
  "$@" >"$out/logs/$name.out" 2>"$out/logs/$name.log" || { tail -3 "$out/logs/$name.log" >&2; echo "user_agents.sh: $name failed" >&2; return 1; }
  echo "$*" >"$out/logs/$name.done"
  printf '   %-24s %5d s\n' "$name" $((SECONDS - begin))
}

echo "== recommender and cases"
step recommender "$vragent" train-sasrec --overwrite --interactions "$pairs" --width 256 --epochs 8 --optim.lr 1e-3 --device "$device" \
  --seed "$seed" --out "$out/recommender"
cases() { # NAME FLAG...
  local name=$1
  shift
  step "cases-$name" "$vragent" eval make-cases --overwrite --interactions "$pairs" --items "$titles" --topk "$out/recommender" --seed "$seed" \
    --out "$out/cases-$name" "$@"
}
cases eval --negatives topk,popmatch --users cold --num-users "$users"
cases train --negatives topk --users all --num-users "$train_users" --m 3 --exclude-users "$out/cases-eval/users.txt"
eval_cases=$out/cases-eval/cases.jsonl train_cases=$out/cases-train/cases.jsonl
# Demonstrations of the form of an answer alone: what they answer is drawn at random, so they carry no label.
python3 - "$train_cases" "$out/form.jsonl" "$seed" <<'PYTHON'
import json, random, sys
draw = random.Random(int(sys.argv[3]))
with open(sys.argv[1]) as cases, open(sys.argv[2], "w") as demos:
    for i, line in enumerate(cases):
        if i == 1200:
            break
        case = json.loads(line)
        watched = [item["title"] for item in case["history"]]
        shown = [item["title"] for item in case["candidates"]]
        answer = draw.choice(["Yes", "No"]) if case["task"] == "judge" else draw.choice("ABCDEFGH"[:len(shown)])
        thought = f"They watched {draw.choice(watched)}. Now there is {draw.choice(shown)}."
        case["response"] = f"<think>{thought}</think><answer>{answer}</answer>"
        demos.write(json.dumps(case) + "\n")
PYTHON

supervise() { # NAME DATA STEPS FLAG...
  local name=$1 from=$2 steps=$3
  shift 3
  step "sft-$name" "$vragent" sft --overwrite --model "$model" --train "$from" --max-steps "$steps" --epochs 100 --batch-size 16 --optim.lr 1e-4 \
    --optim.warmup-steps 10 --max-length 1024 --overlong skip --device "$device" --dtype "$dtype" --seed "$seed" --out "$out/sft-$name" "$@"
}
reinforce() { # NAME FROM TASK STEPS FLAG...
  local name=$1 from=$2 task=$3 steps=$4 share
  shift 4
  share=$(python3 -c "import sys; n=sum('\"task\":\"$task\"' in l.replace(': ',':') for l in open(sys.argv[1])); print($steps*$prompts/n)" "$train_cases")
  step "grpo-$name" "$vragent" grpo-train --overwrite --model "$from" --cases "$train_cases" --stages "$task:$share" --batch-prompts "$prompts" \
    --micro-prompts "$prompts" --group-size 8 --loss.kl-coef 0.01 --optim.lr 1e-5 --optim.warmup-steps 5 --sampling.max-tokens 96 \
    --max-prompt-tokens 1024 --overlong skip --save-every 0 --log-completions-every 10 --device "$device" --dtype "$dtype" --seed "$seed" \
    --out "$out/grpo-$name" "$@"
}
ask() { # NAME MODEL FLAG...
  local name=$1 from=$2
  shift 2
  step "ask-$name" "$vragent" simulate --overwrite --model "$from" --cases "$eval_cases" --max-tokens 96 --batch-size 256 --device "$device" \
    --dtype "$dtype" --seed "$seed" --out "$out/decisions/$name" "$@"
  step "score-$name" "$vragent" eval score --cases "$eval_cases" --decisions "$name=$out/decisions/$name/decisions.jsonl" --out "$out/scores/$name"
}
no_cot=(--no-prompt.cot)

echo "== agents"
with_reasoning() {
  supervise form "$out/form.jsonl" "$form_steps"
  reinforce judge "$out/sft-form" judge "$judge_steps"
  reinforce full "$out/grpo-judge" select "$select_steps"
  ask form "$out/sft-form" --agent vragent
  ask judge "$out/grpo-judge" --agent vragent
  ask full "$out/grpo-full" --agent vragent
}
without_reasoning() {
  supervise form-no-cot "$out/form.jsonl" "$form_steps" "${no_cot[@]}"
  reinforce judge-no-cot "$out/sft-form-no-cot" judge "$judge_steps" "${no_cot[@]}"
  reinforce no-cot "$out/grpo-judge-no-cot" select "$select_steps" "${no_cot[@]}"
  ask no-cot "$out/grpo-no-cot" --agent vragent --no-cot
}
supervised() {
  ask zeroshot "$model" --agent zeroshot
  supervise labels "$train_cases" "$sft_steps" "${no_cot[@]}"
  ask sft "$out/sft-labels" --agent vragent --no-cot
}
if [ "$device" = cpu ]; then
  supervised
  with_reasoning
  without_reasoning
else
  with_reasoning & first=$!
  without_reasoning & second=$!
  supervised & third=$!
  failed=
  for job in $first $second $third; do wait "$job" || failed=1; done
  [ -z "$failed" ] || exit 1
fi
step ask-controls "$vragent" simulate --overwrite --agent random,always-yes,pop,recscore,antirec --cases "$eval_cases" --seed "$seed" --out "$out/decisions/controls"
step score-controls "$vragent" eval score --cases "$eval_cases" --decisions "$out/decisions/controls/decisions.jsonl" --out "$out/scores/controls"

echo "== tables"
runs=()
for name in zeroshot form sft judge full no-cot controls; do runs+=("$name=$out/scores/$name"); done
"$vragent" -q eval table --id 2 --data "MicroLens titles, $(basename "$model"), seed $seed" "${runs[@]}"
"$root/scripts/training_curves.py" judge="$out/grpo-judge" select="$out/grpo-full" judge-no-cot="$out/grpo-judge-no-cot" \
  select-no-cot="$out/grpo-no-cot"
