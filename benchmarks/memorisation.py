"""The two nearest training images of each query, as memorisation needs them: Pathline against
scikit-learn, faiss and torch.

Fashion-MNIST (queries: noisy training images, as samples of a model are) where it is there, else
random values. scikit-learn: brute force on float32; faiss: IndexFlatL2; torch: products and top-k in
chunks. All indices are ready built. Indices are compared, and distances, which Pathline gives exactly.
"""
from common import Bench, difference, timed

bench = Bench("memorisation", __doc__, rounds=3, worker="bench_library")

import faiss  # noqa: E402 (the thread counts must be set first)
import numpy as np  # noqa: E402
import torch  # noqa: E402
from sklearn.neighbors import NearestNeighbors  # noqa: E402

from inputs import fashion_mnist  # noqa: E402

torch.set_num_threads(bench.options.threads)
faiss.omp_set_num_threads(bench.options.threads)
n, queries, d = (2000, 200, 784) if bench.options.quick else (60_000, 10_000, 784)
rng = np.random.default_rng(0)
data = fashion_mnist(n)
if data is None:
    data = rng.normal(size=(n, d)).astype(np.float32)
x = (data[rng.integers(n, size=queries)] + 0.3 * rng.normal(size=(queries, d))).astype(np.float32)
words = "nearest", d, bench.write("data", data), bench.write("x", x), bench.path("out")
brute = NearestNeighbors(n_neighbors=2, algorithm="brute", n_jobs=bench.options.threads).fit(data)
flat = faiss.IndexFlatL2(d)
flat.add(data)
tensor, rows = torch.from_numpy(data), torch.from_numpy(x)
norms = (tensor**2).sum(1)


def chunked():
    with torch.inference_mode():
        parts = [torch.addmm(norms, q, tensor.T, alpha=-2).topk(2, largest=False) for q in rows.split(256)]
        squares = torch.cat([part.values for part in parts]) + (rows**2).sum(1, keepdim=True)
        return squares.clamp_(min=0).sqrt_().numpy(), torch.cat([part.indices for part in parts]).numpy()


def by_faiss():
    squares, indices = flat.search(x, 2)
    return np.sqrt(np.maximum(squares, 0)), indices


peers = {"scikit-learn": lambda: brute.kneighbors(x), "faiss": by_faiss, "torch": chunked}
bench.ask(*words)
ours = np.fromfile(bench.path("out"), "<f4").reshape(2, queries, 2)
checks = {}
for who, search in peers.items():
    distances, indices = search()
    # Rows at the same distance (copies, or as near as rounding tells) may come in either order.
    apart = ours[1, :, 1] - ours[1, :, 0] > 1e-3 * ours[1, :, 1]
    checks[f"distances of {who}"] = difference(ours[1], distances), 1e-3
    checks[f"share of other nearest rows of {who}"] = float((ours[0, :, 0] != indices[:, 0])[apart].mean()), 0
contestants = {"pathline": lambda: bench.ask(*words)[0], **{who: timed(search) for who, search in peers.items()}}
aims = {"scikit-learn": 0.5, "faiss": 1.0}
bench.row(f"{queries} queries, {n} rows, {d}-d", contestants, checks, aims)
bench.finish("numpy", "scikit-learn", "faiss-cpu", "torch")
