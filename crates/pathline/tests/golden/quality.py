"""Quality measures from SciPy, NumPy, prdc and brute force, for tests/quality.rs.

Run: python quality.py > quality.json   (needs numpy, scipy and prdc 0.2)

Features are written as short decimals that 32-bit floats hold exactly (multiples of 1/64), so that
both sides measure the same numbers.
"""
import json

import numpy as np
import scipy
from prdc import compute_prdc
from scipy.linalg import sqrtm

rng = np.random.default_rng(5)


def grid(x):
    return np.round(x * 64) / 64


def frechet(a, b):
    s1, s2 = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    shift = a.mean(0) - b.mean(0)
    # The eigenvalues of S1 S2 are those of the symmetric product; a root of a singular matrix by
    # eigenvalues of S1^1/2 S2 S1^1/2, clipped at 0.
    values, vectors = np.linalg.eigh(s1)
    root = vectors * np.sqrt(np.clip(values, 0, None)) @ vectors.T
    inner = np.sqrt(np.clip(np.linalg.eigvalsh(root @ s2 @ root), 0, None)).sum()
    return float(shift @ shift + np.trace(s1) + np.trace(s2) - 2 * inner)


def frechet_sqrtm(a, b):
    s1, s2 = (np.atleast_2d(np.cov(x, rowvar=False)) for x in (a, b))
    shift = a.mean(0) - b.mean(0)
    return float(shift @ shift + np.trace(s1 + s2 - 2 * sqrtm(s1 @ s2).real))


def kid(x, y):
    d = x.shape[1]
    k = lambda a, b: (a @ b.T / d + 1) ** 3
    n, m = len(x), len(y)
    kxx, kyy, kxy = k(x, x), k(y, y), k(x, y)
    return float(
        (kxx.sum() - np.trace(kxx)) / (n * (n - 1))
        + (kyy.sum() - np.trace(kyy)) / (m * (m - 1))
        - 2 * kxy.mean()
    )


def distances(a, b):
    return np.sqrt(((a[:, None] - b[None]) ** 2).sum(-1))


def brute(generated, real, k):
    """All four, balls with their rim."""
    radius = lambda x: np.sort(distances(x, x), axis=1)[:, k]
    across = distances(real, generated)
    in_real = across <= radius(real)[:, None]
    in_generated = across <= radius(generated)[None]
    return [
        float(in_real.any(0).mean()), float(in_generated.any(1).mean()),
        float(in_real.sum() / k / len(generated)), float(in_real.any(1).mean()),
    ]


def jackknife(measure, x, blocks):
    return [measure(np.array([r for i, r in enumerate(x) if i % blocks != b])) for b in range(blocks)]


cases = []
for n, m, d, shift, rank in (
    (30, 40, 1, 0.5, 1), (60, 50, 3, 0.3, 3), (90, 131, 8, 0.25, 8), (70, 80, 16, 0.0, 16),
    (12, 15, 20, 0.2, 20), (100, 70, 10, 1.0, 4),
):
    mix = rng.normal(size=(d, d)) if rank == d else rng.normal(size=(d, rank)) @ rng.normal(size=(rank, d)) / rank
    generated = grid(rng.normal(size=(n, d)) @ mix / np.sqrt(d) + shift)
    real = grid(rng.normal(size=(m, d)) + 0.25)
    case = {
        "width": d, "generated": generated.ravel().tolist(), "real": real.ravel().tolist(),
        "frechet": frechet(generated, real), "kid": kid(generated, real),
        "frechet_without": jackknife(lambda x: frechet(x, real), generated, 5),
        "kid_without": jackknife(lambda x: kid(x, real), generated, 5),
        "brute": {str(k): brute(generated, real, k) for k in (1, 3, 5)},
    }
    if min(n, m) > d and rank == d:
        case["frechet_sqrtm"] = frechet_sqrtm(generated, real)
        assert abs(case["frechet_sqrtm"] - case["frechet"]) < 1e-7 * (1 + case["frechet"])
    if d > 3:  # prdc leaves the rim out; on a grid in few dimensions distances tie.
        import contextlib, io
        with contextlib.redirect_stdout(io.StringIO()):
            found = {k: compute_prdc(real, generated, k) for k in (1, 3, 5)}
        case["prdc"] = {str(k): [float(f[key]) for key in ("precision", "recall", "density", "coverage")]
                        for k, f in found.items()}
    cases.append(case)

print(json.dumps({"versions": {"numpy": np.__version__, "scipy": scipy.__version__, "prdc": "0.2"},
                  "cases": cases}))
