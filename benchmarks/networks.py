"""Networks forward and in training: Pathline against PyTorch (eager, and compiled on request), side by side.

Set up:  python -m venv venv && venv/bin/pip install torch numpy
Build:   cargo build --release -p pathline-nn --example bench_networks
Run:     venv/bin/python benchmarks/networks.py [--rounds 7] [--threads 2] [--compile] [ROW ...]

The same networks on both sides: a perceptron 3-256-256-256-2 (SiLU), SiT's transformer at the size of the
small model (28 x 28, patch 4, width 128, depth 6, 4 heads) and at half of SiT-S/2 (256 squares, width 384,
depth 6, 6 heads). Training is forward, mean squared error, backward and AdamW. PyTorch is given its best
operations: fused attention, fused AdamW, inference mode. In turns A B A B, each with threads of its own that
sleep while the other runs. Raw times go to benchmarks/results/networks.json.
"""
import argparse
import json
import math
import os
import pathlib
import statistics
import subprocess
import time

ROWS = {
    # row: network, work, batch, calls a round
    "mlp forward 256": ("mlp", "forward", 256, 200),
    "mlp forward 4096": ("mlp", "forward", 4096, 20),
    "mlp train 256": ("mlp", "train", 256, 50),
    "mlp train 4096": ("mlp", "train", 4096, 8),
    "small dit forward 256": ("small", "forward", 256, 3),
    "small dit train 128": ("small", "train", 128, 3),
    "dit forward 16": ("dit", "forward", 16, 2),
    "dit train 8": ("dit", "train", 8, 2),
}
parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("rows", nargs="*", choices=[[], *ROWS], default=[])
parser.add_argument("--rounds", type=int, default=7)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--compile", action="store_true", help="time torch.compile as well")
options = parser.parse_args()
for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = str(options.threads)

import torch  # noqa: E402 (the thread counts must be set first)
from torch import nn  # noqa: E402

torch.set_num_threads(options.threads)
torch.manual_seed(0)


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU("tanh"), nn.Linear(4 * width, width)
        )
        self.modulation = nn.Linear(width, 6 * width)

    def forward(self, x, c):
        a, b, g, d, e, h = self.modulation(c).unsqueeze(1).chunk(6, dim=-1)
        n, t, w = x.shape
        q, k, v = self.qkv(self.norm(x) * (1 + b) + a).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        o = nn.functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, w)
        x = x + g * self.proj(o)
        return x + h * self.mlp(self.norm(x) * (1 + e) + d)


class Transformer(nn.Module):
    def __init__(self, shape, patch, width, depth, heads):
        super().__init__()
        self.shape, self.patch = shape, patch
        channels, side = shape[0], shape[1] // patch
        self.squares = nn.Conv2d(channels, width, patch, patch)
        self.positions = nn.Parameter(torch.randn(1, side * side, width), requires_grad=False)
        self.time = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(11, width)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.modulation = nn.Linear(width, 2 * width)
        self.last = nn.Linear(width, patch * patch * channels)

    def forward(self, t, x):
        w = torch.exp(-math.log(10000.0) * torch.arange(128) / 128)
        c = self.time(torch.cat([(t[:, None] * w).cos(), (t[:, None] * w).sin()], 1))
        c = nn.functional.silu(c + self.label(torch.full((len(x),), 10)))
        h = self.squares(x).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            h = block(h, c)
        shift, scale = self.modulation(c).unsqueeze(1).chunk(2, dim=-1)
        h = self.last(self.norm(h) * (1 + scale) + shift)
        (channels, height, width), p = self.shape, self.patch
        h = h.view(len(x), height // p, width // p, p, p, channels)
        return h.permute(0, 5, 1, 3, 2, 4).reshape(len(x), channels, height, width)


class Perceptron(nn.Module):
    def __init__(self):
        super().__init__()
        layers = [nn.Linear(3, 256), nn.SiLU(), nn.Linear(256, 256), nn.SiLU()]
        self.net = nn.Sequential(*layers, nn.Linear(256, 256), nn.SiLU(), nn.Linear(256, 2))

    def forward(self, t, x):
        return self.net(torch.cat([x, t[:, None]], 1))


BUILD = {
    "small": ((1, 28, 28), lambda: Transformer((1, 28, 28), 4, 128, 6, 4)),
    "dit": ((4, 32, 32), lambda: Transformer((4, 32, 32), 2, 384, 6, 6)),
    "mlp": ((2,), Perceptron),
}


def torch_worker(kind, work, batch, compiled):
    shape, build = BUILD[kind]
    net = build()
    parameters = [p for p in net.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0, fused=True)
    x, t = torch.randn(batch, *shape), torch.rand(batch)
    if compiled:
        net = torch.compile(net)

    def train():
        optimiser.zero_grad(set_to_none=True)
        nn.functional.mse_loss(net(t, x), x).backward()
        optimiser.step()

    def forward():
        with torch.inference_mode():
            net(t, x)

    call = train if work == "train" else forward
    for _ in range(3 if compiled else 1):
        call()

    def timed(calls):
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - start) * 1e3 / calls

    return timed


root = pathlib.Path(__file__).resolve().parent.parent
program = root / "target/release/examples/bench_networks"
child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def pathline_worker(kind, work, batch):
    def timed(calls):
        child.stdin.write(f"{kind} {work} {batch} {calls}\n")
        child.stdin.flush()
        return float(child.stdout.readline().split()[0])

    return timed


load, raw = os.getloadavg()[0], {}
for row in options.rows or ROWS:
    kind, work, batch, calls = ROWS[row]
    runs = {"pathline": pathline_worker(kind, work, batch), "torch": torch_worker(kind, work, batch, False)}
    if options.compile:
        runs["torch compiled"] = torch_worker(kind, work, batch, True)
    times = {name: [] for name in runs}
    for r in range(options.rounds):
        for name in list(runs) if r % 2 == 0 else reversed(list(runs)):
            time.sleep(0.25)  # torch's threads spin a while after their work
            times[name].append(runs[name](calls))
    raw[row] = times
    line = f"{row:24}"
    for name, values in times.items():
        ratios = [a / b for a, b in zip(times["pathline"], values)]
        line += f" | {name} {statistics.median(values):9.3f} ms"
        if name != "pathline":
            line += f", ratio {statistics.median(ratios):.3f} [{min(ratios):.2f}, {max(ratios):.2f}]"
    print(line, flush=True)
child.stdin.close()
result = {
    "threads": options.threads,
    "load_at_start": load,
    "torch": torch.__version__,
    "milliseconds": raw,
}
path = root / "benchmarks/results/networks.json"
path.parent.mkdir(exist_ok=True)
path.write_text(json.dumps(result, indent=1) + "\n")
