"""Checks schedules.json: [alpha, sigma, d_alpha, d_sigma] by schedule and time.

The numbers are the "paths" part of the project's collected golden data (flow_closed_forms.json),
which was made by running peer libraries and does not say which one made this part. This script computes them again from the formulas alone, with
derivatives by the complex step, and fails unless both agree: `python schedules.py`.
"""
import json
import pathlib

import numpy as np

STEP = 1e-30


def vp(t):
    exponent = (1 - t) ** 2 * (20.0 - 0.1) / 2 + (1 - t) * 0.1
    return np.exp(-exponent / 2), np.sqrt(1 - np.exp(-exponent))


SCHEDULES = {
    "cond-ot": lambda t: (t, 1 - t),
    "polynomial": lambda t: (t**2, 1 - t**2),
    "vp": vp,
    "linear-vp": lambda t: (t, np.sqrt(1 - t**2)),
    "cosine": lambda t: (np.sin(np.pi * t / 2), np.cos(np.pi * t / 2)),
}

golden = json.loads(pathlib.Path(__file__).with_suffix(".json").read_text())
assert golden.keys() == SCHEDULES.keys()
for name, rows in golden.items():
    for t, row in rows.items():
        ends = SCHEDULES[name](np.complex128(complex(float(t), STEP)))
        again = [e.real for e in ends] + [e.imag / STEP for e in ends]
        np.testing.assert_allclose(again, row, rtol=1e-12, err_msg=f"{name} at {t}")
print("schedules.json agrees with the formulas")
