#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The one command for a machine with a GPU: builds without FFmpeg and OpenCV, runs the unit tests (those of tests/device on
# the device), does the same work on the CPU and on the device (answers, supervised and policy training, every recommender)
# and compares, runs the parity checks there, and ends with the benchmark of generation beside transformers.
# Usage: gpu_check.sh [DEVICE]   (default: cuda). Exit code 1 when device and CPU disagree.
# Environment: as scripts/build.sh; VRAGENT takes a program that is there instead of building one, VRAGENT_CHECK_MODEL a
# small chat model's folder instead of scripts/get_models.sh, VRAGENT_CHECK_PARTS some of "unit generation training
# recommenders parity bench".
set -euo pipefail
cd "$(dirname "$0")/.."
device=${1:-cuda}
parts=${VRAGENT_CHECK_PARTS:-unit generation training recommenders parity bench}
folder=build/gpu work=build/gpu/check status=0
vragent=${VRAGENT:-$folder/tools/vragent}
mkdir -p "$work"
if [ "$device" != cpu ]; then
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || {
    echo "gpu_check.sh: no NVIDIA GPU answers here" >&2
    exit 69
  }
fi
if [ -z "${VRAGENT:-}" ]; then
  [ -n "${VRAGENT_SKIP_DEPS:-}" ] || scripts/install_deps.sh
  cmake -S . -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release -DVRAGENT_MEDIA=OFF >/dev/null
  cmake --build "$folder"
fi
model=${VRAGENT_CHECK_MODEL:-models/SmolLM2-135M-Instruct}
[ -n "${VRAGENT_CHECK_MODEL:-}" ] || scripts/get_models.sh
wants() { [[ " $parts " == *" $1 "* ]]; }

# timed NAME COMMAND...: its stdout goes to WORK/NAME.out; prints the seconds
timed() {
  local name=$1 begin
  shift
  begin=$(date +%s.%N)
  "$@" >"$work/$name.out" 2>"$work/$name.log" || { tail -3 "$work/$name.log" >&2; status=1; return 0; }
  echo "$begin $(date +%s.%N)" | awk -v name="$name" '{ printf "   %-28s %7.1f s\n", name, $2 - $1 }'
}
# compare NAME TOLERANCE FILE_A FILE_B: numbers of two lists of equal length, one a line
compare() {
  paste "$3" "$4" | awk -v name="$1" -v bound="$2" '
    { d = $1 - $2; if (d < 0) d = -d; if (d > most) most = d; if ($1 != $1 || NF != 2) bad = 1 }
    END { ok = NR > 0 && !bad && most <= bound
          printf "   %-28s largest difference %.2e (bound %g) %s\n", name, most, bound, ok ? "ok" : "DIFFERS"; exit !ok }' || status=1
}
field_of() { # KEY LOG
  grep -o "\"$1\": *[-0-9.e]*" "$2" | sed 's/.*: *//'
}
# both NAME KEY BOUND COMMAND...: trains on the CPU and on the device at once and compares a number of their logs
both() {
  local name=$1 key=$2 bound=$3 place cpu
  shift 3
  rm -rf "$work/$name-cpu" "$work/$name-device"
  timed "$name-cpu" "$vragent" "$@" --device cpu --out "$work/$name-cpu" &
  cpu=$!
  timed "$name-device" "$vragent" "$@" --device "$device" --out "$work/$name-device"
  wait "$cpu"
  for place in cpu device; do field_of "$key" "$work/$name-$place/train_log.jsonl" >"$work/$name.$place" || true; done
  compare "$name, $key" "$bound" "$work/$name.cpu" "$work/$name.device"
}

if wants unit && [ -z "${VRAGENT:-}" ]; then
  echo "== unit tests"
  VRAGENT_TEST_DEVICE=$device ctest --test-dir "$folder" -j "$(nproc)" --output-on-failure -L unit >"$work/unit.log" || status=1
  tail -8 "$work/unit.log"
fi

python3 - "$work" <<'PYTHON'
import json, random, struct, sys
draw = random.Random(1)
words = "a red cat plays in the snow near old bicycle night city robot learns to cook".split()
with open(sys.argv[1] + "/ids.json", "w") as file:
    json.dump([[1000 + draw.randrange(47000) for _ in range(40 + 60 * p)] for p in range(8)], file)
with open(sys.argv[1] + "/train.jsonl", "w") as file:
    for _ in range(64):
        line = {"prompt": " ".join(draw.choices(words, k=20)), "completion": " ".join(draw.choices(words, k=12))}
        file.write(json.dumps(line) + "\n")
