#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks who includes whom: floors, doors, sizes of files and folders. Prints each offence; exit code 1 if there is one.

A folder may include itself and lower floors; folders of one floor never include each other. Torch begins
at ops/ and comm/. A library from outside is named in the files listed for it and nowhere else.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {
    "util": 0,
    "data": 1, "media": 1, "words": 1, "metrics": 1,
    "text": 2, "data/formats": 2, "chat": 2, "report": 2, "ops/kernels": 2,
    "report/page": 3, "report/tables": 3, "ops/linear": 3, "comm": 3,
    "report/runs": 4, "ops": 4,
    "nn": 5, "ops/decoding": 5,
    "nn/optim": 6, "models": 6, "rec_models": 6,
    "engine/decoding": 7, "rec_models/collaborative": 7,
    "engine": 8,
    "perception": 9, "recommender": 9, "simulator": 9, "plan": 9,
    "recommender/study": 10, "simulator/agents": 10, "simulator/scoring": 10, "learning": 10,
    "learning/grpo": 11,
}
TORCH_FROM = 3
NO_TORCH = {"report/page", "report/tables", "report/runs", "simulator", "simulator/agents", "simulator/scoring"}
ONLY_BELOW = {"simulator": 2, "simulator/agents": 2, "simulator/scoring": 2}  # plus themselves and their parents
DOORS = {
    r"libav\w+/|libswscale/": {"src/media/ffmpeg", "src/media/video_reader", "src/media/video_writer",
                               "src/media/demuxer", "src/media/frame_converter", "src/media/frame_decoder"},
    r"opencv2/": {"src/media/image", "src/models/pixels"},
    r"spdlog/": {"src/util/log"},
    r"fmt/": {"src/util/format", "src/util/log"},
    r"zlib\.h": {"src/util/files", "src/util/event_crc"},
    r"unicode/": {"src/words/"},
    r"nlohmann/": {"include/vragent/util/json"},
    r"CLI/": {"tools/"},
    r"mpi\.h": {"src/comm/mpi_communicator"},
    r"nccl\.h": {"src/comm/nccl_communicator"},
}
UNITS_A_FOLDER = 10
# util is the ground, which everybody knows by heart; in media one unit stands in for the others (VRAGENT_MEDIA=OFF).
WIDE = {"util": 14, "media": 11}
CEILINGS = {"include": 250, "src": 500, "tools": 500, "tests": 400}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def room_of(path: Path) -> str:
    """The folder below include/vragent or src that a file belongs to; '' for tools and tests."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "include":
        return "/".join(parts[2:-1])
    return "/".join(parts[1:-1]) if parts[0] == "src" else ""


def check_include(path: Path, room: str, target: str) -> str:
    """Why this include is not allowed, or ''."""
    where = path.relative_to(ROOT).as_posix()
    for pattern, doors in DOORS.items():
        if re.match(pattern, target) and not where.startswith(tuple(doors)):
            return f"includes <{target}>, which only {', '.join(sorted(doors))} may"
    if not room:
        return ""
    if re.match(r"torch/|ATen/|c10/", target) and (FLOORS[room] < TORCH_FROM or room in NO_TORCH):
        return f"includes <{target}>, but torch begins at ops/ and comm/"
    if not target.startswith("vragent/"):
        return ""
    other = target[len("vragent/"):].rsplit("/", 1)[0]
    if other not in FLOORS:
        return f"includes {target}: unknown folder"
    if other == room:
        return ""
    if FLOORS[other] >= FLOORS[room]:
        return f"({room}, floor {FLOORS[room]}) includes {target} (floor {FLOORS[other]})"
    parent = room.rsplit("/", 1)[0]
    if room in ONLY_BELOW and FLOORS[other] > ONLY_BELOW[room] and other != parent:
        return f"({room}) may use floors 0-{ONLY_BELOW[room]} only, includes {target}"
    return ""


def main() -> int:
    problems = []
    files = [p for top in CEILINGS for p in (ROOT / top).rglob("*") if p.suffix in {".h", ".cpp", ".cu"}]
    for path in sorted(files):
        where = path.relative_to(ROOT).as_posix()
        room = room_of(path)
        if room and room not in FLOORS:
            problems.append(f"{where}: folder {room} is on no floor")
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        ceiling = CEILINGS[path.relative_to(ROOT).parts[0]]
        if len(lines) > ceiling:
            problems.append(f"{where}: {len(lines)} lines, ceiling {ceiling}")
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            reason = check_include(path, room, match.group(1)) if match else ""
            if reason:
                problems.append(f"{where}:{number}: {reason}")
    units = {}
    for path in files:
        if room_of(path):
            units.setdefault(room_of(path), set()).add(path.stem)
    for room, names in units.items():
        most = WIDE.get(room, UNITS_A_FOLDER)
        if len(names - {"torch_pch"}) > most:
            problems.append(f"{room}: {len(names)} units, at most {most}: {' '.join(sorted(names))}")
    print("\n".join(problems) if problems else f"layers: {len(files)} files, no offence")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
