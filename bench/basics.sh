#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The numbers of everyday work: start-up, a clean build, a build after one change, the smoke demo and its memory.
# Usage: bench/basics.sh [help|build|demo ...]   (default: all; the build takes place in build/bench, from nothing)
set -euo pipefail
cd "$(dirname "$0")/.."
parts=${*:-help build demo}
load=$(cut -d' ' -f1 /proc/loadavg)
echo "machine: $(nproc) cores, $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -1), load before $load"
awk -v load="$load" 'BEGIN { exit !(load > 0.5) }' && echo "warning: the machine is not quiet; times will be too long" >&2

# seconds COMMAND...: wall time
seconds() {
  local begin end
  begin=$(date +%s.%N)
  "$@" >/dev/null 2>&1
  end=$(date +%s.%N)
  echo "$begin $end" | awk '{ printf "%.2f", $2 - $1 }'
}

for part in $parts; do
  case $part in
    help)
      binary=build/${VRAGENT_PRESET:-release}/tools/vragent
      "$binary" --help >/dev/null
      times=$(for _ in 1 2 3 4 5 6 7 8 9 10 11; do seconds "$binary" --help; echo; done | sort -n)
      echo "vragent --help, warm: median $(sed -n 6p <<<"$times") s of 11, least $(head -1 <<<"$times") s"
      ;;
    build)
      rm -rf build/bench
      cmake -S . -B build/bench -G Ninja -DCMAKE_BUILD_TYPE=Release >/dev/null
      echo "clean Release build of the programs: $(seconds cmake --build build/bench --target vragent mini_world) s"
      echo "the tests on top: $(seconds cmake --build build/bench) s"
      touch src/recommender/trainer.cpp
      echo "build of vragent after touching src/recommender/trainer.cpp: $(seconds cmake --build build/bench --target vragent) s"
      touch src/ops/packed_attention.cpp
      echo "build of vragent after touching src/ops/packed_attention.cpp: $(seconds cmake --build build/bench --target vragent) s"
      ;;
    demo)
      rm -rf build/bench-demo
      python3 - <<'PYTHON'
import resource
import subprocess
import time

begin = time.monotonic()
subprocess.run(["scripts/demo.sh", "--profile", "smoke", "--no-build", "--out", "build/bench-demo"],
               check=True, stdout=subprocess.DEVNULL)
seconds = time.monotonic() - begin
largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"smoke demo: {seconds:.0f} s, its largest process {largest:.0f} MiB")
PYTHON
      ;;
    *) echo "basics.sh: help, build or demo; got $part" >&2; exit 2 ;;
  esac
done
