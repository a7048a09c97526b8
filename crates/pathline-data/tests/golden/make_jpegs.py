"""JPEG files and what Pillow (libjpeg-turbo) reads from them, for tests/jpeg.rs.

Run with numpy and Pillow importable:

    python make_jpegs.py

The picture is drawn here, 37 x 29 (no multiple of a block): smooth colours, one hard edge, a little noise.
"""

from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
CASES = {
    "gray": ("L", dict(quality=80)),
    "full": ("RGB", dict(quality=85, subsampling="4:4:4")),
    "wide": ("RGB", dict(quality=85, subsampling="4:2:2")),
    "half": ("RGB", dict(quality=75, subsampling="4:2:0")),
    "progressive": ("RGB", dict(quality=75, subsampling="4:2:0", progressive=True)),
    "restarts": ("RGB", dict(quality=75, subsampling="4:2:0", restart_marker_blocks=2)),
    "cmyk": ("CMYK", dict(quality=75)),
}


def picture():
    y, x = np.mgrid[0:29, 0:37] / 30
    colours = np.stack([0.5 + 0.4 * np.sin(4 * x + 2 * y), 0.5 + 0.4 * np.cos(3 * y), x / 1.5], axis=-1)
    colours[(x - 0.6) ** 2 + (y - 0.4) ** 2 < 0.06] = [0.9, 0.2, 0.1]
    colours += np.random.default_rng(0).normal(0, 0.02, colours.shape)
    return Image.fromarray(np.rint(255 * colours.clip(0, 1)).astype(np.uint8))


if __name__ == "__main__":
    levels = {}
    for name, (mode, options) in CASES.items():
        path = HERE / f"{name}.jpg"
        picture().convert(mode).save(path, **options)
        levels[name] = np.asarray(Image.open(path))
    np.savez_compressed(HERE / "jpegs.npz", **levels)
