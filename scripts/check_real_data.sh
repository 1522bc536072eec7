#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the program on data that nobody here made: real videos, and MicroLens-50K. At most 10 minutes.
# Usage: check_real_data.sh [DATA]   DATA holds videos/ and microlens-50k/ (default: $VRAGENT_SHARED/data, else
# ../shared/data). What is absent is skipped, saying so. Results stay in build/real_data.
set -euo pipefail
cd "$(dirname "$0")/.."
data=${1:-${VRAGENT_SHARED:-../shared}/data}
out=build/real_data
vragent=${VRAGENT:-build/${VRAGENT_PRESET:-release}/tools/vragent}
epochs=${EPOCHS:-3}
[ -x "$vragent" ] || { echo "check_real_data.sh: $vragent is not built: scripts/build.sh" >&2; exit 2; }
rm -rf "$out"
mkdir -p "$out"
failed=0
say() { printf '== %s\n' "$*"; }
verdict() { # NAME CONDITION-STATUS DETAIL
  if [ "$2" -eq 0 ]; then say "ok    $1: $3"; else say "WRONG $1: $3"; failed=1; fi
}

check_videos() {
  # Every clip must give frames or one error row; only the file without a picture may fail.
  local folder name code rows good bad
  for folder in "$data"/videos/*/; do
    name=$(basename "$folder")
    code=0
    "$vragent" -q extract-frames --videos "$folder" --num-frames 16 --out "$out/frames-$name" >"$out/frames-$name.txt" || code=$?
    rows=$(wc -l <"$out/frames-$name/frames.jsonl")
    good=$(grep -c '"status":"ok"' "$out/frames-$name/frames.jsonl" || true)
    bad=$(grep '"status":"error"' "$out/frames-$name/frames.jsonl" | grep -oE '"item_id":"[^"]*"' | cut -d'"' -f4 | sort | tr '\n' ' ' || true)
    case $name in
      androidx) [ "$code" = 1 ] && [ "$bad" = "sample_audio_only " ] && verdict "videos $name" 0 "$good of $rows clips, refused: $bad" || verdict "videos $name" 1 "exit $code, refused: $bad" ;;
      *) [ "$code" = 0 ] && [ "$good" = "$rows" ] && verdict "videos $name" 0 "$good of $rows clips" || verdict "videos $name" 1 "exit $code, refused: $bad" ;;
    esac
  done
}

field() { # FILE DOTTED.KEY : one number of a metrics.json
  python3 -c "import json,sys; v=json.load(open(sys.argv[1]))
for k in sys.argv[2].split('/'): v=v[k]
print(f'{v:.6f}' if isinstance(v, float) else v)" "$1" "$2"
}

check_microlens() {
  local pairs=$data/microlens-50k/MicroLens-50k_pairs.tsv titles=$data/microlens-50k/MicroLens-50k_titles.csv got want
  "$vragent" -q train-sasrec --interactions "$pairs" --model pop --out "$out/pop"
  got=$(for key in counts/users counts/items counts/interactions_in_windows valid/hr@10 valid/ndcg@10 valid/hr@20 valid/ndcg@20 test/hr@10 test/ndcg@10 test/hr@20 test/ndcg@20; do field "$out/pop/metrics.json" $key; done | tr '\n' ' ')
  want="50000 19099 339511 0.005220 0.002657 0.009160 0.003638 0.002840 0.001459 0.005160 0.002028 "
  [ "$got" = "$want" ] && verdict "popularity on MicroLens-50K" 0 "$got" || verdict "popularity on MicroLens-50K" 1 "got $got want $want"
  "$vragent" -q train-sasrec --interactions "$pairs" --model markov --out "$out/markov"
  got=$(for key in valid/hr@10 valid/ndcg@10 valid/hr@20 valid/ndcg@20 test/hr@10 test/ndcg@10 test/hr@20 test/ndcg@20; do field "$out/markov/metrics.json" $key; done | tr '\n' ' ')
  want="0.060160 0.037746 0.070900 0.040476 0.042740 0.026525 0.050860 0.028605 "
  [ "$got" = "$want" ] && verdict "first-order Markov on MicroLens-50K" 0 "$got" || verdict "first-order Markov on MicroLens-50K" 1 "got $got want $want"

  say "training SASRec (ids, width 128) for $epochs epochs"
  "$vragent" train-sasrec --interactions "$pairs" --width 128 --optim.lr 1e-3 --epochs "$epochs" --top-k-splits test,valid --out "$out/sasrec"
  local hit
  hit=$(field "$out/sasrec/metrics.json" test/hr@10)
  python3 -c "import sys; sys.exit(float('$hit') <= 0.00284)" && verdict "SASRec above popularity" 0 "test hr@10 $hit" || verdict "SASRec above popularity" 1 "test hr@10 $hit"
  [ "$(wc -l <"$out/sasrec/topk.jsonl")" = 50000 ] && verdict "top-10 lists" 0 "50000 users" || verdict "top-10 lists" 1 "not 50000"

  "$vragent" -q eval make-cases --interactions "$pairs" --items "$titles" --topk "$out/sasrec/topk.jsonl" --negatives topk,uniform,popmatch --num-users 1000 --out "$out/cases"
  "$vragent" -q simulate --agent random,always-yes,pop,recscore,antirec --cases "$out/cases/cases.jsonl" --out "$out/controls"
  "$vragent" -q eval score --cases "$out/cases/cases.jsonl" --decisions "$out/controls/decisions.jsonl" --out "$out/scores" | tee "$out/scores.txt"
  python3 scripts/real_data_controls.py "$out/scores/scores.json" && verdict "controls on 1,000 cold users" 0 "as the shortcut arithmetic says" || verdict "controls on 1,000 cold users" 1 "see above"
}

start=$SECONDS
if [ -d "$data/videos" ]; then check_videos; else say "SKIPPED videos: $data/videos is absent"; fi
if [ -d "$data/microlens-50k" ]; then check_microlens; else say "SKIPPED MicroLens-50K: $data/microlens-50k is absent"; fi
say "took $((SECONDS - start)) s, results in $out"
exit "$failed"