with open(sys.argv[1] + "/pairs.tsv", "w") as file:
    for user in range(400):
        file.write(f"{user}\t" + " ".join(map(str, draw.sample(range(1, 201), 8))) + "\n")
with open(sys.argv[1] + "/titles.csv", "w") as file:
    for item in range(1, 201):
        file.write(f"{item},{' '.join(draw.choices(words, k=6))}\n")
for name, width in (("image", 32), ("text", 48)):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': (200, {width}), }}"
    header += " " * (63 - (len(header) + 10) % 64) + "\n"
    with open(f"{sys.argv[1]}/{name}.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack(f"<{200 * width}f", *(draw.gauss(0, 1) for _ in range(200 * width))))
PYTHON

if wants generation; then
  echo "== generation: greedy answers and log-probs of the same prompts"
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
fi

if wants training; then
  echo "== training a language model: losses of the first steps"
  sft=(sft --model "$model" --train "$work/train.jsonl" --max-steps 6 --batch-size 8 --log-every 1 --optim.lr 1e-4)
  both sft loss 2e-3 "${sft[@]}"
  both sft-bf16 loss 5e-2 "${sft[@]}" --dtype bfloat16
  both sft-lora loss 2e-3 "${sft[@]}" --lora.rank 8 --lora.dropout 0.1
  "$vragent" -q eval make-cases --overwrite --interactions "$work/pairs.tsv" --items "$work/titles.csv" --negatives uniform \
    --users all --num-users 16 --out "$work/cases" >/dev/null
  # Both draw by the same random numbers. The loss of the first step is 0 by construction; the entropy of the answers is not.
  grpo=(grpo-train --model "$model" --cases "$work/cases/cases.jsonl" --stages judge:0.25 --batch-prompts 4 --group-size 4
    --micro-prompts 4 --sampling.max-tokens 32 --optim.lr 1e-5 --save-every 0)
  both grpo entropy 1e-3 "${grpo[@]}"
  both grpo-bf16 entropy 5e-2 "${grpo[@]}" --dtype bfloat16
fi

if wants recommenders; then
  echo "== recommenders: losses of three epochs"
  train=(train-sasrec --interactions "$work/pairs.tsv" --epochs 3 --width 64 --batch-size 128 --optim.lr 1e-3)
  image=(--image-features "$work/image.npy")
  for encoder in sasrec gru4rec nextitnet; do both "$encoder" loss 1e-3 "${train[@]}" --user-encoder "$encoder"; done
  both sasrec-bf16 loss 2e-2 "${train[@]}" --dtype bfloat16
  both fusion loss 1e-3 "${train[@]}" --tower fusion "${image[@]}" --text-features "$work/text.npy"
  for kind in dssm lightgcn deepfm; do both "$kind" loss 1e-3 "${train[@]}" --model "$kind"; done
  both vbpr loss 1e-3 "${train[@]}" --model vbpr --loss bpr "${image[@]}"
  both mmgcn loss 2e-2 "${train[@]}" --model mmgcn --loss bpr "${image[@]}"  # its first steps magnify rounding, on the CPU too
  for loss in softmax sampled-softmax bce bpr; do both "loss-$loss" loss 1e-3 "${train[@]}" --loss "$loss"; done
fi

# Forward passes and generations of every architecture against transformers, ours on the device.
if wants parity; then
  echo "== parity"
  VRAGENT_PARITY_DEVICE=$device VRAGENT_PARITY_IMAGES=ppm scripts/parity.sh "$vragent" "$work/parity" || status=1
fi
if wants bench; then
  echo "== benchmarks"
  export VRAGENT_MEDIA=OFF VRAGENT_BENCH_DEVICE=$device
  bench/run.sh engine kernels samples prompts single group || status=1
  # What to switch on: the same work with steps of decoding as CUDA graphs, and without.
  rate_with() { # VALUE OF VRAGENT_CUDA_GRAPHS
    VRAGENT_CUDA_GRAPHS=$1 bench/run.sh engine samples | tee /dev/stderr | sed -n 's/^SmolLM2.* \([0-9.]*\) tokens\/s.*/\1/p'
  }
  graphs=$(rate_with 1) plain=$(rate_with 0)
  if [ -z "$graphs" ] || [ -z "$plain" ]; then
    status=1
  else
    echo "CUDA graphs: $graphs tokens/s with, $plain without: $(awk "BEGIN { print ($graphs >= $plain) ? \
      \"leave them on\" : \"set VRAGENT_CUDA_GRAPHS=0\" }")"
  fi
fi
exit "$status"
