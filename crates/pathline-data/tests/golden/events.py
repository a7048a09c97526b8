"""Curves as TensorBoard writes them, for tests/tfevents.rs, and a look at ours with TensorBoard's reader.

    pip install tensorboard
    python events.py --out            # writes curves.tfevents beside this script, by TensorBoard's own writer
    python events.py --check FOLDER   # does TensorBoard find the numbers of log.jsonl in a folder of `pathline train`?

TensorBoard leaves out a wall time of 0, as protocol buffers do; Pathline writes it. Made with tensorboard 2.21.0.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

HERE = Path(__file__).resolve().parent
LONG = "loss/" * 60
# Steps and lengths of one byte and of several; values at the ends of f32.
CURVES = [
    (1, [("loss", 0.1)]),
    (127, [("loss", -2.5), ("gradient_norm", 1e-40), ("learning_rate", 0.0)]),
    (128, [(LONG, 1.0), ("µ", float(np.finfo(np.float32).max))]),
    (2**32 + 6, [("loss", float("inf")), ("norm", float("-inf"))]),
]


def write(path):
    """Every event's wall time is its step, as Pathline's is."""
    with open(path, "wb") as file:
        records = RecordWriter(file)
        records.write(event_pb2.Event(file_version="brain.Event:2").SerializeToString())
        for step, values in CURVES:
            summary = summary_pb2.Summary(
                value=[summary_pb2.Summary.Value(tag=tag, simple_value=np.float32(v)) for tag, v in values])
            records.write(event_pb2.Event(wall_time=step, step=step, summary=summary).SerializeToString())
    print(f"{path}: {path.stat().st_size} bytes")


def check(folder):
    found = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    found.Reload()
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    lines = [line for line in lines if "step" in line and "loss" in line]
    count = 0
    for tag in ("loss", "gradient_norm", "learning_rate"):
        wanted = [(line["step"], line["step"], np.float32(line[tag])) for line in lines]
        events = [(e.wall_time, e.step, np.float32(e.value)) for e in found.Scalars(tag)]
        if events != wanted:
            sys.exit(f"{tag}: {events[:3]} ... where log.jsonl says {wanted[:3]} ...")
        count += len(events)
    print(f"{folder}: TensorBoard finds all {count} numbers; its tags are {found.Tags()['scalars']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", action="store_true", help="write curves.tfevents")
    what.add_argument("--check", type=Path, metavar="FOLDER", help="compare the events of a training run with its log")
    chosen = parser.parse_args()
    if chosen.check:
        check(chosen.check)
    else:
        write(HERE / "curves.tfevents")
