#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs the rows of Table 1, and two floors, on a MicroLens folder with the settings of configs/table1, and ends with the table.
# Usage: table1.sh --data DIR [--rows "SASRec DSSM ..."] [--seeds "1 2 3"] [--out DIR] [--plan] [--jobs N]
#   [--text-model DIR] [--captions DIR] [--msr-captions DIR] [--features DIR]
#   [--image-model DIR --covers DIR] [--video-model DIR --frames RUN] [-- FLAGS FOR EVERY RUN]
# DIR holds *_pairs.tsv, for text rows *title*.csv, for feature rows extracted_modality_features/*.npy
# (image and video rows train an encoder instead where they are given a model and its pictures). A row whose
# inputs are absent is left out, saying what it needs. Finished runs are kept, broken ones resumed; a signal saves those
# that run, and the same command goes on. The table shows what OUT holds of these inputs and flags only.
# --plan only shows what would run. --jobs N runs N rows at a time on the one device: their memory adds up, the CPU's
# threads are shared out, their messages go to OUT/ROW-seedN.log. --out is build/table1/NAME OF DIR unless given.
# VRAGENT names the program; python3 without any package is enough.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
vragent=${VRAGENT:-$root/build/release/tools/vragent}
all_rows="DSSM LightGCN DeepFM NextItNet GRU4Rec SASRec NextItNet_V MMGCN SASRec_T SASRec_I SASRec_V SASRec_F SASRec+MLLM-MSR NextItNet+Ours SASRec+Ours pop markov"
data= rows=$all_rows seeds=1 out= jobs=1 plan_only= text_model= captions= msr_captions= features= more=()
image_model= covers= video_model= frames=

die() { echo "table1.sh: $*" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --plan) plan_only=1; shift; continue ;;
    --) shift; more=("$@"); break ;;
    --data | --rows | --seeds | --out | --jobs | --text-model | --captions | --msr-captions | --features | --image-model | \
      --covers | --video-model | --frames)
      [ $# -ge 2 ] || die "$1 wants a value" ;;
    *) die "unknown argument $1" ;;
  esac
  case $1 in
    --data) data=$2 ;; --rows) rows=${2//,/ } ;; --seeds) seeds=${2//,/ } ;; --out) out=$2 ;; --jobs) jobs=$2 ;;
    --text-model) text_model=$2 ;; --captions) captions=$2 ;; --msr-captions) msr_captions=$2 ;; --features) features=$2 ;;
    --image-model) image_model=$2 ;; --covers) covers=$2 ;; --video-model) video_model=$2 ;; --frames) frames=$2 ;;
  esac
  shift 2
done
[ -n "$data" ] || die "--data DIR is required"
[[ $jobs =~ ^[1-9][0-9]*$ ]] || die "--jobs wants a number of 1 or more, got $jobs"
for seed in $seeds; do [[ $seed =~ ^[0-9]+$ ]] || die "--seeds wants whole numbers, got $seed"; done
command -v python3 >/dev/null || die "python3 is not there (its standard library is all that is needed)"
command -v "$vragent" >/dev/null || die "$vragent is not built: scripts/build.sh, or set VRAGENT"
for row in $rows; do
  [ -f "$root/configs/table1/${row,,}.json" ] || die "no row $row; there are: $all_rows"
done

first_file() { # PATTERN... : the first existing file, or nothing
  local file
  for file in "$@"; do
    if [ -f "$file" ]; then printf '%s' "$file"; return; fi
  done
}

out=${out:-$root/build/table1/$(basename "$(realpath "$data")")}
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
    *_I)
      if [ -n "$image_model" ]; then
        inputs=(--vision-model "$image_model"); want "$covers" --covers --covers
      else
        want "$image" --image-features "--image-model, or $features/*image*.npy"
      fi ;;
    *_V)
      if [ -n "$video_model" ]; then
        inputs=(--vision-model "$video_model"); want "$frames" --frames --frames
      else
        want "$video" --video-features "--video-model, or $features/*video*.npy"
      fi ;;
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
[ "$name" != "unknown data" ] || name=$(basename "$pairs")

echo "== plan"
runnable=()
for row in $rows; do
  inputs_of "$row"
  if [ -n "$needs" ]; then
    printf '%-16s left out: needs %s\n' "$row" "$needs"
    continue
  fi
  config=$root/configs/table1/${row,,}.json
  dry_run=("$vragent" -q train-sasrec --dry-run --json --config "$config" --interactions "$pairs" "${inputs[@]}" "${more[@]}")
  if ! memory=$("${dry_run[@]}" 2>/dev/null); then
    refusal=$("${dry_run[@]}" 2>&1 >/dev/null || true)
    if [[ $refusal != *"plans models that train"* ]]; then
      printf '%-16s left out: %s\n' "$row" "$refusal"
      continue
    fi
    runnable+=("$row")
    printf '%-16s a floor: counts, seconds\n' "$row"
    continue
  fi
  runnable+=("$row")
  flags=("${inputs[@]}" "${more[@]}")
  printf '%-16s %s\n' "$row" "$(python3 "$here/table1_plan.py" row "$counts" "$config" "$memory" "${flags[@]}")"
