#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building vragent needs on Debian 12: packages from Debian, and torch 2.11.0 (headers and
# libraries to link against) from the Python registry into .venv. Idempotent; quick when nothing is missing.
# Environment: VRAGENT_VENV=DIR uses another virtual environment than .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

torch_version=2.11.0
venv=${VRAGENT_VENV:-.venv}
packages=(
  build-essential cmake ninja-build pkg-config git ca-certificates
  python3 python3-venv clang-format-14
  libopencv-core-dev libopencv-imgproc-dev libopencv-imgcodecs-dev
  libavformat-dev libavcodec-dev libavutil-dev libswscale-dev
  libicu-dev zlib1g-dev libopenmpi-dev openmpi-bin
  nlohmann-json3-dev libcli11-dev libspdlog-dev libfmt-dev libgtest-dev libgmock-dev
)

say() { printf '== %s\n' "$*" >&2; }

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
if ((${#missing[@]})); then
  say "installing ${#missing[@]} Debian packages: ${missing[*]}"
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "install_deps.sh: need root or sudo to install packages" >&2; exit 1; }
    as_root=(sudo)
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  say "Debian packages: all there"
fi

have=$("$venv/bin/python" -c 'import importlib.metadata as m; print(m.version("torch").split("+")[0])' 2>/dev/null || true)
if [ "$have" = "$torch_version" ]; then
  say "torch $torch_version: there"
else
  say "installing torch $torch_version into $venv (about 3 GB with its libraries)"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "torch==$torch_version"
fi
