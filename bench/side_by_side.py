# SPDX-License-Identifier: Apache-2.0
"""Takes turns between vragent and its peers, both warm, and prints ratios with their spread."""
import json
import os
import pathlib
import statistics
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DRIVER = os.environ.get("VRAGENT_BENCH_DRIVER", str(ROOT / "build" / "bench" / "bench" / "vragent_bench"))


class Driver:
    """A vragent_bench process that has loaded a model."""

    def __init__(self, kind, model, dtype="bfloat16", threads=2):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
        self.process = subprocess.Popen([DRIVER, kind, str(model), dtype, str(threads)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=environment)
        self.load_seconds = json.loads(self.process.stdout.readline())["load_seconds"]

    def __call__(self, job, **request):
        self.process.stdin.write(json.dumps({"job": job, **request}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"vragent_bench stopped in job {job}")
        return json.loads(line)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def load_average():
    return float(pathlib.Path("/proc/loadavg").read_text().split()[0])


def machine():
    cpu = next(line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name"))
    flags = next(line for line in open("/proc/cpuinfo") if line.startswith("flags"))
    return f"{cpu}, {os.cpu_count()} cores, AMX {'yes' if 'amx_bf16' in flags else 'no'}, load {load_average():.2f}"


def take_turns(name, ours, peers, target=None, rounds=5, warm_up=1, unit=""):
    """ours() and each peer() return (seconds, work): work a second is compared. Prints one line a peer; returns our rate."""
    runs = {"vragent": ours, **peers}
    rates = {who: [] for who in runs}
    for i in range(rounds + warm_up):
        for who, run in runs.items():
            seconds, work = run()
            if i >= warm_up:
                rates[who].append(work / seconds)
    median = {who: statistics.median(values) for who, values in rates.items()}
    for peer in peers:
        ratios = [a / b for a, b in zip(rates["vragent"], rates[peer])]
        ratio = statistics.median(ratios)
        verdict = "" if target is None else f"  target {target}x: {'met' if ratio >= target else 'MISSED'}"
        print(f"{name:44} {median['vragent']:10.1f} {unit:9} against {peer} {median[peer]:10.1f}: {ratio:5.2f}x "
              f"[{min(ratios):.2f}, {max(ratios):.2f}]{verdict}", flush=True)
    if not peers:
        print(f"{name:44} {median['vragent']:10.1f} {unit}", flush=True)
    return median["vragent"]


def timed(function):
    begin = time.perf_counter()
    result = function()
    return time.perf_counter() - begin, result


def check_close(name, ours, theirs, tolerance):
    """Stops the benchmark when the two programs do not compute the same thing."""
    error = max(abs(a - b) for a, b in zip(ours, theirs))
    print(f"{name:44} largest difference {error:.2e} (bound {tolerance:g})", flush=True)
    if len(ours) != len(theirs) or not error <= tolerance:
        raise SystemExit(f"{name}: the programs disagree; timings would say nothing")
