"""Writes the NumPy arrays that the readers are tested with: every type, order and byte order.

    python3 make_arrays.py
"""

import pathlib

import numpy as np

here = pathlib.Path(__file__).parent
base = np.array([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]])

for kind in ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]:
    for order in "<>" if kind not in ("?", "i1", "u1") else "|":
        name = {"?": "bool", "<": "little", ">": "big", "|": "any"}
        for layout in "CF":
            array = np.array(base, dtype=order + kind, order=layout)
            file = f"array-{name.get(kind, kind)}-{name[order]}-{layout}.npy"
            np.save(here / file, array)
np.save(here / "array-scalar.npy", np.float32(2.5))
np.save(here / "array-empty.npy", np.zeros((0, 2), np.float32))
np.save(here / "array-complex.npy", np.zeros(2, np.complex64))
np.save(here / "array-object.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
points = np.arange(6, dtype=np.float32).reshape(3, 2)
labels = np.array([0, 1, 1])
np.savez(here / "points.npz", x=points, y=labels)
np.savez_compressed(here / "images.npz", images=np.arange(24, dtype=np.uint8).reshape(2, 2, 2, 3), labels=labels[:2])
