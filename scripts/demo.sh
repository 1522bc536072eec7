#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The whole pipeline on the mini world: sets up, builds, makes a small synthetic data set with real encoded videos,
# trains its tiny models, runs every command, prints the mini Tables 1, 2, 4, 5, 6 and writes demo/report.html.
#
# Usage: demo.sh [--profile full|core|smoke] [--out DIR] [--fresh] [--seed N] [--check] [--no-build]
#   full   600 videos, 1,500 users, the models learn what they can (about 20 minutes on 2 cores)
#   core   the world of full, fewer steps and only the rows that the regression asserts (what CI runs)
#   smoke  200 videos, 600 users, a few steps of everything: shows that it runs, not that it learns (minutes)
#   --check  compares the results with the recorded bands in tests/regression and fails outside of them
# A step that has finished is not run again; --fresh starts over. One build, thread count and seed: the same bits.
set -euo pipefail
cd "$(dirname "$0")/.."

profile=full out=demo seed=1 fresh= check= build=1
[ "$(nproc)" -lt 2 ] && profile=smoke
while [ $# -gt 0 ]; do
  case $1 in
    --profile | --out | --seed)
      [ $# -ge 2 ] || { echo "demo.sh: $1 wants a value (see --help)" >&2; exit 2; } ;;&
    --profile) profile=$2; shift 2 ;;
    --out) out=$2; shift 2 ;;
    --seed) seed=$2; shift 2 ;;
    --fresh) fresh=1; shift ;;
    --check) check=1; shift ;;
    --no-build) build=; shift ;;
    -h | --help) sed -n '3,13s/^# \{0,1\}//p' "$0"; exit 0 ;;
    *) echo "demo.sh: unknown argument $1 (see --help)" >&2; exit 2 ;;
  esac
done
case $profile in full | core | smoke) ;; *) echo "demo.sh: --profile must be full, core or smoke" >&2; exit 2 ;; esac

[ -z "$check" ] || [ "$profile" = core ] || { echo "demo.sh: --check wants --profile core" >&2; exit 2; }

[ -z "$build" ] || scripts/build.sh vragent mini_world
tools=build/${VRAGENT_PRESET:-release}/tools
vragent=${VRAGENT:-$tools/vragent}
mini_world=${MINI_WORLD:-$tools/mini_world/mini_world}
run=$out/$profile
stamp="seed $seed, $(cat "$vragent" "$mini_world" scripts/demo*.sh configs/mini/*.json | sha256sum | cut -c1-16)"
if [ -e "$run/stamp" ] && [ "$(cat "$run/stamp")" != "$stamp" ]; then
  echo "== $run is of another seed, build or script: starting over"
  fresh=1
fi
[ -z "$fresh" ] || rm -rf "$run"
mkdir -p "$run/logs"
echo "$stamp" >"$run/stamp"
. scripts/demo_profiles.sh

# step NAME COMMAND...: runs it once; its talk goes to logs/NAME.log, its results to logs/NAME.out.
step() {
  local name=$1 begin=$SECONDS
  shift
  [ -e "$run/logs/$name.done" ] && return 0
  "$@" >"$run/logs/$name.out" 2>"$run/logs/$name.log" &
  local child=$!
  trap 'kill "$child" 2>/dev/null || true' TERM  # a stopped demo leaves nothing running
  if ! wait "$child"; then
    echo "demo.sh: step $name failed; the end of $run/logs/$name.log:" >&2
    tail -5 "$run/logs/$name.log" >&2
    return 1
  fi
  touch "$run/logs/$name.done"
  printf '   %-28s %4d s\n' "$name" $((SECONDS - begin))
}

# Two things at a time, each with one thread, use two cores better than one with two threads.
side_by_side=${VRAGENT_DEMO_JOBS:-2}
running=0 failures=0
trap 'jobs -p | xargs -r kill 2>/dev/null || true' EXIT
in_background() { # FUNCTION ARGUMENT...
  if [ "$running" -ge "$side_by_side" ]; then
    wait -n || failures=1
    running=$((running - 1))
  fi
  [ "$failures" -eq 0 ] || exit 1
  "$@" &
  running=$((running + 1))
}
beside() { in_background step "$@"; }
settle() {
  while [ "$running" -gt 0 ]; do
    wait -n || failures=1
    running=$((running - 1))
  done
  [ "$failures" -eq 0 ] || exit 1
}
has() { [[ " $1 " == *" $2 "* ]]; }

world=$run/world corpus=$run/corpus models=$run/models
titles=$world/mini_title_en.csv pairs=$world/mini_pairs.tsv comments=$world/mini_comment_en.txt
begin=$SECONDS

