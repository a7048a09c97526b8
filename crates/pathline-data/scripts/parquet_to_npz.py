"""Images in Parquet files, as data sets are published, turned into the .npz that Pathline reads.

    pip install numpy pillow pyarrow
    python parquet_to_npz.py train-00000-of-00001.parquet cifar10.npz
    pathline train cifar10.npz --network dit --out run

Takes a column of encoded images (`img` or `image`, each a struct with `bytes`) and, where there is one, a column of
classes (`label` or `labels`). Writes `images`, levels `[n, height, width, 3]`, and `labels`. Several inputs are joined.
"""

import io
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

if len(sys.argv) < 3 or not sys.argv[-1].endswith(".npz"):
    sys.exit("usage: parquet_to_npz.py IN.parquet [MORE.parquet ...] OUT.npz")
table = pa.concat_tables(pq.read_table(path) for path in sys.argv[1:-1])


def column(*names):
    return next((table[name] for name in names if name in table.column_names), None)


pictures, classes = column("img", "image"), column("label", "labels")
if pictures is None:
    sys.exit(f"no column `img` or `image` among {table.column_names}")
images = [np.asarray(Image.open(io.BytesIO(p["bytes"])).convert("RGB")) for p in pictures.to_pylist()]
if len({image.shape for image in images}) != 1:
    sys.exit("images of several sizes: bring them to one size first")
labels = {} if classes is None else {"labels": classes.to_numpy().astype(np.int64)}
np.savez(sys.argv[-1], images=np.stack(images), **labels)
print(f"{len(images)} images of {images[0].shape}")
