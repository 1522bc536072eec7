# SPDX-License-Identifier: Apache-2.0
# The last part of the demo: tables, checks of the mechanism, the page. Read by scripts/demo.sh.
data="mini world, $profile profile, seed $seed"
rec=$run/rec scores=$run/scores
tables=(
  "1 pop=$rec/pop markov=$rec/markov GRU4Rec=$rec/gru4rec NextItNet=$rec/nextitnet SASRec=$rec/id SASRec_T=$rec/title NextItNet+Ours=$rec/nextitnet-ours SASRec+Ours=$rec/ours"
  "2 zeroshot=$scores/zeroshot SFT=$scores/sft VRAgent-R1=$scores/full controls=$scores/controls"
  "4 original=$rec/title +IP=$rec/ours +US_dislike=$rec/feedback-dislike +US_random=$rec/feedback-random +US_like=$rec/feedback-like"
  "5 baseline=$rec/title w/o_KFR=$rec/no-kfr w/o_CMP=$rec/no-cmp w/o_RRA=$rec/no-rra full=$rec/ours"
  "6 baseline=$scores/zeroshot SFT=$scores/sft w/o_CoT=$scores/no-cot w/o_comment=$scores/no-comment w/o_IP_agent=$scores/no-ip full=$scores/full"
)

# Row names of the paper hold spaces; in the list above they are written with "_" before a capital or small word.
row_name() { sed -E 's/^(w\/o|\+US)_/\1 /; s/_agent$/ agent/' <<<"$1"; }

# The list of tables as the report's specification wants it: {"id": .., "runs": [..]}, ...
table_specs() {
  local line words word list comma=
  for line in "${tables[@]}"; do
    read -ra words <<<"$line"
    list=
    for word in "${words[@]:1}"; do
      [ -e "${word#*=}" ] || continue
      list+="${list:+, }\"$(row_name "${word%%=*}")=${word#*="$run"/}\""
    done
    printf '%s{"id": %s, "runs": [%s]}' "$comma" "${words[0]}" "$list"
    comma=$',\n    '
  done
}

# "NAME=RUN", ... of those runs that this profile has.
present() {
  local word list=
  for word in "$@"; do
    [ ! -e "$run/${word#*=}" ] || list+="${list:+, }\"$word\""
  done
  printf '%s' "$list"
}

print_tables() {
  local line words word runs
  for line in "${tables[@]}"; do
    read -ra words <<<"$line"
    runs=()
    for word in "${words[@]:1}"; do
      [ ! -e "${word#*=}" ] || runs+=("$(row_name "${word%%=*}")=${word#*=}")
    done
    "$vragent" -q eval table --id "${words[0]}" --data "$data" "${runs[@]}"
    echo
  done
}

write_spec() {
  cat >"$run/report_spec.json" <<SPEC
{
  "title": "VRAgent-R1 on the mini world",
  "lead": "Every command of vragent, chained on rendered and encoded videos with known truth.",
  "data": "$data",
  "introduction": [
    "This page demonstrates mechanisms. It is no evidence for the numbers of the paper: the world is synthetic, and the models are tiny and were trained here in minutes.",
    "The world was chosen among several after looking at results, and so were the learning rates and steps of the tiny models. Test users and cases were frozen before any agent answered, and every row of a table saw the same protocol.",
    "The user agents begin as one tiny language model that learnt from demonstrations of other synthetic users over the same items: a stand-in for pre-training. Each arm then saw the same number of demonstrations in its own form of prompt (SFT), and only then rewards (GRPO). The teacher of the demonstrations says Yes too readily, as language models do."
  ],
  "facts": ["profile=$profile", "seed=$seed", "videos=$(wc -l <"$run/frames/frames.jsonl")", "users=$(cut -f1 "$pairs" | wc -l)", "cases=$(wc -l <"$run/cases/eval/cases.jsonl")"],
  "checks": "checks.json",
  "tables": [
    $(table_specs)
  ],
  "accuracy": [
    {"title": "Negatives from the recommender's top 10", "negatives": "topk",
     "scores": ["zeroshot=scores/zeroshot", "SFT=scores/sft", "VRAgent-R1=scores/full", "controls=scores/controls"],
     "caption": "Controls read no text. Those that see popularity or the recommender's scores show what a case gives away."},
    {"title": "Negatives of the target's popularity", "negatives": "popmatch",
     "scores": ["zeroshot=scores/zeroshot", "SFT=scores/sft", "VRAgent-R1=scores/full", "controls=scores/controls"]}
  ],
  "curves": [
    {"title": "Recommenders", "x-label": "epoch", "tags": ["valid_hr@10"],
     "logs": ["ids=rec/id", "titles=rec/title", "captions=rec/ours"]},
    {"title": "GRPO", "tags": ["reward", "kl", "completions/mean_length"], "smoothing": 0.6,
     "logs": [$(present full=us/full "w/o comment=us/no-comment" "w/o IP agent=us/no-ip" "w/o CoT=us/no-cot")]},
    {"title": "Supervised start", "tags": ["loss"], "smoothing": 0.6, "logs": ["base=us/base"]},
    {"title": "Vision-language model", "tags": ["loss"], "smoothing": 0.6, "logs": ["stage 1=vlm1", "stage 2=vlm"]}
  ],
  "gallery": {"frames": "frames", "captions": "captions/full", "items": "$(basename "$world")/$(basename "$titles")", "num": 6},
  "rollouts": {"title": "Sampled answers of the user agent", "completions": "us/full", "groups": 2},
  "feedback": ["+US like=rec/feedback-like", "+US dislike=rec/feedback-dislike", "+US random=rec/feedback-random"]
}
SPEC
}

print_tables | tee "$run/tables.txt"
caption_runs=()
for name in $captions; do caption_runs+=("$run/captions/$name"); done
"$mini_world" check --world "$world" --frames "$run/frames" --captions "${caption_runs[@]}" | tee "$run/mechanism.txt"
"$mini_world" check --world "$world" --frames "$run/frames" --captions "${caption_runs[@]}" --json >"$run/mechanism.json"
python3 scripts/demo_results.py "$run" --seed "$seed" ${check:+--check} && status=0 || status=$?
write_spec
"$vragent" -q eval report --spec "$run/report_spec.json" --out "$out" >/dev/null
echo "== the page: $out/report.html (its numbers: $out/report.json)"
