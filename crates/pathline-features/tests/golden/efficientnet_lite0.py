"""Features and class scores of EfficientNet-Lite0 as crates/pathline-study/assets/second_opinion.py defines it, with
its real weights and with weights by formula, for tests/efficientnet_lite0.rs.

Run: python efficientnet_lite0.py > efficientnet_lite0.json   (needs what second_opinion.py needs)
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch

from formula import digits, levels, weights

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "pathline-study/assets"))
import second_opinion as study

IMAGES = [(1, 28, 28), (3, 33, 40), (3, 250, 300)]


def seen(net):
    found = []
    for which, shape in enumerate(IMAGES):
        features, scores = net(study.prepared(levels(shape, which)[None]))
        found.append({"shape": shape, "features": digits(features[0], 6), "every_tenth_score": digits(scores[0][::10], 6)})
    return found


net = study.Lite0()
real = seen(net)
shapes = {n: list(t.shape) for n, t in net.weights.items() if "num_batches" not in n}
net.weights = {n: torch.tensor(t) for n, t in weights(shapes).items()}
net.folded = {}
# One image is enough for the graph.
IMAGES = IMAGES[1:2]
formula = seen(net)
print(json.dumps({"made_by": f"torch {torch.__version__}", "sha256": study.WEIGHTS, "real": real, "shapes": shapes, "formula": formula}))
