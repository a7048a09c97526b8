"""Entropic plans from POT's log-domain Sinkhorn, for comparison. Run in an environment with POT.

    python sinkhorn.py > sinkhorn.json
"""

import json
import sys

import numpy as np
import ot

# The six points of the shared closed forms, and a random rectangular case.
X = [[0.0, 0.0], [1.0, 0.2], [0.3, 1.1], [-0.7, 0.4], [0.5, -0.9], [1.4, 1.3]]
Y = [[0.9, 0.9], [-0.5, -0.2], [0.1, 0.6], [1.2, -0.4], [0.4, 0.1], [-0.2, 1.5]]
rng = np.random.default_rng(1)
A = np.round(rng.normal(size=(12, 3)), 3)
B = np.round(rng.normal(size=(9, 3)) * 1.5 + 1, 3)

cases = []
for name, x, y in [("six", np.array(X), np.array(Y)), ("rectangular", A, B)]:
    cost = ot.dist(x, y)
    for reg, relative in [(0.05, False), (0.5, False), (0.05, True), (1e-3, True)]:
        absolute = reg * cost.mean() if relative else reg
        a, b = ot.unif(len(x)), ot.unif(len(y))
        plan = ot.sinkhorn(
            a, b, cost, absolute, method="sinkhorn_log", stopThr=1e-12, numItermax=20_000
        )
        error = max(abs(plan.sum(1) - a).max(), abs(plan.sum(0) - b).max())
        print(name, reg, relative, "marginals off by", error, file=sys.stderr)
        cases.append(
            {
                "name": name,
                "x": x.tolist(),
                "y": y.tolist(),
                "reg": reg,
                "relative": relative,
                "plan": plan.ravel().tolist(),
                "cost": float((plan * cost).sum()),
                "exact": float(ot.emd2(a, b, cost)),
            }
        )
json.dump({"ot": ot.__version__, "cases": cases}, sys.stdout)
print()
