"""What `pathline sample MODEL` does, in PyTorch: a process of its own for cold_start.py and
peak_memory.py.

    torch_job.py MODEL START OUT STEPS THREADS [--diffusers]

Loads the embedded model's checkpoint, follows it from the states in START by Euler's method and
writes the end to OUT (.npy). With --diffusers the steps are those of its `FlowMatchEulerDiscreteScheduler`,
the least that diffusers can be asked to do. No more is imported than is needed.
"""
import sys

import numpy as np
import torch
from safetensors.torch import load_file

from models import Transformer

model, start, out, steps, threads = sys.argv[1:6]
steps = int(steps)
torch.set_num_threads(int(threads))
net = Transformer((1, 28, 28), 4, 128, 6, 4)
net.load_state_dict({name: value.float() for name, value in load_file(model).items()})
x = torch.from_numpy(np.load(start))
with torch.inference_mode():
    if "--diffusers" in sys.argv:
        from diffusers import FlowMatchEulerDiscreteScheduler

        scheduler = FlowMatchEulerDiscreteScheduler()
        scheduler.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps))
        for timestep in scheduler.timesteps:
            t = 1 - timestep / 1000  # its clock runs from 1000 at the noise, its velocity away from the data
            x = scheduler.step(-net(t.expand(len(x)).float(), x), timestep, x).prev_sample
    else:
        for i in range(steps):
            x = x + net(torch.full((len(x),), i / steps), x) / steps
np.save(out, x.numpy())