done
[ -z "$plan_only" ] || exit 0
[ ${#runnable[@]} -gt 0 ] || die "no row can run"

threads=()
if [ "$jobs" -gt 1 ] && [[ " ${more[*]} " != *" --threads "* ]]; then
  threads=(--threads $((($(nproc) + jobs - 1) / jobs)))
fi
mkdir -p "$out"
failed=() stopped=
declare -A pid_of=() started_at=() # by "ROW SEED", of the runs under way
set -m                              # a process group each: a signal reaches a run once, from here
exec {never}<> <(:)
pause() { read -rt 0.2 -u "$never" || true; } # a program would take the terminal's signals away
stop() {
  stopped=1
  [ ${#pid_of[@]} -eq 0 ] || kill -TERM "${pid_of[@]}" 2>/dev/null || true
}
trap stop INT TERM

# What settles a run's numbers. OUT/ROW-seedN.command holds it from a run's good end until the next one starts.
command_of() { # ROW SEED
  inputs_of "$1"
  local config=$root/configs/table1/${1,,}.json
  printf '%s\n' "--config $config ($(sha256sum <"$config" | cut -c1-16)) --interactions $pairs ${inputs[*]} --seed $2 ${more[*]}"
}

is_done() { # ROW SEED
  [ -f "$out/${1,,}/seed$2/metrics.json" ] &&
    [ "$(cat "$out/${1,,}-seed$2.command" 2>/dev/null)" = "$(command_of "$1" "$2")" ]
}

start() { # ROW SEED
  local row=$1 seed=$2 stem=$out/${1,,}-seed$2 folder=$out/${1,,}/seed$2 resume=() log=/dev/stderr
  if is_done "$row" "$seed"; then
    echo "== $row seed $seed: done before"
    return
  fi
  rm -f "$stem.command" # until it has ended well, older numbers in the folder are not this command's
  inputs_of "$row"
  [ ! -f "$folder/effective_config.json" ] || resume=(--resume)
  [ "$jobs" -eq 1 ] || { log=$stem.log; : >"$log"; }
  "$vragent" train-sasrec --config "$root/configs/table1/${row,,}.json" --interactions "$pairs" "${inputs[@]}" \
    --seed "$seed" --out "$folder" "${threads[@]}" "${resume[@]}" "${more[@]}" >"$stem.txt" 2>>"$log" </dev/null &
  pid_of["$row $seed"]=$! started_at["$row $seed"]=$SECONDS
  if [ ${#resume[@]} -gt 0 ]; then echo "== $row seed $seed: goes on"; else echo "== $row seed $seed: starts"; fi
}

# Takes the runs that have ended off the list.
collect() {
  local name code row seed
  for name in "${!pid_of[@]}"; do
    kill -0 "${pid_of[$name]}" 2>/dev/null && continue
    code=0
    wait "${pid_of[$name]}" || code=$?
    unset "pid_of[$name]"
    case $code in
      0)
        row=${name% *} seed=${name#* }
        command_of "$row" "$seed" >"$out/${row,,}-seed$seed.command"
        echo "== ${name/ / seed }: done after $((SECONDS - started_at[$name])) s"
        ;;
      130 | 143)
        stopped=1
        echo "== ${name/ / seed }: stopped"
        ;;
      *)
        failed+=("${name/ / seed } (exit $code)")
        echo "== ${name/ / seed }: failed with exit code $code"
        ;;
    esac
  done
}

for seed in $seeds; do
  for row in "${runnable[@]}"; do
    while [ ${#pid_of[@]} -ge "$jobs" ]; do
      pause
      collect
    done
    [ -n "$stopped" ] || start "$row" "$seed"
  done
done
while [ ${#pid_of[@]} -gt 0 ]; do
  pause
  collect
done
trap - INT TERM

runs=()
for row in $all_rows; do
  for folder in "$out/${row,,}"/seed*/; do
    [ -f "$folder/metrics.json" ] || continue
    folder=${folder%/} seed=${folder##*/seed}
    if is_done "$row" "$seed"; then
      runs+=("$row=$folder")
    else
      echo "== $row seed $seed: not in the table, its numbers are not of this command"
    fi
  done
done
echo "== Table 1: ours on $name ($pairs)${more:+ with ${more[*]}}, beside the paper's on MicroLens-100K"
[ ${#runs[@]} -eq 0 ] || "$vragent" -q eval table --id 1 --published --data "$name" "${runs[@]}"
if [ ${#failed[@]} -gt 0 ]; then printf 'table1.sh: failed: %s\n' "${failed[@]}" >&2; fi
if [ -n "$stopped" ]; then
  echo "table1.sh: stopped; the same command goes on" >&2
  exit 130
fi
[ ${#failed[@]} -eq 0 ]
