#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds what reads files of others (checkpoints, tokenizers) with address and undefined-behaviour sanitizers, and runs its
# tests on hostile files. Usage: sanitize.sh [GTEST_ARGUMENT...]. The first finding ends it. The folder build/sanitize is its
# own: no images or videos, little optimised, so that it is built in minutes (the preset asan builds everything).
# Environment: VRAGENT_SKIP_DEPS=1 leaves installing to you.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${VRAGENT_SKIP_DEPS:-}" ] || scripts/install_deps.sh
cmake -S . -B build/sanitize -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_CXX_FLAGS_RELWITHDEBINFO="-O1 -g1" \
  -DVRAGENT_SANITIZE=address,undefined -DVRAGENT_MEDIA=OFF -DVRAGENT_MPI=OFF -DVRAGENT_NCCL=OFF >/dev/null
cmake --build build/sanitize --target hostile_test text_test
echo "== built in $SECONDS s: build/sanitize" >&2
# torch's own libraries are not instrumented and keep memory until the process ends: no leaks are looked for where it is linked.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 OMP_NUM_THREADS=1
echo "== text_test under sanitizers" >&2
build/sanitize/tests/text_test --gtest_brief=1 "$@"
echo "== hostile_test under sanitizers" >&2
ASAN_OPTIONS=detect_leaks=0 build/sanitize/tests/hostile_test --gtest_brief=1 "$@"
