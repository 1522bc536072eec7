#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Records tests/regression/core.json: the demo's core profile with seeds 1 to 5. About an hour on 2 cores.
# The world, its corpora and the vision-language model are those of seed 1 in all five (they take a third of the time);
# CLIP, key frames, captions, recommenders, the user agent and its training differ.
# Usage: record_regression.sh [DIR]   (default: build/regression)
set -euo pipefail
cd "$(dirname "$0")/.."
dir=${1:-build/regression}
run() { # SEED
  VRAGENT_DEMO_JOBS=1 OMP_WAIT_POLICY=passive scripts/demo.sh --profile core --no-build --seed "$1" --out "$dir/seed$1" >"$dir/seed$1.txt"
}
scripts/build.sh vragent mini_world
mkdir -p "$dir"
scripts/demo.sh --profile core --no-build --seed 1 --out "$dir/seed1" >"$dir/seed1.txt"
for seed in 2 3 4 5; do
  mkdir -p "$dir/seed$seed/core/logs"
  for part in world corpus models vlm1 vlm; do cp -rn "$dir/seed1/core/$part" "$dir/seed$seed/core/"; done
  for step in world corpus models vlm-stage1 vlm-stage2; do touch "$dir/seed$seed/core/logs/$step.done"; done
done
for pair in "2 3" "4 5"; do
  for seed in $pair; do run "$seed" & done
  wait
done
mkdir -p tests/regression
python3 scripts/demo_results.py --record "$dir"/seed*/core >tests/regression/core.json
echo "== wrote tests/regression/core.json"
