"""Exact minibatch OT, cost matrix included: Pathline against POT and SciPy, side by side.

Set up:  python -m venv venv && venv/bin/pip install numpy scipy POT
Build:   cargo build --release -p pathline --example bench_ot
Run:     venv/bin/python benchmarks/minibatch_ot.py [--n 1024] [--d 3072] [--rounds 9] [--threads 2]

Everybody solves Gaussian batches of the same sizes, in turns (A B C A B C ...), each timed inside its
own process, so that whatever else the machine does falls on all of them alike. The numbers that
count are the ratios. Raw times go to benchmarks/results/minibatch_ot.json.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import time

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--n", type=int, default=1024)
parser.add_argument("--d", type=int, default=3072)
parser.add_argument("--rounds", type=int, default=9)
parser.add_argument("--threads", type=int, default=2)
options = parser.parse_args()
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = str(options.threads)

import numpy as np  # noqa: E402 (the thread counts must be set first)
import ot  # noqa: E402
import scipy  # noqa: E402
from scipy.optimize import linear_sum_assignment  # noqa: E402

root = pathlib.Path(__file__).resolve().parent.parent
program = root / "target/release/examples/bench_ot"
rng = np.random.default_rng(0)
x, y = (rng.normal(size=(options.n, options.d)).astype(np.float32) for _ in range(2))
weights = np.full(options.n, 1.0 / options.n)
child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def pathline():
    child.stdin.write(f"{options.n} {options.d}\n")
    child.stdin.flush()
    cost, solve, _ = map(float, child.stdout.readline().split())
    return cost, solve


def peer(solve):
    def timed():
        start = time.perf_counter()
        cost = ot.dist(x, y)  # squared Euclidean; stays in single precision
        middle = time.perf_counter()
        solve(cost)
        return (middle - start) * 1e3, (time.perf_counter() - middle) * 1e3

    return timed


contestants = {
    "pathline": pathline,
    "pot": peer(lambda cost: ot.emd(weights, weights, cost)),
    "scipy": peer(linear_sum_assignment),
}
for run in contestants.values():
    run()  # warm: memory, threads, caches
raw = {name: [] for name in contestants}
for _ in range(options.rounds):
    for name, run in contestants.items():
        raw[name].append(run())
child.stdin.close()
child.wait()

totals = {name: [sum(times) for times in runs] for name, runs in raw.items()}
ratios = {
    name: statistics.median(a / b for a, b in zip(totals["pathline"], totals[name]))
    for name in ("pot", "scipy")
}
print(f"n = {options.n}, d = {options.d}, {options.threads} threads, medians of {options.rounds} in ms")
for name, runs in raw.items():
    cost, solve = (statistics.median(column) for column in zip(*runs))
    print(f"{name:9} cost {cost:8.1f}  assignment {solve:8.1f}  both {statistics.median(totals[name]):8.1f}")
for name, ratio in ratios.items():
    print(f"pathline / {name}: {ratio:.3f}")

results = root / "benchmarks/results/minibatch_ot.json"
results.parent.mkdir(exist_ok=True)
versions = {"numpy": np.__version__, "scipy": scipy.__version__, "pot": ot.__version__}
record = {**vars(options), "versions": versions, "columns_ms": ["cost", "assignment"], "raw": raw, "median_ratio": ratios}
results.write_text(json.dumps(record, indent=1) + "\n")
