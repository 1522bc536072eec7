# SPDX-License-Identifier: Apache-2.0
# The last part of the demo: tables, checks of the mechanism, the page. Read by scripts/demo.sh.
data="mini world, $profile profile, seed $seed"
table_ids="1 2 4 5 6"
table_runs() { # ID: one NAME=RUN a line, RUN below the run folder
  case $1 in
    1) printf '%s\n' pop=rec/pop markov=rec/markov GRU4Rec=rec/gru4rec NextItNet=rec/nextitnet SASRec=rec/id SASRec_T=rec/title \
      NextItNet+Ours=rec/nextitnet-ours SASRec+Ours=rec/ours ;;
    2) printf '%s\n' zeroshot=scores/zeroshot SFT=scores/sft "GRPO judge=scores/judge" VRAgent-R1=scores/full \
      controls=scores/controls ;;
    4) printf '%s\n' original=rec/title +IP=rec/ours "+US dislike=rec/feedback-dislike" "+US random=rec/feedback-random" "+US like=rec/feedback-like" ;;
    5) printf '%s\n' baseline=rec/title "w/o KFR=rec/no-kfr" "w/o CMP=rec/no-cmp" "w/o RRA=rec/no-rra" full=rec/ours ;;
    6) printf '%s\n' baseline=scores/zeroshot SFT=scores/sft "w/o CoT=scores/no-cot" "w/o comment=scores/no-comment" \
      "w/o IP agent=scores/no-ip" full=scores/full ;;
  esac
}

# "NAME=RUN", ... of those runs that this profile has.
present() {
  local word list=
  for word in "$@"; do
    [ ! -e "$run/${word#*=}" ] || list+="${list:+, }\"$word\""
  done
  printf '%s' "$list"
}

# The list of tables as the report's specification wants it: {"id": .., "runs": [..]}, ...
table_specs() {
  local id runs comma=
  for id in $table_ids; do
    mapfile -t runs < <(table_runs "$id")
    printf '%s{"id": %s, "runs": [%s]}' "$comma" "$id" "$(present "${runs[@]}")"
    comma=$',\n    '
  done
}

print_tables() {
  local id run_of runs
  for id in $table_ids; do
    runs=()
    while read -r run_of; do
      [ ! -e "$run/${run_of#*=}" ] || runs+=("${run_of%%=*}=$run/${run_of#*=}")
    done < <(table_runs "$id")
    "$vragent" -q eval table --id "$id" --data "$data" "${runs[@]}"
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
    "The user agents begin as one tiny language model that learnt from demonstrations of other synthetic users over other videos: a stand-in for pre-training. Each arm then saw the same number of demonstrations in its own form of prompt (SFT), and only then rewards (GRPO). The teacher of the demonstrations says Yes too readily, as language models do, and often takes the first candidate that fits."
  ],
  "facts": ["profile=$profile", "seed=$seed", "videos=$(wc -l <"$run/frames/frames.jsonl")", "users=$(cut -f1 "$pairs" | wc -l)", "cases=$(wc -l <"$run/cases/eval/cases.jsonl")"],
  "checks": "checks.json",
  "tables": [
    $(table_specs)
  ],
  "accuracy": [
    {"title": "Negatives from the recommender's top 10", "negatives": "topk",
     "scores": [$(present zeroshot=scores/zeroshot SFT=scores/sft "GRPO judge=scores/judge" VRAgent-R1=scores/full controls=scores/controls)],
     "caption": "Controls read no text. Those that see popularity or the recommender's scores show what a case gives away."},
    {"title": "Negatives of the target's popularity", "negatives": "popmatch",
     "scores": [$(present zeroshot=scores/zeroshot SFT=scores/sft "GRPO judge=scores/judge" VRAgent-R1=scores/full controls=scores/controls)]}
  ],
  "curves": [
    {"title": "Recommenders", "x-label": "epoch", "tags": ["valid_hr@10"],
     "logs": ["ids=rec/id", "titles=rec/title", "captions=rec/ours"]},
    {"title": "GRPO", "tags": ["reward", "kl", "completions/mean_length"], "smoothing": 0.6,
     "logs": [$(present full=us/full "judge only=us/judge" "w/o comment=us/no-comment" "w/o IP agent=us/no-ip" "w/o CoT=us/no-cot")]},
    {"title": "Supervised start", "tags": ["loss"], "smoothing": 0.6, "logs": ["base=us/base"]},
    {"title": "Vision-language model", "tags": ["loss"], "smoothing": 0.6, "logs": ["stage 1=vlm1", "stage 2=vlm"]}
  ],
  "gallery": {"frames": "frames", "captions": "captions/full", "items": "$(basename "$world")/$(basename "$titles")", "num": 6},
  "rollouts": {"title": "Sampled answers of the user agent", "completions": "us/full", "groups": 2},
  "feedback": [$(present "+US like=rec/feedback-like" "+US dislike=rec/feedback-dislike" "+US random=rec/feedback-random")]
}
SPEC
}

print_tables | tee "$run/tables.txt"
mapfile -t curves < <(for name in full judge no-comment no-ip no-cot; do [ ! -e "$run/us/$name/train_log.jsonl" ] || echo "$name=$run/us/$name"; done)
echo "GRPO"
python3 scripts/training_curves.py "${curves[@]}" | tee "$run/curves.txt"
echo
caption_runs=()
for name in $captions; do caption_runs+=("$run/captions/$name"); done
"$mini_world" check --world "$world" --frames "$run/frames" --captions "${caption_runs[@]}" | tee "$run/mechanism.txt"
"$mini_world" check --world "$world" --frames "$run/frames" --captions "${caption_runs[@]}" --json >"$run/mechanism.json"
python3 scripts/demo_results.py "$run" --seed "$seed" ${check:+--check} && status=0 || status=$?
write_spec
"$vragent" -q eval report --spec "$run/report_spec.json" --out "$out" >/dev/null
echo "== the page: $out/report.html (its numbers: $out/report.json)"
