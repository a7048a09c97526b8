"""A tiny checkpoint in the layout that SiT's training script saves: dictionaries `model`, `ema`, `opt`, and
`args`, an argparse.Namespace. The weights are those of crates/pathline-nn/tests/golden/sit_tiny_patch4.safetensors;
`model` has them negated, so that taking the wrong one shows.

Run:  python crates/pathline-study/tests/golden/sit_checkpoint.py   (needs torch and safetensors)
"""
import argparse
import pathlib

import torch
from safetensors.torch import load_file

here = pathlib.Path(__file__).resolve().parent
golden = load_file(here.parent.parent.parent / "pathline-nn/tests/golden/sit_tiny_patch4.safetensors")
ema = {name.removeprefix("weight."): w for name, w in golden.items() if name.startswith("weight.")}
model = {name: w if name == "pos_embed" else -w for name, w in ema.items()}
parameters = [torch.nn.Parameter(w) for w in model.values()]
opt = torch.optim.AdamW(parameters, lr=1e-4).state_dict()
args = argparse.Namespace(model="SiT-T/4", image_size=28, num_classes=10, cfg_scale=4.0)
torch.save({"model": model, "ema": ema, "opt": opt, "args": args}, here / "sit_tiny.pt")