echo "== the world: videos, titles, users, comments; and the corpora that stand for pre-training"
step world "$mini_world" make --out "$world" --profile "$world_size"
step corpus "$mini_world" corpus --out "$corpus" --profile "$world_size"
step models "$mini_world" models --out "$models" --texts "$corpus/texts.txt"

learn() { # NAME DEMOS MODEL STEPS LR PROMPT_FLAG...
  local name=$1 demos=$2 model=$3 steps=$4 rate=$5
  shift 5
  step "sft-$name" "$vragent" sft --overwrite --config configs/mini/sft.json --model "$model" --train "$demos" --max-steps "$steps" --optim.lr "$rate" \
    --out "$run/us/$name" --threads 1 --seed "$seed" "$@"
}
recommend() { # NAME FLAG...
  local name=$1
  shift
  has "$rows" "$name" || return 0
  beside "rec-$name" "$vragent" train-sasrec --overwrite --config configs/mini/train-sasrec.json --interactions "$pairs" --epochs "$rec_epochs" \
    --top-k-splits test,valid --out "$run/rec/$name" --threads 1 --seed "$seed" "$@"
}
text_tower=(--tower text --text-model "$models/bert" --items "$titles")

echo "== IP agent: CLIP, key frames, the vision-language model; beside it what needs no captions"
learn_to_see() {
  step clip "$vragent" sft clip --overwrite --model "$models/clip" --pairs "$corpus/clip_pairs.jsonl" --steps "$clip_steps" --out "$run/clip" --threads 1 --seed "$seed"
  step frames "$vragent" extract-frames --overwrite --videos "$world/mini_videos" --items "$titles" --clip "$run/clip" --num-frames 20 --jobs 1 --threads 1 --out "$run/frames"
  step vlm-stage1 "$vragent" sft --overwrite --config configs/mini/vlm-stage1.json --model "$models/vlm" --train "$corpus/vlm_stage1.jsonl" --max-steps "$vlm1_steps" --out "$run/vlm1" --threads 1 --seed "$seed"
  step vlm-stage2 "$vragent" sft --overwrite --config configs/mini/vlm-stage2.json --model "$run/vlm1" --train "$corpus/vlm_stage2.jsonl" --max-steps "$vlm2_steps" --out "$run/vlm" --threads 1 --seed "$seed"
}
in_background learn_to_see
# The base stands for a pre-trained language model: it has never met the world's videos or users.
in_background learn base "$corpus/lm_demos.jsonl" "$models/lm" "$sft_steps" 2e-3
recommend pop --model pop
recommend markov --model markov
recommend id
recommend gru4rec --user-encoder gru4rec
recommend nextitnet --user-encoder nextitnet
recommend title "${text_tower[@]}"
settle

echo "== captions, and the ablations of Table 5"
caption() { # NAME FLAG...
  local name=$1
  shift
  has "$captions" "$name" || return 0
  beside "captions-$name" "$vragent" ip-caption --overwrite --model "$run/vlm" --frames "$run/frames" --items "$titles" --sampling.max-tokens 160 --out "$run/captions/$name" --threads 1 --seed "$seed" "$@"
}
caption full
caption no-kfr --no-kfr
caption no-cmp --no-cmp
caption no-rra --no-rra
settle

make_cases() { # NAME FLAG...
  local name=$1
  shift
  step "cases-$name" "$vragent" eval make-cases --overwrite --items "$titles" --captions "$run/captions/full" --cold-max-len 6 --seed "$seed" --out "$run/cases/$name" "$@"
}
# Each arm starts from demonstrations in its own form of prompt by a teacher who sees no more, all with the same budget.
train_agent() { # NAME TEACHER_FLAGS PROMPT_FLAG...
  local name=$1 teacher_flags=$2
  shift 2
  has "$agents" "$name" || return 0
  # shellcheck disable=SC2086
  step "teach-$name" "$mini_world" teach --cases "$run/cases/demos/cases.jsonl" $teacher_flags --out "$run/demos-$name.jsonl"
  in_background learn "$name-sft" "$run/demos-$name.jsonl" "$run/us/base" "$arm_steps" 1e-3 "$@"
}
ask() { # NAME MODEL FLAG...
  local name=$1 model=$2
  shift 2
  [ -e "$model/config.json" ] || return 0
  beside "ask-$name" "$vragent" simulate --model "$model" --max-tokens 120 --max-history 5 --batch-size 64 --out "$run/decisions/$name" --threads 1 --seed "$seed" --overwrite "$@"
}
no_cot=(--no-prompt.cot) no_comments=(--no-prompt.comments) titles_only=(--prompt.item-text title)

