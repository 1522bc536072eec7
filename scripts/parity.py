#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares vragent's networks and generations with transformers on random tiny checkpoints, live.

Usage: parity.py VRAGENT_BINARY [WORK_FOLDER] [GROUP...]. Every parameter is drawn afresh (norms and biases too, which
transformers would leave at one and zero). Prints one line a comparison with the largest absolute error and ends with
exit code 1 when one is above its bound. Groups (all without any named): the functions in GROUPS of parity_checks/*.py.
"""
import sys
import tempfile
import time
from pathlib import Path

import torch
import transformers

from parity_checks import chat_templates, common, encoders, generation, language, real_models, vision_language

GROUPS = {group.__name__: group for part in (language, vision_language, encoders, generation, chat_templates, real_models) for group in part.GROUPS}


def main():
    common.BINARY[:] = [sys.argv[1]]
    names = sys.argv[3:] or list(GROUPS)
    if unknown := set(names) - set(GROUPS):
        sys.exit(f"unknown group {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    torch.manual_seed(0)
    print(f"torch {torch.__version__}, transformers {transformers.__version__}, bound {common.TOLERANCE} unless a line says another")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(sys.argv[2] if len(sys.argv) > 2 else temporary)
        work.mkdir(parents=True, exist_ok=True)
        for name in names:
            start = time.monotonic()
            GROUPS[name](work)
            print(f"     == {name}: {time.monotonic() - start:.1f} s")
    failed = common.failures
    print(f"parity: {common.counts['comparisons']} comparisons,",
          f"{len(failed)} FAILED: {'; '.join(failed)}" if failed else "all within bound")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
