#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Formats all C++ sources with clang-format 14; --check only reports.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=$(command -v clang-format-14 || command -v clang-format)
mapfile -t files < <(git ls-files '*.cpp' '*.h')
if [ "${1:-}" = "--check" ]; then
  "$tool" --dry-run --Werror "${files[@]}" && echo "format: ${#files[@]} files are clean"
else
  "$tool" -i "${files[@]}"
fi
