"""Largest resident memory of a sampling job: the binary against Python with torch.

64 images of the embedded Fashion-MNIST model, 20 steps, all at once. The peer loads the same weights
and imports as little as it can; the images are compared.
"""
from common import Bench
from process import commands, run

bench = Bench("peak_memory", __doc__, rounds=3)
jobs, checks = commands(bench, count=64, steps=20)
contestants = {who: lambda job=job: run(job)[1] for who, job in jobs.items()}
bench.row("64 images", contestants, checks, {"torch": 0.3}, unit="MiB")
bench.finish("torch", "diffusers", "safetensors", "numpy")
