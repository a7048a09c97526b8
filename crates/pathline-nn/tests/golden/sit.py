"""Outputs and gradients of SiT's network on random weights, for tests/dit.rs.

SiT's file is not kept here: put it beside this script (or anywhere on PYTHONPATH) as `models.py` first. It needs
torch and timm; this script needs safetensors too.

    curl -O https://raw.githubusercontent.com/willisma/SiT/a87098c365412edfa6c27946b8252fe27a9dec73/models.py
    python sit.py --check         # is what the files here hold what SiT gives for their weights and inputs?
    python sit.py --out FOLDER    # files of the same layout, from the weights and inputs of a seed

The files here are older than this script, and their seed was not kept: `--check` is what vouches for them.
It prints the largest difference of each kind, relative to the largest entry of that tensor, and fails above 1e-5.
Weights are normal with deviation 0.3 / sqrt(last extent), biases with 0.1; positions are SiT's own.
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

HERE = Path(__file__).resolve().parent
SEED = 0
LIMIT = 1e-5
SHARED = dict(depth=2, mlp_ratio=4.0, num_classes=10)
CASES = {
    2: (3, dict(input_size=8, patch_size=2, in_channels=4, hidden_size=32, num_heads=4, learn_sigma=True)),
    4: (2, dict(input_size=28, patch_size=4, in_channels=1, hidden_size=24, num_heads=3, learn_sigma=False)),
}
NOTE = "SiT (willisma/SiT, MIT) run on random weights; f32; loss for the gradients = sum(out*cotangent)"


def results(config, given):
    """What SiT gives for weights and inputs: `out`, every gradient, the guided output, and its own positions."""
    from models import SiT

    net = SiT(**config)
    # eval(): labels are not dropped at random.
    net.eval()
    own = {"weight.pos_embed": net.pos_embed.detach().clone()}
    net.load_state_dict({name.removeprefix("weight."): value for name, value in given.items()
                         if name.startswith("weight.")})
    x, t, y = given["x"].clone().requires_grad_(), given["t"], given["y"].long()
    out = net(x, t, y)
    (out * given["cotangent"]).sum().backward()
    found = {f"grad.{name}": p.grad for name, p in net.named_parameters() if p.requires_grad}
    twice, null = torch.cat([x, x]).detach(), torch.full_like(y, config["num_classes"])
    with torch.no_grad():
        guided = net.forward_with_cfg(twice, torch.cat([t, t]), torch.cat([y, null]), 4.0)
    return own | found | {"grad_x": x.grad, "out": out.detach(), "out_cfg4_first3": guided}


def drawn(config, samples):
    """Weights and inputs of the seed."""
    from models import SiT

    torch.manual_seed(SEED)
    given = {}
    for name, value in SiT(**config).state_dict().items():
        scale = 0.3 / value.shape[-1] ** 0.5 if value.dim() > 1 else 0.1
        given[f"weight.{name}"] = value if name == "pos_embed" else scale * torch.randn(value.shape)
    size = (samples, config["in_channels"], config["input_size"], config["input_size"])
    labels = torch.randint(0, config["num_classes"] + 1, (samples,), dtype=torch.int32)
    return given | {"x": torch.randn(size), "t": torch.rand(samples), "y": labels, "cotangent": torch.randn(size)}


def write(folder):
    for patch, (samples, case) in CASES.items():
        config = case | SHARED
        given = drawn(config, samples)
        tensors = {name: value.contiguous() for name, value in (given | results(config, given)).items()}
        path = folder / f"sit_tiny_patch{patch}.safetensors"
        save_file(tensors, path, metadata={"config": json.dumps(config), "note": NOTE})
        print(f"{path}: {path.stat().st_size} bytes")


def check(folder):
    """Whether every result in the files is SiT's."""
    worst_of_all = 0.0
    for patch in CASES:
        path = folder / f"sit_tiny_patch{patch}.safetensors"
        with safe_open(path, "pt") as file:
            config = json.loads(file.metadata()["config"])
        kept = load_file(path)
        found = results(config, kept)
        held = {name for name in kept if name.startswith(("grad", "out"))} | {"weight.pos_embed"}
        if set(found) != held:
            sys.exit(f"{path.name}: other results than SiT's: {sorted(set(found) ^ held)}")
        worst = {}
        for name, value in found.items():
            difference = (value - kept[name]).abs().nan_to_num(nan=torch.inf).max() / kept[name].abs().max()
            difference = difference.item()
            kind = "grad.*" if name.startswith("grad.") else name
            worst[kind] = max(worst.get(kind, (0.0, "")), (difference, name))
        for kind, (difference, name) in worst.items():
            print(f"{path.name}: {kind}: {difference:.1e}" + (f" ({name})" if name != kind else ""))
            worst_of_all = max(worst_of_all, difference)
    if not worst_of_all <= LIMIT:
        sys.exit(f"a difference of {worst_of_all:.1e} where at most {LIMIT:.0e} is rounding")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", nargs="?", const=HERE, type=Path, metavar="FOLDER",
                      help="compare (default: the files here)")
    what.add_argument("--out", type=Path, metavar="FOLDER", help="write new files there")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.check:
        check(chosen.check)
    else:
        chosen.out.mkdir(parents=True, exist_ok=True)
        write(chosen.out)
