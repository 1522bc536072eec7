#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the benchmarks' driver and runs one of them beside its peers. Usage: bench/run.sh NAME [ARGUMENT...]
#   engine      inference against transformers and llama.cpp (xllamacpp) (needs scripts/get_models.sh)
#   tokenizing  tokenizers against the package `tokenizers` (needs the shared test data)
#   learning    training steps against TRL (needs scripts/get_models.sh)
#   recommender training and ranking against a plain PyTorch transcription of the released loop and against RecBole 1.2.1,
#               which gets build/recbole-venv (needs the shared test data; its text case scripts/get_models.sh)
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
  recommender) wanted="safetensors" ;;
  *) echo "run.sh: engine, tokenizing, learning, recommender or readers; got $name" >&2; exit 2 ;;
esac
for package in $wanted; do
  "$python" -c "import $package" 2>/dev/null || "$python" -m pip install --quiet --disable-pip-version-check "$package"
done
if [ "$name" = recommender ]; then
  # RecBole pins old packages: it is installed without them, over the same torch. Its ray is replaced when it starts.
  export VRAGENT_RECBOLE_VENV=${VRAGENT_RECBOLE_VENV:-$PWD/build/recbole-venv}
  if ! "$VRAGENT_RECBOLE_VENV/bin/python" -c 'import torch, importlib.util; assert importlib.util.find_spec("recbole")' 2>/dev/null; then
    python3 -m venv "$VRAGENT_RECBOLE_VENV"
    realpath "${VRAGENT_VENV:-.venv}"/lib/python3*/site-packages \
      >"$(echo "$VRAGENT_RECBOLE_VENV"/lib/python3*/site-packages)/torch-of-vragent.pth"
    pip=("$VRAGENT_RECBOLE_VENV/bin/python" -m pip install --quiet --disable-pip-version-check)
    "${pip[@]}" 'numpy<2' pandas 'scipy<1.12' tqdm colorlog colorama pyyaml tensorboard tabulate plotly texttable psutil \
      scikit-learn thop
    "${pip[@]}" --no-deps recbole==1.2.1
  fi
fi
cmake -S . -B build/bench -G Ninja -DCMAKE_BUILD_TYPE=Release -DVRAGENT_BENCH=ON -DVRAGENT_TESTS=OFF \
  -DVRAGENT_MEDIA="${VRAGENT_MEDIA:-ON}" >/dev/null
cmake --build build/bench --target vragent_bench vragent | tail -1 >&2
[ "$name" != readers ] || set -- --vragent build/bench/tools/vragent "$@"
exec env HF_HUB_OFFLINE=1 HF_HUB_DISABLE_PROGRESS_BARS=1 TRANSFORMERS_VERBOSITY=error \
  TRANSFORMERS_NO_ADVISORY_WARNINGS=1 "$python" "bench/$name.py" "$@"
