#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compares our networks, chats and generations with transformers and our adapters with PEFT on random tiny checkpoints, what
# the trainers write with what transformers, PEFT and TensorBoard load of it, the recommenders with plain PyTorch, the GRPO
# losses with TRL, and our tokenizers with the package tokenizers. Usage: parity.sh [VRAGENT_BINARY [WORK_FOLDER [GROUP...]]]
# WORK_FOLDER and GROUP: only those groups of scripts/parity.py.
# VRAGENT_PARITY_DEVICE=cuda computes our side of the forward passes there.
# VRAGENT_PARITY_SETUP=1 only makes the environment.
# Makes .venv-parity with transformers 5.23.0, which borrows torch from .venv, and .venv-trl with TRL 1.16.0, which borrows
# from both. Not needed to build or run vragent.
set -euo pipefail
cd "$(dirname "$0")/.."
binary=${1:-build/release/tools/vragent}
venv=${VRAGENT_PARITY_VENV:-.venv-parity}
trl_venv=${VRAGENT_TRL_VENV:-.venv-trl}
# new_venv FOLDER LENDER...: an environment that sees the packages of others behind its own
new_venv() {
  python3 -m venv "$1"
  "$1/bin/python" - "${@:2}" <<PY
import pathlib, sys, sysconfig
sites = [next(pathlib.Path(lender).resolve().glob("lib/python3*/site-packages")) for lender in sys.argv[1:]]
pathlib.Path(sysconfig.get_paths()["purelib"], "torch-of-vragent.pth").write_text("".join(f"{site}\n" for site in sites))
PY
}
if ! "$venv/bin/python" -c 'import transformers, torchvision' 2>/dev/null; then
  echo "== installing transformers 5.23.0 and torchvision 0.26.0 into $venv" >&2
  new_venv "$venv" "${VRAGENT_VENV:-.venv}"
  "$venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.23.0 numpy pillow
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps torchvision==0.26.0
fi
if ! "$venv/bin/python" -c 'import peft' 2>/dev/null; then
  echo "== installing peft 0.18.1 into $venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check peft==0.18.1
fi
if ! "$venv/bin/python" -c 'import sentencepiece, google.protobuf' 2>/dev/null; then
  echo "== installing sentencepiece 0.2.3 and protobuf 7.36.2 into $venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check sentencepiece==0.2.3 protobuf==7.36.2
fi
if ! "$venv/bin/python" -c 'import tensorboard' 2>/dev/null; then
  echo "== installing tensorboard 2.21.0 into $venv" >&2
  "$venv/bin/pip" install --quiet --disable-pip-version-check tensorboard==2.21.0
fi
if ! "$trl_venv/bin/python" -c 'import trl, datasets' 2>/dev/null; then
  echo "== installing TRL 1.16.0 into $trl_venv" >&2
  new_venv "$trl_venv" "${VRAGENT_VENV:-.venv}" "$venv"
  "$trl_venv/bin/pip" install --quiet --disable-pip-version-check trl==1.16.0
fi
[ -z "${VRAGENT_PARITY_SETUP:-}" ] || exit 0
export TRANSFORMERS_VERBOSITY=error HF_HUB_DISABLE_PROGRESS_BARS=1
[ $# -le 1 ] || exec "$venv/bin/python" scripts/parity.py "$binary" "${@:2}"
code=0
for part in parity parity_lora parity_trainers parity_recommender parity_tokenizers; do
  "$venv/bin/python" "scripts/$part.py" "$binary" || code=$?
done
"$trl_venv/bin/python" scripts/parity_grpo.py "$binary" || code=$?
exit "$code"
