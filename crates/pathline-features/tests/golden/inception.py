"""Features of pytorch-fid's Inception-v3 with weights by formula, for tests/inception.rs.

Run: python inception.py > inception.json   (needs numpy, Pillow, torchvision and pytorch-fid)
"""
import json
from unittest import mock

import numpy as np
import torch
from pytorch_fid import inception as fid

from formula import digits, levels, weights
from resize import bicubic, half_pixel


def network():
    """The patched network and its weights' shapes; instead of the download, weights by formula."""
    shapes = {}

    def load(self, _):
        state = self.state_dict()
        shapes.update((n, list(t.shape)) for n, t in state.items() if "num_batches" not in n)
        made = {n: torch.tensor(t) for n, t in weights(shapes).items()}
        return original(self, {**state, **made})

    original = torch.nn.Module.load_state_dict
    with mock.patch.object(fid, "load_state_dict_from_url", lambda *a, **k: None):
        with mock.patch.object(torch.nn.Module, "load_state_dict", load):
            net = fid.InceptionV3(resize_input=False, normalize_input=False)
    return net.eval(), shapes


net, shapes = network()
run = lambda x: net(torch.tensor(np.asarray(x)[None], dtype=torch.float32))[0].flatten().numpy()
with torch.inference_mode():
    small, grey = levels((3, 35, 40), 1), np.repeat(levels((1, 28, 28), 2), 3, 0)
    same = run((levels((3, 299, 299)) - 128) / 128)
    result = {
        "made_by": f"pytorch-fid on torch {torch.__version__}",
        "shapes": {n: s for n, s in shapes.items() if not n.startswith("fc.")},
        "same_size": digits(same),
        "every_eighth_of": {
            "AntialiasedBicubic": digits(run((bicubic(small, (299, 299)).clip(0, 255) - 128) / 128)[::8]),
            "HalfPixelBilinear": digits(run(2 * (half_pixel(grey, (299, 299)) / 255) - 1)[::8]),
        },
    }
print(json.dumps(result))
