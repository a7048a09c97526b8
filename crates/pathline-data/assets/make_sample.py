"""Makes the embedded Fashion-MNIST sample from the four files of the data set.

    python3 make_sample.py FOLDER_WITH_THE_SOURCE_FILES

Deterministic: the first images of each class in file order, interleaved so that image i has label
i % 10 and every prefix is balanced. 200 a class of the training set, 50 a class of the test set.
"""

import gzip
import hashlib
import pathlib
import struct
import sys

# SHA-256 of the unpacked files: distributions pack the same content anew (the Debian package
# dataset-fashion-mnist 0.0~git20200523.55506a9-1 was used).
SOURCES = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def unpacked(path):
    content = gzip.decompress(path.read_bytes())
    found = hashlib.sha256(content).hexdigest()
    if found != SOURCES[path.name]:
        sys.exit(f"{path}: sha256 {found}, expected {SOURCES[path.name]}")
    return content


def write(name, payload):
    # No name and no time in the header: the same bytes on every run.
    with open(name, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as out:
        out.write(payload)


def sample(source, prefix, name, per_class, here):
    images = unpacked(source / f"{prefix}-images-idx3-ubyte.gz")
    labels = unpacked(source / f"{prefix}-labels-idx1-ubyte.gz")[8:]
    rows = [[i for i, label in enumerate(labels) if label == c][:per_class] for c in range(10)]
    order = [rows[i % 10][i // 10] for i in range(10 * per_class)]
    header = struct.pack(">IIII", 2051, len(order), 28, 28)
    pixels = b"".join(images[16 + 784 * i : 16 + 784 * (i + 1)] for i in order)
    write(here / f"fashion-mnist-{name}-images.idx.gz", header + pixels)
    header = struct.pack(">II", 2049, len(order))
    write(here / f"fashion-mnist-{name}-labels.idx.gz", header + bytes(labels[i] for i in order))


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    here = pathlib.Path(__file__).parent
    sample(folder, "train", "train", 200, here)
    sample(folder, "t10k", "test", 50, here)
