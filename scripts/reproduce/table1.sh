#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the rows of Table 1 on a MicroLens folder with the settings of configs/table1, and ends with the table.
# Usage: table1.sh --data DIR [--rows "SASRec DSSM ..."] [--seeds "1 2 3"] [--out DIR] [--plan]
#   [--text-model DIR] [--captions DIR] [--msr-captions DIR] [--features DIR] [-- FLAGS FOR EVERY RUN]
# DIR holds *_pairs.tsv, for text rows *title*.csv, for feature rows extracted_modality_features/*.npy. A row whose
# inputs are absent is left out, saying what it needs. Finished runs are kept, broken ones resumed. --plan only shows
# what would run. VRAGENT names the program.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
vragent=${VRAGENT:-$root/build/release/tools/vragent}
all_rows="DSSM LightGCN DeepFM NextItNet GRU4Rec SASRec NextItNet_V MMGCN SASRec_T SASRec_I SASRec_V SASRec_F SASRec+MLLM-MSR NextItNet+Ours SASRec+Ours"
data= rows=$all_rows seeds=1 out=$root/build/table1 plan_only= text_model= captions= msr_captions= features= more=()

die() { echo "table1.sh: $*" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --plan) plan_only=1; shift; continue ;;
    --) shift; more=("$@"); break ;;
    --data | --rows | --seeds | --out | --text-model | --captions | --msr-captions | --features)
      [ $# -ge 2 ] || die "$1 wants a value" ;;
    *) die "unknown argument $1" ;;
  esac
  case $1 in
    --data) data=$2 ;; --rows) rows=${2//,/ } ;; --seeds) seeds=${2//,/ } ;; --out) out=$2 ;;
    --text-model) text_model=$2 ;; --captions) captions=$2 ;; --msr-captions) msr_captions=$2 ;; --features) features=$2 ;;
  esac
  shift 2
done
[ -n "$data" ] || die "--data DIR is required"
[ -x "$vragent" ] || die "$vragent is not built: scripts/build.sh, or set VRAGENT"
for row in $rows; do
  [ -f "$root/configs/table1/${row,,}.json" ] || die "no row $row; there are: $all_rows"
done

first_file() { # PATTERN... : the first existing file, or nothing
  local file
  for file in "$@"; do
    if [ -f "$file" ]; then printf '%s' "$file"; return; fi
  done
}

pairs=$(first_file "$data"/*_pairs.tsv)
[ -n "$pairs" ] || die "$data holds no *_pairs.tsv"
titles=$(first_file "$data"/*title*.csv)
features=${features:-$data/extracted_modality_features}
image=$(first_file "$features"/*image*.npy "$features"/*image*.safetensors)
video=$(first_file "$features"/*video*.npy "$features"/*video*.safetensors)
text=$(first_file "$features"/*text*.npy "$features"/*text*.safetensors)

# Inputs of a row as flags in `inputs`, what is absent in `needs`.
inputs_of() {
  inputs=() needs=
  want() { # VALUE FLAG WHAT
    if [ -n "$1" ]; then inputs+=("$2" "$1"); else needs+="${needs:+, }$3"; fi
  }
  case $1 in
    *_T) want "$titles" --items "$data/*title*.csv"; want "$text_model" --text-model --text-model ;;
    *+MLLM-MSR) want "$msr_captions" --captions --msr-captions; want "$text_model" --text-model --text-model ;;
    *+Ours)
      want "$captions" --captions --captions; want "$text_model" --text-model --text-model
      [ -z "$titles" ] || inputs+=(--items "$titles") ;;
    *_I) want "$image" --image-features "$features/*image*.npy" ;;
    *_V) want "$video" --video-features "$features/*video*.npy" ;;
    *_F | MMGCN)
      want "$text" --text-features "$features/*text*.npy"
      want "$image" --image-features "$features/*image*.npy"
      want "$video" --video-features "$features/*video*.npy" ;;
  esac
}

echo "== data set"
counts=$("$vragent" -q inspect data --interactions "$pairs" ${titles:+--items "$titles"})
printf '%s\n' "$counts"
python3 "$here/table1_plan.py" data "$counts"
name=$(python3 "$here/table1_plan.py" name "$counts")

echo "== plan"
runnable=()
for row in $rows; do
  inputs_of "$row"
  if [ -n "$needs" ]; then
    printf '%-16s left out: needs %s\n' "$row" "$needs"
    continue
  fi
  runnable+=("$row")
  printf '%-16s %s\n' "$row" "$(python3 "$here/table1_plan.py" row "$counts" "$root/configs/table1/${row,,}.json" "${more[@]}")"
done
[ -z "$plan_only" ] || exit 0
[ ${#runnable[@]} -gt 0 ] || die "no row can run"

mkdir -p "$out"
failed=()
for seed in $seeds; do
  for row in "${runnable[@]}"; do
    folder=$out/${row,,}/seed$seed
    [ ! -f "$folder/metrics.json" ] || { echo "== $row seed $seed: done before"; continue; }
    echo "== $row seed $seed"
    inputs_of "$row"
    resume=() code=0
    [ ! -f "$folder/effective_config.json" ] || resume=(--resume)
    "$vragent" train-sasrec --config "$root/configs/table1/${row,,}.json" --interactions "$pairs" "${inputs[@]}" \
      --seed "$seed" --out "$folder" "${resume[@]}" "${more[@]}" >"$out/${row,,}-seed$seed.txt" || code=$?
    case $code in
      0) ;;
      130 | 143) die "stopped; the same command goes on" ;;
      *) failed+=("$row seed $seed (exit $code)") ;;
    esac
  done
done

runs=()
for row in $all_rows; do
  for folder in "$out/${row,,}"/seed*/; do
    [ ! -f "$folder/metrics.json" ] || runs+=("$row=${folder%/}")
  done
done
echo "== Table 1: ours on $name beside the paper's on MicroLens-100K"
[ ${#runs[@]} -gt 0 ] && "$vragent" -q eval table --id 1 --published --data "$name" "${runs[@]}"
if [ ${#failed[@]} -gt 0 ]; then
  printf 'table1.sh: failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
