"""The same sampling job as whole processes: the `pathline` binary, torch, torch with diffusers."""
import os
import subprocess
import sys
import time

from common import ROOT, difference

MODEL = ROOT / "crates/pathline-study/assets/fashion-mnist-dit.safetensors"


def run(command):
    """Runs a process to its end: wall time in milliseconds, largest resident memory in MiB."""
    start = time.perf_counter()
    child = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    message = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    elapsed = (time.perf_counter() - start) * 1e3
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        sys.exit(f"{command}: {message.decode()[-2000:]}")
    return elapsed, usage.ru_maxrss / 1024  # Linux counts in KiB


def commands(bench, count, steps):
    """{who: command} for sampling `count` images, and checks that all end at the same images."""
    import numpy as np
    from safetensors.numpy import load_file
    threads = bench.options.threads
    binary = [ROOT / "target/release/pathline", "sample", MODEL, "-n", count, "--steps", steps,
              "--threads", threads, "--force"]
    recorded = bench.path("run.safetensors")
    run([*binary, "--save-every", steps, "--out", recorded])
    states = load_file(recorded)["states"]
    np.save(bench.path("start.npy"), states[0].reshape(count, 1, 28, 28))
    end = bench.path("end.npy")
    job = [sys.executable, ROOT / "benchmarks/torch_job.py", MODEL, bench.path("start.npy"), end, steps, threads]
    checks = {}
    for who, more in (("torch", []), ("torch and diffusers", ["--diffusers"])):
        run([*job, *more])  # also brings the files of Python's packages into memory
        checks[f"images of {who}"] = difference(np.load(end), states[-1]), 1e-3
    pathline = [*binary, "--out", bench.path("images.npz")]
    return {"pathline": pathline, "torch": job, "torch and diffusers": [*job, "--diffusers"]}, checks
