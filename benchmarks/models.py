"""The networks of the benchmarks in PyTorch, with the parameters' names of Pathline's checkpoints."""
import json
import math

import torch
from safetensors.torch import save_file
from torch import nn


def inference(call):
    """`call` as torch is quickest at it: without a record for gradients."""
    def run():
        with torch.inference_mode():
            return call()
    return run


def positions(side, width):
    """Sines and cosines of column and line, a quarter of the width each."""
    frequencies = 10000.0 ** -(torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    angles = torch.arange(side, dtype=torch.float64)[:, None] * frequencies
    one = torch.cat([angles.sin(), angles.cos()], 1)
    columns, lines = one.repeat(side, 1), one.repeat_interleave(side, 0)
    return torch.cat([columns, lines], 1).float()


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        n, t, w = x.shape
        q, k, v = self.qkv(x).view(n, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        o = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.proj(o.transpose(1, 2).reshape(n, t, w))


class Feedforward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        return self.fc2(nn.functional.gelu(self.fc1(x), approximate="tanh"))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.attn, self.mlp = Attention(width, heads), Feedforward(width)
        self.adaLN_modulation = nn.Sequential(nn.Identity(), nn.Linear(width, 6 * width))

    def forward(self, x, c):
        a, b, g, d, e, h = self.adaLN_modulation(c).unsqueeze(1).chunk(6, dim=-1)
        x = x + g * self.attn(self.norm(x) * (1 + b) + a)
        return x + h * self.mlp(self.norm(x) * (1 + e) + d)


class Transformer(nn.Module):
    """SiT's structure; samples have no class."""

    def __init__(self, shape, patch, width, depth, heads, classes=10):
        super().__init__()
        self.shape, self.patch, self.classes = shape, patch, classes
        self.x_embedder, self.t_embedder, self.y_embedder = nn.Module(), nn.Module(), nn.Module()
        self.x_embedder.proj = nn.Conv2d(shape[0], width, patch, patch)
        self.t_embedder.mlp = nn.Sequential(nn.Linear(256, width), nn.SiLU(), nn.Linear(width, width))
        self.y_embedder.embedding_table = nn.Embedding(classes + 1, width)
        self.register_buffer("positions", positions(shape[1] // patch, width), persistent=False)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.final_layer = nn.Module()
        self.final_layer.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.final_layer.adaLN_modulation = nn.Sequential(nn.Identity(), nn.Linear(width, 2 * width))
        self.final_layer.linear = nn.Linear(width, patch * patch * shape[0])
        self.config = {"kind": "dit", "shape": shape, "patch": patch, "width": width, "depth": depth,
                       "heads": heads, "classes": classes}

    def forward(self, t, x):
        w = torch.exp(-math.log(10000.0) * torch.arange(128) / 128)
        c = self.t_embedder.mlp(torch.cat([(t[:, None] * w).cos(), (t[:, None] * w).sin()], 1))
        c = c + self.y_embedder.embedding_table(torch.full((len(x),), self.classes))
        c = nn.functional.silu(c)
        h = self.x_embedder.proj(x).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            h = block(h, c)
        shift, scale = self.final_layer.adaLN_modulation(c).unsqueeze(1).chunk(2, dim=-1)
        h = self.final_layer.linear(self.final_layer.norm(h) * (1 + scale) + shift)
        (channels, height, width), p = self.shape, self.patch
        h = h.view(len(x), height // p, width // p, p, p, channels)
        return h.permute(0, 5, 1, 3, 2, 4).reshape(len(x), channels, height, width)


class Perceptron(nn.Module):
    """torchcfm's: layers of equal width, time beside the state."""

    def __init__(self, hidden, activation):
        super().__init__()
        layers, inputs = [], 3
        for width in hidden:
            layers += [nn.Linear(inputs, width), {"silu": nn.SiLU, "selu": nn.SELU}[activation]()]
            inputs = width
        self.net = nn.Sequential(*layers, nn.Linear(inputs, 2))
        self.shape = (2,)
        self.config = {"kind": "mlp", "shape": [2], "hidden": hidden, "activation": activation}

    def forward(self, t, x):
        return self.net(torch.cat([x, t[:, None]], 1))


def unet(shape, channels, multipliers, blocks, **attention):
    """torchcfm's U-Net as its examples build it."""
    from torchcfm.models.unet.unet import UNetModelWrapper
    net = UNetModelWrapper(dim=shape, num_channels=channels, num_res_blocks=blocks, channel_mult=multipliers,
                           **attention)
    net.shape = shape
    net.config = {"kind": "unet", "shape": shape, "model_channels": channels, "channel_mult": multipliers,
                  "res_blocks": blocks, "attention": list(net.attention_resolutions), "heads": net.num_heads}
    if net.num_head_channels > 0:
        net.config["head_width"] = net.num_head_channels
    return net


def save(net, path):
    """Writes a network as a checkpoint that Pathline reads. What begins as zero is first moved off it."""
    with torch.no_grad():
        for parameter in net.parameters():
            if not parameter.any():
                parameter.normal_(std=0.05)
    save_file(net.state_dict(), path, metadata={"pathline": json.dumps(net.config)})
    return path
