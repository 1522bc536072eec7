#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# SASRec and GRU4Rec on MovieLens-100K beside RecBole's, each trained to its early stop, full ranking of leave-one-out.
# RecBole masks no history when it ranks for sequential models: ours does as it does (-- --mask-history ranks as elsewhere).
# Usage: ml100k.sh --data DIR [--models "gru4rec sasrec"] [--seeds "1 2 3"] [--out DIR] [--no-peer] [-- FLAGS FOR OUR RUNS]
# DIR holds ml-100k/ml-100k.inter (RecBole's atomic file). RecBole 1.2.1 lives in build/recbole-venv, which
# `bench/run.sh recommender` makes ($VRAGENT_RECBOLE_VENV). Finished runs are kept. VRAGENT names the program.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
vragent=${VRAGENT:-$root/build/release/tools/vragent}
recbole=${VRAGENT_RECBOLE_VENV:-$root/build/recbole-venv}/bin/python
data= models="gru4rec sasrec" seeds=1 out=$root/build/ml100k peer=1 more=()
die() { echo "ml100k.sh: $*" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --no-peer) peer=; shift; continue ;;
    --) shift; more=("$@"); break ;;
    --data | --models | --seeds | --out) [ $# -ge 2 ] || die "$1 wants a value" ;;
    *) die "unknown argument $1" ;;
  esac
  case $1 in --data) data=$2 ;; --models) models=$2 ;; --seeds) seeds=$2 ;; --out) out=$2 ;; esac
  shift 2
done
[ -f "$data/ml-100k/ml-100k.inter" ] || die "--data DIR is required, with ml-100k/ml-100k.inter in it"
command -v "$vragent" >/dev/null || die "$vragent is not built: scripts/build.sh, or set VRAGENT"
[ -z "$peer" ] || [ -x "$recbole" ] || die "$recbole is not there: bench/run.sh recommender makes it, or --no-peer"
mkdir -p "$out"
out=$(realpath "$out")

# What a result was made by stands beside it: another command must not show it as its own.
same_command() { # RESULT FILE COMMAND: whether the result is there; stops where it is another command's
  [ -f "$1" ] || return 1
  [ "$(cat "$2" 2>/dev/null)" = "$3" ] || die "$1 is of other flags or data ($2): give another --out, or remove it"
}
data_hash=$(sha256sum <"$data/ml-100k/ml-100k.inter" | cut -c1-16)

ours() { # MODEL SEED
  local run=$out/$1-seed$2 config=$out/$1.json model command
  case $1 in
    gru4rec) model='"user-encoder": "gru4rec", "width": 128, "dropout": 0.3' ;;
    sasrec) model='"user-encoder": "sasrec", "width": 64, "num-blocks": 2, "num-heads": 2, "dropout": 0.2' ;;
    *) die "--models are gru4rec and sasrec; got $1" ;;
  esac
  printf '{%s, "max-len": 200, "loss": "softmax", "mask-history": false, "batch-size": 16, "epochs": 300, "patience": 10, "optim": {"lr": 1e-3, "weight-decay": 0.0}}\n' \
    "$model" >"$config"
  command="$data_hash --seed $2 $(cat "$config") ${more[*]-}"
  same_command "$run/metrics.json" "$run.command" "$command" && return
  "$vragent" train-sasrec --config "$config" --interactions "$data/ml-100k/ml-100k.inter" --out "$run" --resume --seed "$2" \
    ${more[@]+"${more[@]}"} >/dev/null
  echo "$command" >"$run.command"
}

# RecBole keeps times in float32, which tells these apart by 64 seconds only: it gets each rating's place in the order of time.
# It reads a copy of its own of any data set called ml-100k.
by_place() {
  mkdir -p "$out/by-place"
  python3 - "$data/ml-100k/ml-100k.inter" "$out/by-place/by-place.inter" <<'PY'
import sys
with open(sys.argv[1]) as file:
    header, *rows = [line.rstrip("\n").split("\t") for line in file]
user, time = (next(i for i, name in enumerate(header) if name.startswith(key)) for key in ("user_id", "timestamp"))
seen = {}
with open(sys.argv[2], "w") as file:
    print(*header, sep="\t", file=file)
    for row in sorted(rows, key=lambda row: float(row[time])):
        seen[row[user]] = seen.get(row[user], 0) + 1
        print(*row[:time], seen[row[user]], *row[time + 1:], sep="\t", file=file)
PY
}

theirs() { # MODEL: RecBole's sizes; its examples are all prefixes of a history, cut at 50
  local name config command
  case $1 in
    gru4rec) name=GRU4Rec config='"embedding_size": 64, "hidden_size": 128, "num_layers": 1, "dropout_prob": 0.3' ;;
    sasrec) name=SASRec config='"hidden_size": 64, "inner_size": 256, "n_layers": 2, "n_heads": 2' ;;
  esac
  config+=', "MAX_ITEM_LIST_LENGTH": 50, "loss_type": "CE", "train_neg_sample_args": null, "train_batch_size": 128,
    "valid_metric": "Hit@10", "metrics": ["Hit", "NDCG", "MRR"], "stopping_step": 5, "epochs": 300,
    "load_col": {"inter": ["user_id", "item_id", "timestamp"]}'
  command="$data_hash $name $config"
  same_command "$out/$1-recbole.json" "$out/$1-recbole.command" "$command" && return
  by_place
  printf '%s\n{"job": "fit"}\n' "$(printf '{"model": "%s", "threads": %d, "dataset": "by-place", "data_path": "%s", "work": "%s", "config": {%s}}' \
    "$name" "$(nproc)" "$out" "$out/recbole" "$config" | tr '\n' ' ')" |
    "$recbole" "$root/bench/recbole_peer.py" 2>"$out/$1-recbole.log" | tail -1 >"$out/$1-recbole.part" ||
    die "RecBole stopped: $(tail -1 "$out/$1-recbole.log")"
  mv "$out/$1-recbole.part" "$out/$1-recbole.json"
  echo "$command" >"$out/$1-recbole.command"
}

for model in $models; do
  for seed in $seeds; do ours "$model" "$seed"; done
  [ -z "$peer" ] || theirs "$model"
done
python3 - "$out" "$models" "$seeds" <<'PY'
import json, pathlib, sys
print("best epoch by validation HR@10; patience 10 (an epoch reads each user once), RecBole's 5 (it reads every prefix)")
out, models, seeds = pathlib.Path(sys.argv[1]), sys.argv[2].split(), sys.argv[3].split()
print(f"{'run':24} {'valid HR@10':>12} {'test HR@10':>12} {'test NDCG@10':>12}")
for model in models:
    for seed in seeds:
        got = json.loads((out / f"{model}-seed{seed}" / "metrics.json").read_text())
        print(f"{model + ', seed ' + seed:24} {got['valid']['hr@10']:12.4f} {got['test']['hr@10']:12.4f} {got['test']['ndcg@10']:12.4f}")
    path = out / f"{model}-recbole.json"
    if path.exists():
        got = json.loads(path.read_text())
        print(f"{model + ', RecBole':24} {got['valid']['hit@10']:12.4f} {got['test']['hit@10']:12.4f} {got['test']['ndcg@10']:12.4f}")
PY
