#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Sets up, builds and runs every test. Usage: test.sh [CTEST_ARGUMENT...], for example: test.sh -L unit
# Environment: as scripts/build.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=${VRAGENT_PRESET:-release}
scripts/build.sh all
log=build/$preset/test.log
set +e
ctest --test-dir "build/$preset" --output-on-failure -j "$(nproc)" "$@" 2>&1 | tee "$log" | grep -vE '^ *(Start|[0-9]+/[0-9]+ Test) .*Passed|^ *Start'
status=${PIPESTATUS[0]}
set -e
skipped=$(grep -c '\*\*\*Skipped' "$log" || true)
if [ "$skipped" -gt 0 ]; then
  echo "== $skipped tests were skipped; their reasons:"
  grep -hoE '(Skipped|SKIPPED).*|skipp?ed: .*' "build/$preset/Testing/Temporary/LastTest.log" | sort | uniq -c | sort -rn | head -20
fi
exit "$status"
