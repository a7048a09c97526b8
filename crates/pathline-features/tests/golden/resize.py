"""Resized images from Pillow, PyTorch and a sum over two places, for tests/resize.rs.

Run: python resize.py > resize.json   (needs numpy, Pillow and PyTorch)
"""
import json

import numpy as np
import PIL
import torch
import torch.nn.functional as F
from PIL import Image

from formula import digits, levels


def bicubic(image, to):
    planes = [Image.fromarray(p.astype(np.float32)).resize(to[::-1], Image.Resampling.BICUBIC) for p in image]
    return np.stack([np.asarray(p) for p in planes])


def half_pixel(image, to):
    x = torch.tensor(image[None], dtype=torch.float32)
    return F.interpolate(x, size=to, mode="bilinear", align_corners=False)[0].numpy()


def corner(image, to):
    _, height, width = image.shape
    out = np.zeros((len(image), *to))
    for i in range(to[0]):
        for j in range(to[1]):
            y, x = i * height / to[0], j * width / to[1]
            for row in (int(y), int(y) + 1):
                for column in (int(x), int(x) + 1):
                    share = (1 - abs(y - row)) * (1 - abs(x - column))
                    out[:, i, j] += share * image[:, min(row, height - 1), min(column, width - 1)]
    return out


def main():
    cases = []
    for shape in ((2, 7, 9), (1, 28, 28), (1, 1, 5)):
        for to in ((13, 20), (5, 4), (3, 11), (7, 9)):
            image = levels(shape)
            cases.append({"shape": shape, "to": to, "bicubic": digits(bicubic(image, to)),
                          "half_pixel": digits(half_pixel(image, to)), "corner": digits(corner(image, to))})
    print(json.dumps({"made_by": f"Pillow {PIL.__version__}, torch {torch.__version__}", "cases": cases}))


if __name__ == "__main__":
    main()
