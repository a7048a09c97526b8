"""Inputs that are not part of the repository."""
import gzip
import os
import pathlib
import sys

import numpy as np

from common import ROOT

FASHION_MNIST = pathlib.Path("/usr/share/datasets/fashion-mnist")


def shared(name):
    """A folder of test data that is not part of the repository, or None, said loudly."""
    folder = pathlib.Path(os.environ.get("PATHLINE_SHARED", ROOT.parent / "shared")) / name
    if not folder.exists():
        print(f"SKIPPED: {folder} is missing; set PATHLINE_SHARED", file=sys.stderr)
        return None
    return folder


def fashion_mnist(rows):
    """Training images as rows in [-1, 1], or None, said loudly, where there are none."""
    path = FASHION_MNIST / "train-images-idx3-ubyte.gz"
    if not path.exists():
        print(f"SKIPPED: {path} is missing; random values instead", file=sys.stderr)
        return None
    levels = np.frombuffer(gzip.decompress(path.read_bytes())[16:], np.uint8).reshape(-1, 784)
    return levels[:rows].astype(np.float32) / np.float32(127.5) - 1
