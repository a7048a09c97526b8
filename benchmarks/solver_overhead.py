"""What solver, correction and diagnostics cost beside the network, at the size of Stable Diffusion 3.

Latents of 16 x 128 x 128. Pathline's time is one step of a whole run without a network: Euler's
method, kinetic trajectory shaping, energy of each sample, power curve; the field fills in a constant.
Beside it: one call of SiT-S/2 in PyTorch on the same latents (a network some sixty times smaller than
SD3's, so that the share there is smaller still), and one step of diffusers'
`FlowMatchEulerDiscreteScheduler`, which neither corrects nor measures. End points and energy are
compared with their closed forms.
"""
from common import Bench, difference, timed

bench = Bench("solver_overhead", __doc__, rounds=3, worker="bench_library")

import numpy as np  # noqa: E402 (the thread counts must be set first)
import torch  # noqa: E402
from diffusers import FlowMatchEulerDiscreteScheduler  # noqa: E402

import models  # noqa: E402

torch.set_num_threads(bench.options.threads)
SHAPE, STEPS, CONSTANT = (16, 128, 128), 40, 0.5
depth = 1 if bench.options.quick else 12
net = models.Transformer(SHAPE, 2, 384, depth, 6)
times = np.arange(STEPS) / STEPS
landing = 0.01 * np.expm1(3 * (times - 0.6) / 0.4)
gain = 1 + np.where(times < 0.6 - 1e-9, 0.01 * (1 - times / 0.6), -landing)


def diffusers_run(x):
    """STEPS steps with a velocity that costs nothing."""
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=np.linspace(1, 1 / STEPS, STEPS))
    v = torch.full_like(x, -CONSTANT)
    for timestep in scheduler.timesteps:
        x = scheduler.step(v, timestep, x).prev_sample
    return x


for batch in (1, 4):
    x = torch.randn(batch, *SHAPE, generator=torch.Generator().manual_seed(batch))
    words = "loop", STEPS, bench.write(f"x-{batch}", x.numpy()), bench.path("end")
    network = timed(models.inference(lambda: net(torch.full((batch,), 0.5), x)))
    scheduler = models.inference(lambda: diffusers_run(x))
    theirs = scheduler()
    energy = bench.ask(*words)[1]
    exact = 0.5 * np.prod(SHAPE) * (CONSTANT * gain) ** 2
    checks = {
        "end points": (difference(np.fromfile(words[-1], "<f4"), x + CONSTANT * gain.mean()), 1e-5),
        "energy": (abs(energy / exact.mean() - 1), 1e-6),
        "end points of diffusers": (difference(theirs, x + CONSTANT), 1e-5),
    }
    contestants = {
        "pathline": lambda: bench.ask(*words)[0],
        "network call": network,
        "diffusers step": lambda: timed(scheduler)() / STEPS,
    }
    bench.row(f"a step, batch {batch}", contestants, checks, {"network call": 0.01})
bench.finish("torch", "diffusers", "numpy")
