"""Frechet and kernel distances by torchmetrics, on the features of quality.json.

Run: python torchmetrics_quality.py > torchmetrics_quality.json   (needs torch and torchmetrics 1.9)

Its classes take any module as the network of features: here one that gives back what it gets. Kernel
distances are of equally many rows, which one subset of all of them is.
"""
import json
import pathlib

import torch
import torchmetrics
from torchmetrics.image.fid import FrechetInceptionDistance
from torchmetrics.image.kid import KernelInceptionDistance


class Same(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.num_features = width

    def forward(self, x):
        return x


def measured(metric, real, generated):
    metric.update(real, real=True)
    metric.update(generated, real=False)
    return metric.compute()


cases = []
for case in json.loads((pathlib.Path(__file__).parent / "quality.json").read_text())["cases"]:
    width = case["width"]
    generated, real = (torch.tensor(case[key], dtype=torch.float64).reshape(-1, width) for key in ("generated", "real"))
    frechet = FrechetInceptionDistance(feature=Same(width), normalize=True, input_img_size=(1, 1, 1)).set_dtype(torch.float64)
    rows = min(len(real), len(generated))
    kernel = KernelInceptionDistance(feature=Same(width), subsets=1, subset_size=rows, normalize=True).set_dtype(torch.float64)
    cases.append({
        "frechet": float(measured(frechet, real, generated)),
        "rows": rows,
        "kid": float(measured(kernel, real[:rows], generated[:rows])[0]),
    })
print(json.dumps({"versions": {"torchmetrics": torchmetrics.__version__, "torch": torch.__version__}, "cases": cases}))
