"""Exact minibatch OT, cost matrix included: Pathline against POT and SciPy.

Gaussian batches. Pathline's time is `squared_distances` and `assignment`; POT's is `ot.dist` and
`ot.emd`; SciPy's is `ot.dist` and `linear_sum_assignment`. The total costs are compared.
"""
import time

from common import Bench

bench = Bench("minibatch_ot", __doc__, rounds=9, worker="bench_library")

import numpy as np  # noqa: E402 (the thread counts must be set first)
import ot  # noqa: E402
from scipy.optimize import linear_sum_assignment  # noqa: E402

n, d = (128, 64) if bench.options.quick else (1024, 3072)
rng = np.random.default_rng(0)
x, y = (rng.normal(size=(n, d)).astype(np.float32) for _ in range(2))
files = bench.write("x", x), bench.write("y", y)
weights = np.full(n, 1.0 / n)


def peer(solve):
    def run():
        start = time.perf_counter()
        cost = ot.dist(x, y)  # squared Euclidean; stays in single precision
        middle = time.perf_counter()
        rows, columns = solve(cost)
        end = time.perf_counter()
        return ((middle - start) * 1e3, (end - middle) * 1e3), float(cost[rows, columns].sum(dtype=np.float64))

    return run


pot = peer(lambda cost: np.nonzero(ot.emd(weights, weights, cost)))
scipy = peer(linear_sum_assignment)
ours = bench.ask("ot", d, *files)[2]
checks = {f"total cost of {who}": (abs(ours / run()[1] - 1), 1e-6) for who, run in (("POT", pot), ("SciPy", scipy))}
contestants = {
    "pathline": lambda: bench.ask("ot", d, *files)[:2],
    "POT": lambda: pot()[0],
    "SciPy": lambda: scipy()[0],
}
bench.row(f"n = {n}, d = {d}", contestants, checks, aims={"POT": 0.12}, columns=["cost", "assignment"])
bench.finish("numpy", "scipy", "pot")
