"""Writes PyTorch files without PyTorch, by the pickler of the standard library and stand-ins for the
classes that PyTorch pickles name.

    python3 make_pickles.py
"""

import collections
import io
import os
import pathlib
import pickle
import struct
import sys
import types
import zipfile

import numpy as np

here = pathlib.Path(__file__).parent


def module(name):
    sys.modules[name] = made = types.ModuleType(name)
    return made


torch, utils, nn = module("torch"), module("torch._utils"), module("torch.nn.modules.linear")


def stand_in(where, name):
    made = type(name, (), {"__module__": where.__name__})
    setattr(where, name, made)
    return made


KINDS = {"float32": "Float", "float16": "Half", "bfloat16": "BFloat16", "float64": "Double",
         "int64": "Long", "uint8": "Byte", "bool": "Bool"}
TYPES = {kind: stand_in(torch, name + "Storage") for kind, name in KINDS.items()}
Linear = stand_in(nn, "Linear")


def function(name):
    def inner(*_):
        pass
    inner.__name__ = inner.__qualname__ = name
    inner.__module__ = "torch._utils"
    setattr(utils, name, inner)
    return inner


rebuild_tensor = function("_rebuild_tensor_v2")
rebuild_parameter = function("_rebuild_parameter")


class Storage:
    def __init__(self, kind, raw, count):
        self.kind, self.raw, self.count = kind, raw, count


class Tensor:
    def __init__(self, storage, offset, shape, strides):
        self.parts = storage, offset, shape, strides

    def __reduce__(self):
        return rebuild_tensor, (*self.parts, False, collections.OrderedDict())


class Parameter:
    def __init__(self, tensor):
        self.tensor = tensor

    def __reduce__(self):
        return rebuild_parameter, (self.tensor, True, collections.OrderedDict())


def whole(values, kind, big=False):
    array = np.asarray(values)
    if kind == "bfloat16":
        raw = (array.astype("<f4").view("<u4") >> 16).astype("<u2")
    else:
        raw = array.astype(kind)
    raw = raw.astype(raw.dtype.newbyteorder(">" if big else "<")).tobytes()
    strides = tuple(int(np.prod(array.shape[i + 1:])) for i in range(array.ndim))
    return Tensor(Storage(kind, raw, array.size), 0, array.shape, strides)


def pickled(value, protocol, legacy):
    keys = {}

    class Pickler(pickle.Pickler):
        def persistent_id(self, x):
            if isinstance(x, Storage):
                keys.setdefault(id(x), (str(len(keys)), x))
                extra = (None,) if legacy else ()
                return ("storage", TYPES[x.kind], keys[id(x)][0], "cpu", x.count, *extra)

    out = io.BytesIO()
    Pickler(out, protocol).dump(value)
    return out.getvalue(), dict(keys.values())


def save_zip(name, value, protocol=2, big=False):
    program, storages = pickled(value, protocol, False)
    with zipfile.ZipFile(here / name, "w", zipfile.ZIP_STORED) as out:
        def add(member, content):
            out.writestr(zipfile.ZipInfo(f"archive/{member}"), content)
        add("data.pkl", program)
        add("byteorder", "big" if big else "little")
        for key, storage in storages.items():
            add(f"data/{key}", storage.raw)
        add("version", "3\n")


def save_legacy(name, value):
    program, storages = pickled(value, 2, True)
    with open(here / name, "wb") as out:
        facts = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
        for part in (0x1950A86A20F9469CFC6C, 1001, facts):
            pickle.dump(part, out, protocol=2)
        out.write(program)
        pickle.dump(sorted(storages), out, protocol=2)
        for key in sorted(storages):
            out.write(struct.pack("<q", storages[key].count) + storages[key].raw)


def state():
    values = np.array([[1.5, -2.0, 0.25], [4.0, 5.0, -6.5]])
    shared = whole(np.arange(12.0), "float32").parts[0]
    return collections.OrderedDict(
        f32=whole(values, "float32"), f16=whole(values, "float16"),
        bf16=whole(values, "bfloat16"), f64=whole(values, "float64"),
        i64=whole([[-3, 4]], "int64"), u8=whole([0, 255], "uint8"),
        flag=whole([True, False], "bool"), scalar=whole(7.0, "float32"),
        empty=whole(np.zeros((0, 4)), "float32"),
        transposed=Tensor(shared, 0, (3, 4), (1, 3)), tail=Tensor(shared, 8, (2, 2), (2, 1)),
    )


def linear():
    made = Linear()
    made.__dict__.update(
        training=True,
        _parameters=collections.OrderedDict(weight=Parameter(whole([[1.0, 2.0]], "float32")), bias=None),
        _buffers=collections.OrderedDict(lasting=whole([3.0], "float32"), passing=whole([4.0], "float32")),
        _non_persistent_buffers_set={"passing"},
        _modules=collections.OrderedDict(),
        other=whole([5.0], "float32"),
    )
    return made


class Evil:
    def __reduce__(self):
        return os.system, (f"touch {os.environ.get('PWNED', 'pickle-ran-code')}",)


for protocol in (2, 3, 4, 5):
    save_zip(f"state-{protocol}.pt", state(), protocol)
save_legacy("state-legacy.pth", state())
save_zip("big-endian.pt", {"w": whole([[1.0, 2.0], [3.0, 4.0]], "float32", big=True)}, big=True)
outer = linear()
outer._modules["0"] = linear()
save_zip("module.pt", {"model": outer, "step": 12, "lr": 1e-3, "note": "hi", "ema": [whole([9.0], "float32")]})
save_zip("evil.pt", {"w": whole([1.0], "float32"), "x": Evil()})
cycle = {"w": whole([1.0], "float32")}
cycle["self"] = cycle
save_zip("cycle.pt", cycle)
doubled = [1]
for _ in range(40):
    doubled = [doubled, doubled]
save_zip("doubling.pt", doubled)
save_zip("expanded.pt", {"w": Tensor(whole([1.0], "float32").parts[0], 0, (1 << 40,), (0,))})
save_zip("outside.pt", {"w": Tensor(whole([1.0, 2.0], "float32").parts[0], 1, (2,), (1,))})
