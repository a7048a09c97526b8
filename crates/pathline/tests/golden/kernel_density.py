"""Log densities from scikit-learn, for tests/neighbours.rs.

Run: python kernel_density.py > kernel_density.json
"""
import json

import numpy as np
import sklearn
from scipy.spatial.distance import pdist
from sklearn.neighbors import KernelDensity

rng = np.random.default_rng(1)
cases = []
for n, d in ((7, 1), (40, 3), (30, 60)):
    data = (rng.normal(size=(n, d)) * rng.uniform(0.5, 2, size=d) + 3).astype(np.float32)
    queries = (data[:5] + 0.3 * rng.normal(size=(5, d))).astype(np.float32)
    deviation = np.sqrt(data.astype(np.float64).var(axis=0, ddof=1).mean())
    widths = {"scott": deviation * n ** (-1 / (d + 4)),
              "silverman": deviation * (n * (d + 2) / 4) ** (-1 / (d + 4)),
              "median": np.median(pdist(data.astype(np.float64)))}
    found = {name: {"width": float(h), "log_p": KernelDensity(bandwidth=h, rtol=1e-12)
                    .fit(data.astype(np.float64)).score_samples(queries.astype(np.float64)).tolist()}
             for name, h in widths.items()}
    cases.append({"d": d, "data": data.ravel().tolist(), "queries": queries.ravel().tolist(), **found})
print(json.dumps({"made_by": f"scikit-learn {sklearn.__version__}", "cases": cases}))
