"""Weights and images that need no file: tests/common/mod.rs makes the same ones."""
import numpy as np


def uniform(count, tag):
    """`count` numbers in [-1, 1), exact in single precision, from a hash of 32 bits."""
    h = np.arange(count, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(tag * 2246822519 % 2**32)
    for _ in range(2):
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x45D9F3B)
    h ^= h >> np.uint32(16)
    return (h >> np.uint32(8)).astype(np.float64) / 2**23 - 1


def weights(shapes):
    """Tensors of these names and shapes, numbered in the order of their names."""
    made = {}
    for tag, name in enumerate(sorted(shapes)):
        shape = shapes[name]
        u = uniform(int(np.prod(shape)), tag)
        if name.endswith("running_var"):
            u = 1 + 0.3 * u
        elif name.endswith(("running_mean", "bias")):
            u = 0.1 * u
        elif len(shape) == 1:
            u = 1 + 0.2 * u
        else:
            u = u * np.sqrt(6 / np.prod(shape[1:]))
        made[name] = u.astype(np.float32).reshape(shape)
    return made


def levels(shape, which=0):
    """An image `[c, h, w]` of whole levels 0 to 255."""
    c, y, x = np.meshgrid(*map(np.arange, shape), indexing="ij")
    return ((3 + c) * x + 5 * y + x * y // 7 + 40 * which) % 256


def digits(values, count=7):
    return [float(f"{v:.{count}g}") for v in np.asarray(values, np.float64).ravel()]
