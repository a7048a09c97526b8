"""Outputs and gradients of torchcfm's UNetModel, for tests/unet.rs.

Run with torch, numpy and torchcfm 1.0.7 importable:

    python unet.py

Weights and states come from a hash that the test knows too, so that the file holds results only: the
outputs, and of each parameter's gradient its largest entry and up to 128 entries, evenly spread.
No weight is left at zero, where torchcfm begins with some.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch
from torchcfm.models.unet.unet import UNetModel

CASES = {
    "labelled": dict(
        shape=(3, 6, 10),
        model=dict(model_channels=64, num_res_blocks=1, attention_resolutions=(2,), channel_mult=(1, 2), num_heads=2,
                   num_classes=4),
    ),
    "deep": dict(
        shape=(1, 8, 12),
        model=dict(model_channels=32, num_res_blocks=2, attention_resolutions=(1, 4), channel_mult=(1, 2, 1),
                   num_head_channels=16),
    ),
}
SAMPLES = 4
ENTRIES = 128


def hashed(count, tag):
    """Numbers in [-1, 1), the same in any language with 32-bit integers."""
    x = np.arange(count, dtype=np.uint64) * 0x9E3779B9 + tag * 0x85EBCA6B & 0xFFFFFFFF
    for shift, factor in [(16, 0x21F0AAAD), (15, 0x735A2D97)]:
        x ^= x >> np.uint64(shift)
        x = x * np.uint64(factor) & np.uint64(0xFFFFFFFF)
    x ^= x >> np.uint64(15)
    return (x >> np.uint64(8)).astype(np.float32) / np.float32(2**23) - np.float32(1)


def weights(model):
    """Parameter i, by name, is hashed with tag i; matrices scaled by sqrt(3 / inputs)."""
    state = {}
    for tag, (name, value) in enumerate(sorted(model.state_dict().items())):
        values = hashed(value.numel(), tag).reshape(value.shape)
        if value.dim() > 1:
            values = values * np.float32(np.sqrt(3 / (value.numel() // value.shape[0])))
        elif ".norm." in name or ".0." in name and name.endswith("weight"):
            values = 1 + np.float32(0.25) * values
        state[name] = torch.from_numpy(values)
    return state


def run(shape, model):
    net = UNetModel(image_size=shape[1], in_channels=shape[0], out_channels=shape[0],
                    dropout=0, **model)
    net.load_state_dict(weights(net))
    size = (SAMPLES, *shape)
    x = torch.from_numpy(hashed(np.prod(size), 1000).reshape(size) * np.float32(2))
    cotangent = torch.from_numpy(hashed(np.prod(size), 1001).reshape(size))
    t = torch.from_numpy(hashed(SAMPLES, 1002) / np.float32(2) + np.float32(0.5))
    y = torch.arange(SAMPLES) * 3 % 4 if "num_classes" in model else None
    out = net(t, x, y)
    (out * cotangent).sum().backward()
    yield "out", out.detach().numpy()
    for name, parameter in net.named_parameters():
        gradient = parameter.grad.numpy().ravel()
        step = -(-len(gradient) // ENTRIES)
        yield f"largest.{name}", np.abs(gradient).max(keepdims=True)
        yield f"gradient.{name}", gradient[::step]


def write(path, tensors):
    header, blob = {}, b""
    for name, values in tensors.items():
        data = np.ascontiguousarray(values, dtype="<f4").tobytes()
        header[name] = dict(dtype="F32", shape=list(values.shape),
                            data_offsets=[len(blob), len(blob) + len(data)])
        blob += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + blob)


if __name__ == "__main__":
    torch.set_default_dtype(torch.float32)
    results = {f"{case}.{name}": values for case, given in CASES.items()
               for name, values in run(**given)}
    write(Path(__file__).with_suffix(".safetensors"), results)
