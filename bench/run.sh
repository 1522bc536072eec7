#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the benchmarks' driver and runs one of them beside its peers. Usage: bench/run.sh NAME [ARGUMENT...]
#   engine      inference against transformers and llama.cpp (xllamacpp) (needs scripts/get_models.sh)
#   tokenizing  tokenizers against the package `tokenizers` (needs the shared test data)
#   learning    training steps against TRL (needs scripts/get_models.sh)
#   readers     reading and splitting MicroLens-50K against pandas (needs the shared test data)
# Keep the machine quiet: nothing else may run. The peers live in .venv-parity and .venv-trl.
set -euo pipefail
cd "$(dirname "$0")/.."
name=$1
shift
VRAGENT_PARITY_SETUP=1 scripts/parity.sh
python=${VRAGENT_PARITY_VENV:-.venv-parity}/bin/python
[ "$name" != learning ] || python=${VRAGENT_TRL_VENV:-.venv-trl}/bin/python
case $name in
  engine) wanted="gguf xllamacpp" ;;
  tokenizing) wanted="tokenizers" ;;
  readers) wanted="pandas" ;;
  learning) wanted="trl" ;;
  *) echo "run.sh: engine, tokenizing, readers or learning; got $name" >&2; exit 2 ;;
esac
for package in $wanted; do
  "$python" -c "import $package" 2>/dev/null || "$python" -m pip install --quiet --disable-pip-version-check "$package"
done
cmake -S . -B build/bench -G Ninja -DCMAKE_BUILD_TYPE=Release -DVRAGENT_BENCH=ON -DVRAGENT_TESTS=OFF >/dev/null
cmake --build build/bench --target vragent_bench vragent | tail -1 >&2
[ "$name" != readers ] || set -- --vragent build/bench/tools/vragent "$@"
exec env HF_HUB_OFFLINE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error \
  TRANSFORMERS_NO_ADVISORY_WARNINGS=1 "$python" "bench/$name.py" "$@"
