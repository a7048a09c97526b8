"""Sampling a perceptron on points of the plane: Pathline against torchdyn, torchdiffeq and plain torch.

torchcfm's published minibatch-OT network of 8 Gaussians to moons (3-64-64-64-2, SELU), 100 steps of
Euler's method, 4096 samples. torchdyn's `NeuralODE` is used as torchcfm's examples use it, but in
inference mode; the plain loop is the strongest that torch offers without compiling. End points are
compared. Needs the checkpoints in the folder named by PATHLINE_SHARED.
"""
import sys

from common import Bench, difference, timed

bench = Bench("sampling_2d", __doc__, rounds=9, worker="bench_networks", compiles=True)

import numpy as np  # noqa: E402 (the thread counts must be set first)
import torch  # noqa: E402
from torchcfm.utils import torch_wrapper  # noqa: E402
from torchdiffeq import odeint  # noqa: E402
from torchdyn.core import NeuralODE  # noqa: E402

import models  # noqa: E402
from inputs import shared  # noqa: E402

folder = shared("data/torchcfm-2d")
if folder is None:
    sys.exit(0)

torch.set_num_threads(bench.options.threads)
STEPS, BATCH = (10, 256) if bench.options.quick else (100, 4096)
published = torch.load(folder / "8gaussian-moons__otcfm_v1.pt", weights_only=False, map_location="cpu")
net = models.Perceptron([64] * 3, "selu")
net.load_state_dict(published.state_dict())
x = 2.0 * torch.randn(BATCH, 2, generator=torch.Generator().manual_seed(0))
grid = torch.linspace(0, 1, STEPS + 1)
words = ("sample", models.save(net, bench.path("net.safetensors")), BATCH, STEPS, bench.write("x", x.numpy()),
         bench.path("out"))
node = NeuralODE(torch_wrapper(published), solver="euler", sensitivity="adjoint")


def loop(network, x):
    for t in grid[:-1]:
        x = x + network(torch.cat([x, t.expand(len(x), 1)], 1)) / STEPS
    return x


peers = {
    "torchdyn": models.inference(lambda: node.trajectory(x, t_span=grid)[-1]),
    "torchdiffeq": models.inference(lambda: odeint(torch_wrapper(published), x, grid, method="euler")[-1]),
    "torch": models.inference(lambda: loop(published.net, x)),
}
if bench.options.compile:
    compiled = torch.compile(published.net)
    peers["torch compiled"] = models.inference(lambda: loop(compiled, x))
bench.ask(*words)
ours = np.fromfile(words[-1], "<f4")
checks = {f"end points of {who}": (difference(ours, sample()), 1e-4) for who, sample in peers.items()}
contestants = {"pathline": lambda: bench.ask(*words)[0], **{who: timed(sample) for who, sample in peers.items()}}
bench.row(f"{STEPS} steps, {BATCH} samples", contestants, checks, {"torchdyn": 0.4, "torch": 0.4})
bench.finish("torch", "torchcfm", "torchdyn", "torchdiffeq")
