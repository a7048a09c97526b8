"""Statistics from SciPy and NumPy, for tests/statistics.rs.

Run: python sample_statistics.py > sample_statistics.json
"""
import json

import numpy as np
import scipy
from scipy import stats
from statsmodels.stats.multitest import multipletests

rng = np.random.default_rng(0)


def partial(x, y, covariates):
    design = np.column_stack([np.ones(len(x))] + [stats.rankdata(c) for c in covariates])

    def left(v):
        ranks = stats.rankdata(v)
        return ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]

    return float(stats.pearsonr(left(x), left(y)).statistic)


cases = []
for n, tied in ((5, False), (40, False), (40, True), (300, True)):
    z1, z2 = rng.normal(size=n), rng.normal(size=n)
    x = z1 + 0.5 * z2 + 0.7 * rng.normal(size=n)
    y = -z1 + 0.3 * x + rng.normal(size=n)
    x, y, z1, z2 = (np.round(v, 1 if tied else 6) for v in (x, y, z1, z2))
    half = n // 2
    test = stats.mannwhitneyu(x[:half], x[half:] + 0.4, method="asymptotic")
    paired = stats.ttest_rel(x, y).confidence_interval(0.9)
    cases.append({
        "x": x.tolist(), "y": y.tolist(), "z1": z1.tolist(), "z2": z2.tolist(),
        "ranks": stats.rankdata(x).tolist(),
        "pearson": float(stats.pearsonr(x, y).statistic),
        "spearman": float(stats.spearmanr(x, y).statistic),
        "partial1": partial(x, y, [z1]),
        "partial2": partial(x, y, [z1, z2]),
        "quantiles": {str(p): float(np.quantile(x, p)) for p in (0.0, 0.025, 0.3, 0.5, 1.0)},
        "u": float(test.statistic), "p_value": float(test.pvalue),
        "paired90": [float(paired.low), float(paired.high)],
        "kruskal": [float(v) for v in stats.kruskal(x[:half], x[half:] + 0.4, y, z1 + 0.2)],
    })

print(json.dumps({
    "made_by": f"scipy {scipy.__version__}, numpy {np.__version__}",
    "cases": cases,
    "normal": [[p, float(stats.norm.ppf(p))] for p in (1e-12, 0.001, 0.3, 0.5, 0.9, 0.9999)],
    "student": [[p, nu, float(stats.t.ppf(p, nu))]
                for p in (1e-6, 0.01, 0.4, 0.5, 0.6, 0.975, 0.9999)
                for nu in (1, 2, 5, 19, 200, 10000)],
    "holm": [[p, multipletests(p, method="holm")[1].tolist()]
             for p in (rng.uniform(size=n).round(2).tolist() for n in (1, 2, 7, 20))],
    "wilson": [[k, n, level, *stats.binomtest(k, n).proportion_ci(level, method="wilson")]
               for k, n in ((0, 10), (3, 10), (10, 10), (374, 1000)) for level in (0.8, 0.95)],
}, indent=None))
