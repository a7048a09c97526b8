"""Strata compared by SciPy's tests, for tests/strata.rs.

Run: python strata.py > strata.json   (needs numpy and scipy)
"""
import json

import numpy as np
import scipy
from scipy import stats

rng = np.random.default_rng(8)


def cut(by, k, groups):
    out = np.zeros(len(by), int)
    for g in np.unique(groups):
        rows = np.flatnonzero(groups == g)
        order = rows[np.argsort(by[rows], kind="stable")]
        for stratum, part in enumerate(np.array_split(order, k)):
            out[part] = stratum
    return out


cases = []
for n, k, grouped, tied in ((12, 2, False, False), (50, 3, False, True), (61, 4, True, False), (200, 5, True, True)):
    groups = rng.integers(0, 3, size=n) if grouped else np.zeros(n, int)
    by = rng.normal(size=n) + 3 * groups
    values = -0.5 * by + rng.normal(size=n) + 2 * groups
    by, values = (np.round(v, 1 if tied else 6) for v in (by, values))
    of = cut(by, k, groups)
    parts = [values[of == s] for s in range(k)]
    ends = stats.mannwhitneyu(parts[-1], parts[0], method="asymptotic")
    across = stats.kruskal(*parts)
    cases.append({
        "by": by.tolist(), "values": values.tolist(), "k": k,
        "groups": groups.tolist() if grouped else None, "strata": of.tolist(),
        "means": [float(p.mean()) for p in parts], "medians": [float(np.median(p)) for p in parts],
        "u": float(ends.statistic), "p_ends": float(ends.pvalue),
        "h": float(across.statistic), "p_across": float(across.pvalue),
    })
print(json.dumps({"made_by": f"scipy {scipy.__version__}, numpy {np.__version__}", "cases": cases}))
