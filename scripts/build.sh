#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up and builds. Usage: build.sh [TARGET...]. The binaries land in build/PRESET/tools.
# Environment: VRAGENT_PRESET (release), VRAGENT_SKIP_DEPS=1 leaves installing to you.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${VRAGENT_PRESET:-release}
log=$(mktemp)
[ -n "${VRAGENT_SKIP_DEPS:-}" ] || scripts/install_deps.sh
echo "== configuring and building ($preset)" >&2
cmake --preset "$preset" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
rm -f "$log"
start=$(date +%s)
cmake --build "build/$preset" --target "${@:-all}"
echo "== built in $(($(date +%s) - start)) s: build/$preset/tools/vragent" >&2
