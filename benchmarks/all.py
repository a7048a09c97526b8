"""Builds, runs every benchmark in turn, and writes the tables of the README.

    venv/bin/python benchmarks/all.py [--quick] [--no-compile] [--no-profile] [--threads 2]

With --quick every script does one round of small sizes, without torch.compile and profiles unless they are asked for,
and leaves results and README as they are.
"""
import argparse
import subprocess
import sys
import time

from common import ROOT
from tables import ORDER, main

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--quick", action="store_true", help="one round of small sizes, to see that all works")
switch = argparse.BooleanOptionalAction
parser.add_argument("--compile", action=switch, help="time torch.compile as well [default: unless --quick]")
parser.add_argument("--profile", action=switch, help="say where our time goes, needs perf [default: unless --quick]")
parser.add_argument("--threads", default="2")
options = parser.parse_args()
for name in ("compile", "profile"):
    if getattr(options, name) is None:
        setattr(options, name, not options.quick)
COMPILES = ("empirical_field", "networks", "sampling_2d")
WORKERS = (*COMPILES, "minibatch_ot", "memorisation", "solver_overhead")

for target in (["-p", "pathline", "--example", "bench_library"], ["-p", "pathline-nn", "--example", "bench_networks"],
               ["-p", "pathline-cli"]):
    subprocess.run(["cargo", "build", "--release", *target], cwd=ROOT, check=True)
failed = []
for name in ORDER:
    flags = ["--threads", options.threads] + ["--quick"] * options.quick
    flags += ["--compile"] * (options.compile and name in COMPILES)
    flags += ["--profile"] * (options.profile and name in WORKERS)
    start = time.monotonic()
    print(f"== {name}", flush=True)
    if subprocess.run([sys.executable, ROOT / f"benchmarks/{name}.py", *flags]).returncode != 0:
        failed.append(name)
    print(f"== {name}: {time.monotonic() - start:.0f} s", flush=True)
if not options.quick:
    main()
if failed:
    sys.exit(f"failed: {', '.join(failed)}")
