"""Principal components from scikit-learn's full SVD, for tests/principal_components.rs.

Run: python principal_components.py > principal_components.json   (needs numpy and scikit-learn)

Points are multiples of 1/64, which 32-bit floats hold exactly. Spectra fall by a fifth from one
direction to the next, so that every direction is its own.
"""
import json

import numpy as np
import sklearn
from sklearn.decomposition import PCA

rng = np.random.default_rng(11)
cases = []
for n, d, q, shift in ((30, 3, 3, 0.0), (60, 8, 4, 50.0), (25, 40, 6, -3.0), (90, 120, 5, 1.0)):
    basis = np.linalg.qr(rng.normal(size=(d, d)))[0]
    points = rng.normal(size=(n, d)) * 4 * 0.8 ** np.arange(d) @ basis + shift
    points = np.round(points * 64) / 64
    pca = PCA(n_components=q, svd_solver="full").fit(points)
    # The largest entry above 0, whatever the version's convention.
    signs = np.sign(pca.components_[np.arange(q), np.abs(pca.components_).argmax(1)])
    cases.append({
        "width": d, "points": points.ravel().tolist(),
        "mean": pca.mean_.tolist(), "variances": pca.explained_variance_.tolist(),
        "total": float(points.var(0, ddof=1).sum()),
        "directions": (pca.components_ * signs[:, None]).ravel().tolist(),
        "projected": (pca.transform(points[:5]) * signs).ravel().tolist(),
    })
print(json.dumps({"made_by": f"scikit-learn {sklearn.__version__}, numpy {np.__version__}", "cases": cases}))
