# SPDX-License-Identifier: Apache-2.0
"""What every group of comparisons needs: random weights, running vragent, one line a comparison."""
import json
import os
import subprocess
import time

import numpy
import torch
from PIL import Image
from safetensors.torch import load_file

TOLERANCE = 1e-4  # absolute, fp32, on numbers of order 1
PIXEL_TOLERANCE = 1e-5
BINARY = ["vragent"]
DEVICE = os.environ.get("VRAGENT_PARITY_DEVICE", "cpu")  # where ours computes
IMAGE_KIND = os.environ.get("VRAGENT_PARITY_IMAGES", "png")  # ppm for a build without OpenCV
failures = []
counts = {"comparisons": 0}
started = time.monotonic()


def randomise(model, seed):
    """Draws every parameter: matrices N(0, 0.2), norm weights around 1, the rest N(0, 0.2)."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator) * 0.2
        is_norm = parameter.dim() == 1 and name.endswith("weight")
        parameter.data = noise + 1 if is_norm else noise
    return model.eval()


def verdict(name, ok, text):
    counts["comparisons"] += 1
    print(f"{'ok' if ok else 'FAIL':4} {name:52} {text}", flush=True)
    if not ok:
        failures.append(name)


def check(name, ours, theirs, tolerance=TOLERANCE):
    """Prints and records one comparison of real numbers."""
    error = (ours.double() - theirs.double()).abs().max().item() if ours.shape == theirs.shape else float("inf")
    scale = theirs.abs().max().item()
    if DEVICE != "cpu":  # the bound is for numbers of order 1; a GPU's sums are of another order than our reference's
        tolerance *= max(1.0, scale)
    verdict(name, error <= tolerance, f"max_abs_error={error:.2e} bound={tolerance:.0e} scale={scale:.2f} shape={tuple(theirs.shape)}")


def check_equal(name, ours, theirs):
    """Whole numbers, in tensors or nested lists, must be the same."""
    ours, theirs = (x.tolist() if torch.is_tensor(x) else x for x in (ours, theirs))
    ok = ours == theirs
    verdict(name, ok, f"equal count={count_of(theirs)}" if ok else f"differ: {first_difference(ours, theirs)}")


def count_of(value):
    return sum(map(count_of, value)) if isinstance(value, list) else 1


def first_difference(ours, theirs, path=""):
    if not (isinstance(ours, list) and isinstance(theirs, list)):
        return f"at {path or 'top'}: {ours} against {theirs}"
    for i, (a, b) in enumerate(zip(ours, theirs)):
        if a != b:
            return first_difference(a, b, f"{path}[{i}]")
    return f"at {path or 'top'}: lengths {len(ours)} and {len(theirs)}"


def run(arguments):
    ran = subprocess.run([*BINARY, *map(str, arguments)], capture_output=True, text=True)
    if ran.returncode != 0:
        raise RuntimeError(f"vragent {arguments} ended with {ran.returncode}: {ran.stderr}")
    return ran.stdout


def write_ids(folder, ids):
    path = folder / "ids.json"
    path.write_text(json.dumps(ids))
    return path


def probe(folder, ids=None, images=(), dtype="float32"):
    """The outputs of `vragent inspect logits`."""
    out = folder / "probe.safetensors"
    command = ["inspect", "logits", "--model", folder, "--dtype", dtype, "--out", out, "--device", DEVICE]
    if ids is not None:
        command += ["--ids", write_ids(folder, ids)]
    if images:
        command += ["--images", ",".join(map(str, images))]
    run(command)
    return load_file(out)


def random_ids(count, seed, vocabulary=150):
    return torch.randint(0, vocabulary, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


def random_images(work, name, sizes, seed=3):
    """Files of noise, (height, width) each."""
    rng = numpy.random.default_rng(seed)
    paths = []
    for i, (height, width) in enumerate(sizes):
        paths.append(work / f"{name}{i}.{IMAGE_KIND}")
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=numpy.uint8)).save(paths[-1])
    return paths


def opened(paths):
    return [Image.open(path) for path in paths]


def left_padded(rows, pad=0):
    """ids and mask of a batch, padded on the left."""
    longest = max(map(len, rows))
    ids = torch.tensor([[pad] * (longest - len(row)) + row for row in rows])
    mask = torch.tensor([[0] * (longest - len(row)) + [1] * len(row) for row in rows])
    return ids, mask
