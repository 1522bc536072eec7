#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Checks that -DVRAGENT_MEDIA=OFF configures, compiles, links and runs, in half a minute: the sources of the room media are
# compiled so, every other source must have the same compiler's line as in a folder that is built with media, and vragent is
# linked from that folder's objects and the other room.
# Usage: check_without_media.sh [BUILD_FOLDER]   (build/$VRAGENT_PRESET, release by default; BUILD_FOLDER has vragent)
set -euo pipefail
cd "$(dirname "$0")/.."
built=$(realpath "${1:-build/${VRAGENT_PRESET:-release}}")
[ -e "$built/tools/vragent" ] || { echo "check_without_media.sh: $built/tools/vragent is not built" >&2; exit 66; }
folder=$PWD/build/without-media
option() { grep "^$1:" "$built/CMakeCache.txt" | cut -d= -f2; }
cmake -S . -B "$folder" -G Ninja -DVRAGENT_MEDIA=OFF -DCMAKE_BUILD_TYPE="$(option CMAKE_BUILD_TYPE)" \
  -DVRAGENT_WERROR="$(option VRAGENT_WERROR)" -DVRAGENT_MPI="$(option VRAGENT_MPI)" -DVRAGENT_NCCL="$(option VRAGENT_NCCL)" >/dev/null
cmake --build "$folder" --target vragent_media
# compiled FOLDER: source, object and compiler's line of each object outside the room media, the folder's name left out
compiled() {
  ninja -C "$1" -t compdb | python3 -c 'import json, sys
for c in json.load(sys.stdin):
    if " -c " in c["command"] and "/src/media/" not in c["file"]:
        print(c["output"], c["command"].replace(sys.argv[1], "BUILD"), sep="\t")' "$1" | sort
}
if other=$(comm -13 <(compiled "$built") <(compiled "$folder") | cut -f1) && [ -n "$other" ]; then
  printf 'check_without_media.sh: compiled in another way without media:\n%s\n' "$other" >&2
  exit 1
fi
link=$(ninja -C "$folder" -t commands tools/vragent | tail -1)
link=${link//src\/libvragent_media.a/$folder/src/libvragent_media.a}
(cd "$built" && bash -c "${link//-o tools\/vragent/-o $folder/vragent}")
if ldd "$folder/vragent" | grep -E 'libav|libsw|opencv'; then
  echo "check_without_media.sh: vragent still links what it should do without" >&2
  exit 1
fi
touch "$folder/clip.mp4"
said=$("$folder/vragent" extract-frames --videos "$folder" --out "$folder/frames" --overwrite 2>&1) || true
grep -q "built with -DVRAGENT_MEDIA=OFF" <<<"$said" || { echo "check_without_media.sh: a video was met with: $said" >&2; exit 1; }
echo "== vragent links and runs without FFmpeg and OpenCV" >&2
