"""Exact posterior velocity of a data set: Pathline's empirical field against torch.

torch gets its best formulation: one product whose bias is the norms (`addmm`), softmax, one product,
in inference mode, in the fastest of three chunk sizes, with denormal numbers flushed to zero. Both
sides have prepared the norms of the data beforehand. At t = 0.02 all data count; at t = 0.9 few do.
Velocities are compared with each other, and those of 32 states with a sum in double precision.
"""
from common import Bench, difference, timed

ROWS = {  # d, data, queries, t, real images
    "784-d, t = 0.02": (784, 10_000, 1024, 0.02, True),
    "784-d, t = 0.5": (784, 10_000, 1024, 0.5, True),
    "784-d, t = 0.9": (784, 10_000, 1024, 0.9, True),
    "3072-d, t = 0.02": (3072, 10_000, 1024, 0.02, False),
    "3072-d, t = 0.9": (3072, 10_000, 1024, 0.9, False),
    "2-d, t = 0.5": (2, 1024, 4096, 0.5, False),
}
bench = Bench("empirical_field", __doc__, rounds=7, worker="bench_library", rows=ROWS, compiles=True)

import numpy as np  # noqa: E402 (the thread counts must be set first)
import torch  # noqa: E402

from inputs import fashion_mnist  # noqa: E402

torch.set_num_threads(bench.options.threads)
torch.set_flush_denormal(True)


def velocity(x, data, half_norms, t):
    """(D - x) / (1 - t), with D the posterior mean; `half_norms` is |x_i|^2 / 2."""
    precision = 1 / (1 - t) ** 2
    logits = torch.addmm(half_norms, x, data.T, beta=-t * t * precision, alpha=t * precision)
    return torch.softmax(logits, 1).mm(data).sub_(x).div_(1 - t)


def peer(compute, x, data, t):
    half_norms = (data.double() ** 2).sum(1).float() / 2

    def run(chunk):
        with torch.inference_mode():
            return torch.cat([compute(part, data, half_norms, t) for part in x.split(chunk)])

    run(256)
    best = min((128, 256, 1024), key=lambda chunk: min(timed(lambda: run(chunk))() for _ in range(3)))
    return lambda: run(best)


for row, (d, n, queries, t, images) in bench.wanted(ROWS).items():
    if bench.options.quick:
        n, queries = 500, 128
    rng = np.random.default_rng(d)
    data = fashion_mnist(n) if images else None
    if data is None:
        data = rng.normal(size=(n, d)).astype(np.float32)
    x = (t * data[rng.integers(n, size=queries)] + (1 - t) * rng.normal(size=(queries, d))).astype(np.float32)
    out = bench.path("velocity")
    words = "empirical", d, t, bench.write(f"data-{d}", data), bench.write(f"x-{d}-{t}", x), out
    tensors = torch.from_numpy(x), torch.from_numpy(data), t
    theirs = peer(velocity, *tensors)
    contestants = {"pathline": lambda: bench.ask(*words)[0], "torch": timed(theirs)}
    compiled = None
    if bench.options.compile:
        compiled = peer(torch.compile(velocity, dynamic=False), *tensors)
        contestants["torch compiled"] = timed(compiled)
    bench.ask(*words)
    ours = np.fromfile(out, "<f4").reshape(queries, d)
    x, data = (part.double() for part in (tensors[0][:32], tensors[1]))
    exact = velocity(x, data, (data**2).sum(1) / 2, t)
    checks = {
        "from torch": (difference(ours, theirs()), 1e-2),
        "from double precision": (difference(ours[:32], exact), 1e-4),
    }
    if compiled:
        checks["torch compiled beside torch"] = difference(compiled(), theirs()), 1e-3
    aims = {peer: 0.4 for peer in contestants if peer != "pathline" and d > 2}
    bench.row(row, contestants, checks, aims)
bench.finish("torch", "numpy")
