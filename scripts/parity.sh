#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares our networks and generations with transformers and our adapters with PEFT on random tiny checkpoints, and the
# recommenders with plain PyTorch. Usage: parity.sh [VRAGENT_BINARY [WORK_FOLDER [GROUP...]]]
# WORK_FOLDER and GROUP: only those groups of scripts/parity.py.
# VRAGENT_PARITY_DEVICE=cuda computes our side of the forward passes there.
# VRAGENT_PARITY_SETUP=1 only makes the environment.
# Makes .venv-parity with transformers 5.23.0, which borrows torch from .venv. Not needed to build or run vragent.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-build/release/tools/vragent}
venv=${VRAGENT_PARITY_VENV:-.venv-parity}
if ! "$venv/bin/python" -c 'import transformers, torchvision' 2>/dev/null; then
  echo "== installing transformers 5.23.0 and torchvision 0.26.0 into $venv" >&2
  python3 -m venv "$venv"
  "$venv/bin/python" - <<PY
import pathlib, sysconfig
torch_site = next(pathlib.Path("${VRAGENT_VENV:-.venv}").resolve().glob("lib/python3*/site-packages"))
pathlib.Path(sysconfig.get_paths()["purelib"], "torch-of-vragent.pth").write_text(str(torch_site) + "\n")
PY
  "$venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.23.0 numpy pillow
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps torchvision==0.26.0
fi
if ! "$venv/bin/python" -c 'import peft' 2>/dev/null; then
  echo "== installing peft 0.18.1 into $venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check peft==0.18.1
fi
[ -z "${VRAGENT_PARITY_SETUP:-}" ] || exit 0
export TRANSFORMERS_VERBOSITY=error HF_HUB_DISABLE_PROGRESS_BARS=1
[ $# -le 1 ] || exec "$venv/bin/python" scripts/parity.py "$binary" "${@:2}"
code=0
for part in parity parity_lora parity_recommender; do
  "$venv/bin/python" "scripts/$part.py" "$binary" || code=$?
done
exit "$code"
