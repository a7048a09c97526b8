"""From nothing to the first image: a fresh process of the binary against Python with torch and diffusers.

One image of the embedded Fashion-MNIST model, 20 steps, written to a file; the time is that of the
whole process. All files are in the operating system's memory already. The peer loads the same weights
and imports as little as it can; the images are compared.
"""
from common import Bench
from process import commands, run

bench = Bench("cold_start", __doc__, rounds=5)
jobs, checks = commands(bench, count=1, steps=20)
contestants = {who: lambda job=job: run(job)[0] for who, job in jobs.items()}
bench.row("one image", contestants, checks, {"torch and diffusers": 0.05})
bench.finish("torch", "diffusers", "safetensors", "numpy")
