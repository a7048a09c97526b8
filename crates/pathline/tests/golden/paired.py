"""Paired tests and effects from SciPy, for tests/paired.rs.

Run: python paired.py > paired.json   (needs numpy and scipy)
"""
import json

import numpy as np
import scipy
from scipy import optimize, stats

rng = np.random.default_rng(3)


def noncentral_interval(d, level):
    """The interval of d_z that is exact for normal differences."""
    n, t = len(d), stats.ttest_1samp(d, 0).statistic
    tail = (1 - level) / 2
    find = lambda p: optimize.brentq(lambda c: stats.nct.cdf(t, n - 1, c) - p, t - 6, t + 6)
    return [float(find(1 - tail) / np.sqrt(n)), float(find(tail) / np.sqrt(n))]


cases = []
for n, shift, digits in (
    (1, 1.0, 6), (2, 0.5, 6), (5, 0.5, 6), (12, 0.0, 6), (25, 0.4, 6), (50, -0.3, 6), (51, 0.2, 6), (400, 0.1, 6),
    (8, 0.5, 0), (30, 0.4, 1), (300, -0.1, 1),
):
    a = np.round(rng.normal(size=n) + shift, digits)
    b = np.round(0.6 * rng.normal(size=n), digits)
    d = (a - b) if digits > 3 else np.round(a - b, digits)
    # Both sides in steps that f64 holds, so that ties are ties: the difference against nothing.
    kept = d[d != 0]
    tied = len(np.unique(np.abs(kept))) < len(kept)
    exact = len(kept) <= 50 and not tied
    test = stats.wilcoxon(kept, method="exact" if exact else "approx", correction=False)
    ranks = stats.rankdata(np.abs(kept))
    case = {
        "differences": d.tolist(), "exact": exact, "p_value": float(test.pvalue),
        "w": float(ranks[kept > 0].sum()),
        "rank_biserial": float((ranks * np.sign(kept)).sum() / ranks.sum()),
    }
    if n > 2:
        case["effect"] = float(d.mean() / d.std(ddof=1))
    if n >= 300:
        case["noncentral95"] = noncentral_interval(d, 0.95)
    cases.append(case)

print(json.dumps({"made_by": f"scipy {scipy.__version__}, numpy {np.__version__}", "cases": cases}))
