#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds what reads files of others (checkpoints, tokenizers) with address and undefined-behaviour sanitizers, and runs its
# tests on hostile files. Usage: sanitize.sh [GTEST_ARGUMENT...]. Takes some minutes to build; the first finding ends it.
# Environment: VRAGENT_SKIP_DEPS=1 leaves installing to you.
set -euo pipefail
cd "$(dirname "$0")/.."
VRAGENT_PRESET=asan scripts/build.sh hostile_test text_test
# torch's own libraries are not instrumented and keep memory until the process ends: no leaks are looked for where it is linked.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 OMP_NUM_THREADS=1
echo "== text_test under sanitizers" >&2
build/asan/tests/text_test --gtest_brief=1 "$@"
echo "== hostile_test under sanitizers" >&2
ASAN_OPTIONS=detect_leaks=0 build/asan/tests/hostile_test --gtest_brief=1 "$@"