echo "== recommenders, all under one protocol; beside them the supervised start of the user agents"
# Cold users are the test; demonstrations come from users of another corpus.
eval_cases=(--cases "$run/cases/eval/cases.jsonl")
make_cases eval --interactions "$pairs" --comments "$comments" --topk "$run/rec/title/topk.jsonl" --negatives topk,popmatch --users cold --num-users "$eval_users"
make_cases demos --interactions "$corpus/sft_pairs.tsv" --comments "$corpus/sft_comment_en.txt" --negatives uniform --users all --num-users 0
train_agent full ""
recommend ours "${text_tower[@]}" --captions "$run/captions/full"
recommend no-rra "${text_tower[@]}" --captions "$run/captions/no-rra"
train_agent no-comment "--no-prompt.comments" "${no_comments[@]}"
recommend no-kfr "${text_tower[@]}" --captions "$run/captions/no-kfr"
train_agent no-ip "--prompt.item-text title" "${titles_only[@]}"
recommend no-cmp "${text_tower[@]}" --captions "$run/captions/no-cmp"
train_agent no-cot "" "${no_cot[@]}"
recommend nextitnet-ours "${text_tower[@]}" --captions "$run/captions/full" --user-encoder nextitnet
ask zeroshot "$run/us/base" "${eval_cases[@]}" --agent zeroshot
settle

echo "== user agents: GRPO on cases, judgments first, then selections"
# GRPO learns on the users who are not the test.
make_cases train --interactions "$pairs" --comments "$comments" --topk "$run/rec/title/topk.jsonl" --negatives topk --users all --num-users 0 --exclude-users "$run/cases/eval/users.txt"
make_cases feedback --interactions "$pairs" --comments "$comments" --topk "$run/rec/ours/topk.valid.jsonl" --tasks feedback --users cold --num-users 0
reinforce() { # NAME START STAGES PROMPT_FLAG...
  local name=$1 start=$2 stages=$3
  shift 3
  has "$agents" "$name" || return 0
  beside "grpo-$name" "$vragent" grpo-train --overwrite --config configs/mini/grpo-train.json --model "$run/us/$start-sft" --cases "$run/cases/train/cases.jsonl" --stages "$stages" \
    --out "$run/us/$name" --threads "$grpo_threads" --seed "$seed" "$@"
}
[ "$agents" = full ] && grpo_threads=2 || grpo_threads=1  # nothing runs beside a single arm
reinforce full full "$grpo_stages"
reinforce judge full "${grpo_stages%%,*}"
reinforce no-comment no-comment "$grpo_stages" "${no_comments[@]}"
reinforce no-ip no-ip "$grpo_stages" "${titles_only[@]}"
reinforce no-cot no-cot "$grpo_stages" "${no_cot[@]}"
settle

echo "== simulated users answer the same frozen cases; label-free controls beside them"
score() {
  step "score-$1" "$vragent" eval score --cases "$run/cases/eval/cases.jsonl" --decisions "$2$run/decisions/$1/decisions.jsonl" --out "$run/scores/$1"
}
step ask-controls "$vragent" simulate "${eval_cases[@]}" --agent random,always-yes,pop,recscore,antirec --out "$run/decisions/controls" --seed "$seed" --overwrite
ask feedback "$run/us/full" --agent vragent --cases "$run/cases/feedback/cases.jsonl" --p-yes log-prob
ask sft "$run/us/full-sft" "${eval_cases[@]}" --agent vragent
ask judge "$run/us/judge" "${eval_cases[@]}" --agent vragent
ask full "$run/us/full" "${eval_cases[@]}" --agent vragent
ask no-comment "$run/us/no-comment" "${eval_cases[@]}" --agent vragent --no-comments
ask no-ip "$run/us/no-ip" "${eval_cases[@]}" --agent vragent --item-text title
ask no-cot "$run/us/no-cot" "${eval_cases[@]}" --agent vragent --no-cot
settle
score controls ""
decisions=()
for name in zeroshot sft judge no-cot no-comment no-ip full; do
  [ -e "$run/decisions/$name" ] || continue
  score "$name" "$name="
  decisions+=("$name=$run/decisions/$name/decisions.jsonl")
done
step compare "$vragent" eval compare "${eval_cases[@]}" --decisions "$(IFS=,; echo "${decisions[*]}")" --reference sft --out "$run/comparison.json"

echo "== feedback: simulated likes and dislikes of cold users go back into the recommender"
for arm in like dislike random; do
  recommend "feedback-$arm" "${text_tower[@]}" --captions "$run/captions/full" --feedback "$run/decisions/feedback/decisions.jsonl" --feedback-arm "$arm"
done
settle

. scripts/demo_tables.sh
echo "== the pipeline took $((SECONDS - begin)) s"
exit "$status"
