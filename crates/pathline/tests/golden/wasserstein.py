"""Wasserstein distances from POT and Gaussian-kernel MMD from scikit-learn, for tests/distances.rs.

Run: python wasserstein.py > wasserstein.json   (needs numpy, POT and scikit-learn)
"""
import json

import numpy as np
import ot
from sklearn.metrics.pairwise import rbf_kernel

rng = np.random.default_rng(3)
f32 = lambda x: x.astype(np.float32).astype(np.float64)


def mmd(a, b, h):
    k = lambda x, y: rbf_kernel(x, y, gamma=1 / (2 * h * h))
    n, m = len(a), len(b)
    return float((k(a, a).sum() - n) / (n * (n - 1)) + (k(b, b).sum() - m) / (m * (m - 1)) - 2 * k(a, b).mean())


lines, sets = [], []
for n, m in ((1, 1), (5, 5), (7, 3), (4, 6), (30, 101)):
    a, b = f32(rng.normal(size=n)), f32(rng.normal(size=m) + 0.5)
    lines.append({"a": a.tolist(), "b": b.tolist(), "w2": float(np.sqrt(ot.wasserstein_1d(a, b, p=2)))})
for n, d in ((4, 2), (40, 3), (25, 30)):
    a, b = f32(rng.normal(size=(n, d))), f32(0.7 * rng.normal(size=(n, d)) + 0.4)
    sets.append({
        "d": d, "a": a.ravel().tolist(), "b": b.ravel().tolist(),
        "w2": float(np.sqrt(ot.emd2([], [], ot.dist(a, b)))),
        "sliced": float(ot.sliced_wasserstein_distance(a, b, n_projections=200_000, seed=1)),
        "mmd": [[h, mmd(a, b, h)] for h in (0.5, 3.0)],
    })
print(json.dumps({"made_by": f"POT {ot.__version__}, numpy {np.__version__}", "lines": lines, "sets": sets}))
