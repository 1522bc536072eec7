#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The one command for a machine with a GPU: builds without FFmpeg and OpenCV, runs the unit tests, then runs the same
# work on the CPU and on the device and prints both results and times side by side. Needs models/ of
# scripts/get_models.sh, which it calls.
# Usage: gpu_check.sh [DEVICE]   (default: cuda). Exit code 1 when device and CPU disagree.
# Environment: as scripts/build.sh; VRAGENT_SKIP_BUILD=1 takes build/gpu as it is.
set -euo pipefail
cd "$(dirname "$0")/.."
device=${1:-cuda}
folder=build/gpu work=build/gpu/check
if [ "$device" != cpu ]; then
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || {
    echo "gpu_check.sh: no NVIDIA GPU answers here" >&2
    exit 69
  }
fi
[ -n "${VRAGENT_SKIP_DEPS:-}" ] || scripts/install_deps.sh
if [ -z "${VRAGENT_SKIP_BUILD:-}" ]; then
  cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DVRAGENT_MEDIA=OFF >/dev/null
  cmake --build "$folder"
fi
echo "== unit tests"
ctest --test-dir "$folder" -j "$(nproc)" --output-on-failure -L unit | tail -4
scripts/get_models.sh
vragent=$folder/tools/vragent model=models/SmolLM2-135M-Instruct status=0
mkdir -p "$work"

# timed NAME COMMAND...: its stdout goes to WORK/NAME.out; prints the seconds
timed() {
  local name=$1 begin
  shift
  begin=$(date +%s.%N)
  "$@" >"$work/$name.out" 2>"$work/$name.log" || { tail -3 "$work/$name.log" >&2; return 1; }
  echo "$begin $(date +%s.%N)" | awk -v name="$name" '{ printf "   %-28s %7.1f s\n", name, $2 - $1 }'
}
# compare NAME TOLERANCE FILE_A FILE_B: numbers of two lists of equal length, one a line
compare() {
  paste "$3" "$4" | awk -v name="$1" -v bound="$2" '
    { d = $1 - $2; if (d < 0) d = -d; if (d > most) most = d; if ($1 != $1 || NF != 2) bad = 1 }
    END { ok = NR > 0 && !bad && most <= bound
          printf "   %-28s largest difference %.2e (bound %g) %s\n", name, most, bound, ok ? "ok" : "DIFFERS"; exit !ok }' || status=1
}

echo "== generation: greedy answers and log-probs of the same prompts"
awk 'BEGIN { srand(3); printf "["; for (p = 0; p < 8; p++) { printf "%s[", p ? "," : ""
  for (i = 0; i < 40 + 60 * p; i++) printf "%s%d", i ? "," : "", 1000 + int(rand() * 47000); printf "]" } print "]" }' >"$work/ids.json"
generate=("$vragent" inspect generate --model "$model" --ids "$work/ids.json" --max-tokens 48 --json)
timed generate-cpu "${generate[@]}" --device cpu
timed generate-device "${generate[@]}" --device "$device"
timed generate-device-bf16 "${generate[@]}" --device "$device" --dtype bfloat16
numbers() { # FILE FIELD
  python3 -c "import json,sys; [print(x) for line in open(sys.argv[1]) for x in json.loads(line)[sys.argv[2]]]" "$1" "$2"
}
for run in cpu device device-bf16; do
  numbers "$work/generate-$run.out" ids >"$work/ids.$run"
  numbers "$work/generate-$run.out" log_probs >"$work/log_probs.$run"
done
compare "greedy ids, fp32" 0 "$work/ids.cpu" "$work/ids.device"
compare "log-probs, fp32" 1e-3 "$work/log_probs.cpu" "$work/log_probs.device"
echo "   bf16 on the device: $(paste "$work/ids.cpu" "$work/ids.device-bf16" | awk '$1 == $2 { n++ } END { printf "%d of %d", n, NR }') greedy ids as in fp32"

echo "== training: the losses of the first steps"
python3 - "$work" <<'PYTHON'
import json, random, sys
draw = random.Random(1)
words = "a red cat plays in the snow near old bicycle night city robot learns to cook".split()
with open(sys.argv[1] + "/train.jsonl", "w") as file:
    for _ in range(64):
        line = {"prompt": " ".join(draw.choices(words, k=20)), "completion": " ".join(draw.choices(words, k=12))}
        file.write(json.dumps(line) + "\n")
with open(sys.argv[1] + "/pairs.tsv", "w") as file:
    for user in range(400):
        file.write(f"{user}\t" + " ".join(map(str, draw.sample(range(200), 8))) + "\n")
PYTHON
losses() { # LOG
  grep -o '"loss": *[-0-9.e]*' "$1" | sed 's/.*: *//'
}
for place in cpu device; do
  [ "$place" = cpu ] && at=cpu || at=$device
  timed "sft-$place" "$vragent" sft --overwrite --model "$model" --train "$work/train.jsonl" --max-steps 6 --batch-size 8 --log-every 1 \
    --optim.lr 1e-4 --device "$at" --out "$work/sft-$place"
  timed "sasrec-$place" "$vragent" train-sasrec --overwrite --interactions "$work/pairs.tsv" --epochs 3 --width 64 --device "$at" \
    --out "$work/sasrec-$place"
done
for stage in sft sasrec; do
  for place in cpu device; do losses "$work/$stage-$place/train_log.jsonl" >"$work/$stage.$place"; done
  compare "$stage, loss a step" 2e-3 "$work/$stage.cpu" "$work/$stage.device"
done
# Forward passes of every architecture against transformers, ours on the device; these alone may use the network.
VRAGENT_PARITY_DEVICE=$device scripts/parity.sh "$vragent" "$work/parity" || status=1
exit "$status"
