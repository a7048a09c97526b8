"""Networks forward and in training: Pathline against PyTorch, eager and (on request) compiled.

The same weights on both sides: a perceptron 3-256-256-256-2 (SiLU); SiT's transformer at the size of
the embedded model (28 x 28, patch 4, width 128, depth 6, 4 heads) and at half of SiT-S/2 (256 squares,
width 384, depth 6, 6 heads); torchcfm's U-Nets of its MNIST and CIFAR-10 examples (without dropout).
Training is forward, mean squared error, backward and AdamW. PyTorch is given its best operations:
fused attention, fused AdamW, inference mode, for U-Nets the faster of two memory layouts. Compared are outputs, and losses after four updates.
In the rows with bf16 products multiply in it on both sides (`--precision bf16`, `torch.autocast`).
"""
from common import Bench, difference, timed

ROWS = {  # network, work, batch, calls a round, largest ratio aimed at
    "mlp forward 256": ("mlp", "forward", 256, 200, None),
    "mlp forward 4096": ("mlp", "forward", 4096, 20, None),
    "mlp train 256": ("mlp", "train", 256, 50, 0.5),
    "mlp train 4096": ("mlp", "train", 4096, 8, 0.6),
    "small dit forward 256": ("small dit", "forward", 256, 2, 0.85),
    "small dit train 128": ("small dit", "train", 128, 2, 0.95),
    "dit forward 16": ("dit", "forward", 16, 2, 0.85),
    "dit train 8": ("dit", "train", 8, 2, 0.95),
    "small unet forward 64": ("small unet", "forward", 64, 3, 0.9),
    "small unet train 16": ("small unet", "train", 16, 3, 1.0),
    "small unet train 64": ("small unet", "train", 64, 1, 1.0),
    "small dit forward 256 bf16": ("small dit", "forward-bf16", 256, 2, None),
    "small dit train 128 bf16": ("small dit", "train-bf16", 128, 2, None),
    "small unet forward 64 bf16": ("small unet", "forward-bf16", 64, 3, None),
    "small unet train 64 bf16": ("small unet", "train-bf16", 64, 1, None),
    "unet forward 8": ("unet", "forward", 8, 1, 0.9),
    "unet train 4": ("unet", "train", 4, 1, 1.0),
}
bench = Bench("networks", __doc__, rounds=7, worker="bench_networks", rows=ROWS, compiles=True)

import numpy as np  # noqa: E402 (the thread counts must be set first)
import torch  # noqa: E402
from torch import nn  # noqa: E402

import models  # noqa: E402

torch.set_num_threads(bench.options.threads)
BUILD = {
    "mlp": lambda: models.Perceptron([256] * 3, "silu"),
    "small dit": lambda: models.Transformer((1, 28, 28), 4, 128, 6, 4),
    "dit": lambda: models.Transformer((4, 32, 32), 2, 384, 6, 6),
    "small unet": lambda: models.unet((1, 28, 28), 32, (1, 2, 2), 1),
    "unet": lambda: models.unet((3, 32, 32), 128, (1, 2, 2, 2), 2, attention_resolutions="16",
                                num_heads=4, num_head_channels=64),
}


class Peer:
    """The network in torch, from Pathline's checkpoint."""

    def __init__(self, net, work, x, compiled=False, layout=torch.contiguous_format):
        if layout is torch.channels_last:
            net, x = net.to(memory_format=layout), x.to(memory_format=layout)
        self.x, self.t = x, (torch.arange(len(x)) + 0.5) / len(x)
        self.optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.0, fused=True)
        self.net = torch.compile(net) if compiled else net
        self.rounded = work.endswith("bf16")
        self.call = self.train if work.startswith("train") else self.forward

    def run(self):
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.rounded):
            return self.net(self.t, self.x).float()

    def train(self):
        self.optimiser.zero_grad(set_to_none=True)
        loss = nn.functional.mse_loss(self.run(), self.x)
        loss.backward()
        self.optimiser.step()
        return loss.item()

    def forward(self):
        with torch.inference_mode():
            return self.run()


def build(kind, path=None):
    """The same fresh network every time; writes its checkpoint if `path` is given."""
    torch.manual_seed(0)
    net = BUILD[kind]()
    models.save(net, path or bench.path("again.safetensors"))
    return net


def in_best_layout(kind, work, x, calls, compiled=False):
    """The peer; of a U-Net, in the memory layout that is the faster of two here."""
    if not kind.endswith("unet"):
        return Peer(build(kind), work, x, compiled)
    tried = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        call = Peer(build(kind), work, x, compiled, layout).call
        for _ in range(3 if compiled else 1):
            call()
        tried[layout] = min(timed(call, calls)() for _ in range(2))
    return Peer(build(kind), work, x, compiled, min(tried, key=tried.get))


for row, (kind, work, batch, calls, aim) in bench.wanted(ROWS).items():
    if bench.options.quick:
        batch, calls = min(batch, 2), 1
    model = bench.path(f"{kind.replace(' ', '-')}.safetensors")
    net = build(kind, model)
    x = torch.randn(batch, *net.shape, generator=torch.Generator().manual_seed(1))
    words = work, model, batch
    files = bench.write(row.replace(" ", "-"), x.numpy()), bench.path("out")
    eager = in_best_layout(kind, work, x, calls)
    training, rounded = work.startswith("train"), work.endswith("bf16")
    updates = 5 if training else 1
    value = bench.ask(*words, updates, *files)[1]
    for _ in range(updates):
        result = eager.call()
    if training:
        checks = {"loss after four updates": (abs(value / result - 1), 3e-2 if rounded else 1e-3)}
    else:
        checks = {"output": (difference(np.fromfile(files[1], "<f4"), result), 5e-2 if rounded else 1e-5)}
    contestants = {"pathline": lambda: bench.ask(*words, calls, *files)[0], "torch": timed(eager.call, calls)}
    if bench.options.compile:
        compiled = in_best_layout(kind, work, x, calls, compiled=True)
        for _ in range(updates):
            again = compiled.call()
        # Inductor's own ways of rounding are allowed for.
        if training:
            apart = abs(again / float(result) - 1), 3e-2 if rounded else 1e-3
        else:
            apart = difference(again.numpy().ravel(), result), 5e-2 if rounded else 1e-4
        checks["torch compiled beside torch"] = apart
        for _ in range(2):
            compiled.call()
        contestants["torch compiled"] = timed(compiled.call, calls)
    aims = {peer: aim for peer in contestants if peer != "pathline"} if aim else {}
    if kind.endswith("unet"):
        aims.pop("torch compiled", None)
    bench.row(row, contestants, checks, aims)
bench.finish("torch", "torchcfm")
