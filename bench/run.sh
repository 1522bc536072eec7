#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the benchmarks' driver and runs one of them beside its peers. Usage: bench/run.sh NAME [ARGUMENT...]
#   engine   inference against transformers and llama.cpp (needs scripts/get_models.sh)
# Keep the machine quiet: nothing else may run. The peers live in .venv-parity.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
shift
VRAGENT_PARITY_SETUP=1 scripts/parity.sh
cmake -S . -B build/bench -G Ninja -DCMAKE_BUILD_TYPE=Release -DVRAGENT_BENCH=ON -DVRAGENT_TESTS=OFF >/dev/null
cmake --build build/bench --target vragent_bench | tail -1 >&2
exec env OMP_WAIT_POLICY=passive HF_HUB_OFFLINE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error \
  TRANSFORMERS_NO_ADVISORY_WARNINGS=1 "${VRAGENT_PARITY_VENV:-.venv-parity}/bin/python" "bench/$name.py" "$@"
