"""Distances from stlpips-pytorch 0.0.2 with its weights and with weights by formula, for tests/st_lpips.rs.

Run: python st_lpips.py FOLDER > st_lpips.json   (needs torchvision, Pillow and stlpips-pytorch; FOLDER holds
ex_ref.png, ex_p0.png and ex_p1.png of github:richzhang/PerceptualSimilarity)
"""
import json
import re
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from PIL import Image

from formula import levels, weights

# The package imports these and needs neither.
for name, member in (("torchsummary", "summary"), ("IPython", "embed")):
    sys.modules[name] = ModuleType(name)
    setattr(sys.modules[name], member, None)
from stlpips_pytorch import stlpips

photo = lambda name: np.asarray(Image.open(Path(sys.argv[1]) / name).convert("RGB")).transpose(2, 0, 1)
as_input = lambda x: torch.tensor(np.broadcast_to(x, (3, *x.shape[1:]))[None] / 127.5 - 1, dtype=torch.float32)
result = {"made_by": f"stlpips-pytorch 0.0.2 on torch {torch.__version__}"}
for trunk in ("alex", "vgg"):
    metric = stlpips.LPIPS(net=trunk, variant="shift_tolerant", verbose=False)
    distance = lambda a, b: float(metric(as_input(a), as_input(b)))
    with torch.inference_mode():
        result[trunk] = {
            "photos": [distance(photo("ex_ref.png"), photo(name)) for name in ("ex_p0.png", "ex_p1.png")],
            "levels": [{"shape": shape, "distance": distance(levels(shape, 0), levels(shape, 1))}
                       for shape in ((1, 28, 28), (3, 41, 58), (3, 97, 36))],
        }
        # Blurs and scaling are no weights: they stay.
        learned = lambda name: re.match(r"net\.|lin\d", name) and not name.endswith("filt")
        shapes = {n: list(t.shape) for n, t in metric.state_dict().items() if learned(n)}
        made = {n: torch.tensor(t) for n, t in weights(shapes).items()}
        metric.load_state_dict(made, strict=False)
        shape = (3, 41, 58)
        result[trunk]["formula"] = {"shapes": shapes, "shape": shape, "distance": distance(levels(shape, 0), levels(shape, 1))}
print(json.dumps(result))
