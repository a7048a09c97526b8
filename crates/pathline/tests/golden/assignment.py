"""Optimal assignment costs from SciPy, for tests/couplings.rs.

Run: python assignment.py > assignment.json (needs NumPy and SciPy).
Matrices are drawn by the linear congruential generator below, so that only costs are stored.
"""
import json

import numpy as np
import scipy
from scipy.optimize import linear_sum_assignment


def matrix(n, levels, seed):
    state, out = seed, []
    for _ in range(n * n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out.append((state >> 33) % levels)
    return np.array(out, dtype=np.float64).reshape(n, n)


cases = []
for n in (1, 2, 50, 200):
    for levels in (1, 2, 10, 1000, 1 << 20):
        cost = matrix(n, levels, seed=n + levels)
        rows, columns = linear_sum_assignment(cost)
        total = float(cost[rows, columns].sum())
        cases.append({"n": n, "levels": levels, "seed": n + levels, "cost": total})
print(json.dumps({"made_by": f"scipy {scipy.__version__}", "cases": cases}, indent=1))
