"""What all benchmarks share: options, the Rust worker, interleaved rounds, checks and results.

A script makes a `Bench` before it imports anything that starts threads, then calls `row` for each
piece of work with a function for each contestant. A round asks everybody once, in turns: A B C, the
next round C B A, so that whatever else the machine does falls on all alike. The number that counts
is the ratio within a round. A row begins with checks that all have computed the same thing; the
script fails where they do not.
"""
import argparse
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

from profiles import shares

ROOT = pathlib.Path(__file__).resolve().parent.parent
FULL, PARTIAL = ROOT / "benchmarks/results", ROOT / "target/benchmarks"
PAUSE = 0.25  # seconds: the threads of torch and OpenMP spin a while after their work


class Bench:
    """One script's options, worker and results. `name` is that of the results' file."""

    def __init__(self, name, doc, rounds, worker=None, rows=(), compiles=False):
        parser = argparse.ArgumentParser(description=doc.splitlines()[0])
        parser.add_argument("--threads", type=int, default=2)
        parser.add_argument("--rounds", type=int, default=rounds)
        quick = "one round of small sizes, to see that it works"
        parser.add_argument("--quick", action="store_true", help=quick)
        if worker:
            where = "say where our time goes, by `perf record`"
            parser.add_argument("--profile", action="store_true", help=where)
        if compiles:
            parser.add_argument("--compile", action="store_true", help="time torch.compile as well")
        if rows:
            parser.add_argument("rows", nargs="*", choices=[[], *rows], default=[])
        self.options = parser.parse_args()
        if self.options.quick:
            self.options.rounds = 1
        for variable in ("OMP", "MKL", "OPENBLAS", "RAYON"):
            os.environ[f"{variable}_NUM_THREADS"] = str(self.options.threads)
        self.name, self.rows, self.failed = name, {}, []
        self.load = os.getloadavg()[0]
        self.folder = tempfile.TemporaryDirectory(prefix="pathline-bench-")
        self.worker = worker and subprocess.Popen(
            [ROOT / "target/release/examples" / worker], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def wanted(self, rows):
        """The rows asked for, by default all."""
        return {row: rows[row] for row in getattr(self.options, "rows", None) or rows}

    def path(self, name):
        """A name in a folder that goes with the script."""
        return f"{self.folder.name}/{name}"

    def write(self, name, values):
        """Writes an array as bare f32 values; gives its path."""
        values.astype("<f4").tofile(self.path(name))
        return self.path(name)

    def ask(self, *words):
        """The worker's answer to a line of words, as numbers."""
        self.worker.stdin.write(" ".join(map(str, words)) + "\n")
        self.worker.stdin.flush()
        answer = self.worker.stdout.readline()
        if not answer:
            sys.exit(f"{self.name}: the worker ended at: {words}")
        return [float(word) for word in answer.split()]

    def row(self, name, contestants, checks, aims=None, unit="ms", columns=None):
        """Times `contestants`, the first of which is Pathline: functions that give one number, or one
        for each of `columns`, whose sum counts. `checks` is {what: (difference, limit)}; `aims` is
        {peer: largest ratio aimed at}."""
        for what, (difference, limit) in checks.items():
            if not difference <= limit:
                self.failed.append(name)
                print(f"{name}: DISAGREES: {what}: {difference:.2e} is above {limit:.0e}", flush=True)
        raw = {contestant: [] for contestant in contestants}
        for r in range(self.options.rounds):
            for contestant in list(contestants) if r % 2 == 0 else reversed(list(contestants)):
                time.sleep(PAUSE)
                measured = contestants[contestant]()
                raw[contestant].append(list(measured) if columns else [float(measured)])
        totals = {who: [sum(parts) for parts in rounds] for who, rounds in raw.items()}
        ours, *peers = totals
        line, ratios = f"{name:28} {ours} {statistics.median(totals[ours]):.4g} {unit}", {}
        for peer in peers:
            each = [a / b for a, b in zip(totals[ours], totals[peer])]
            of_least = min(totals[ours]) / min(totals[peer])
            ratios[peer] = {"median": statistics.median(each), "least": min(each), "most": max(each),
                            "of_least": of_least}
            line += (f" | {peer} {statistics.median(totals[peer]):.4g}, ratio {ratios[peer]['median']:.3f}"
                     f" [{min(each):.3f}, {max(each):.3f}], of least {of_least:.3f}")
        print(line, flush=True)
        checked = {what: {"difference": a, "limit": b} for what, (a, b) in checks.items()}
        medians = {who: statistics.median(values) for who, values in totals.items()}
        self.rows[name] = {"unit": unit, "columns": columns, "median": medians, "ratio": ratios,
                           "aim": aims or {}, "checks": checked, "raw": raw}
        if getattr(self.options, "profile", False):
            profile = shares(self.worker.pid, contestants[ours], self.path("perf"))
            self.rows[name]["profile"] = profile
            print(f"{'':28} {profile}", flush=True)

    def finish(self, *packages):
        """Writes the results, to `results/` if all was measured; fails if a check did."""
        if self.worker:
            self.worker.stdin.close()
            self.worker.wait()
        part = self.options.quick or getattr(self.options, "rows", None)
        folder = PARTIAL if part or self.failed else FULL
        folder.mkdir(parents=True, exist_ok=True)
        versions = {package: importlib.metadata.version(package) for package in packages}
        machine = {"cpu": cpu(), "cores": os.cpu_count(), "load_at_start": self.load,
                   "copying_gb_s": bandwidth(self.options.threads), "date": time.strftime("%Y-%m-%d")}
        record = {"options": vars(self.options), "machine": machine,
                  "versions": {"python": platform.python_version(), **versions}, "rows": self.rows}
        text = json.dumps(record, indent=1)
        (folder / f"{self.name}.json").write_text(text + "\n")
        print(f"wrote {(folder / f'{self.name}.json').relative_to(ROOT)}")
        if self.failed:
            sys.exit(f"{self.name}: sides disagree in: {', '.join(self.failed)}")


def difference(ours, theirs):
    """The largest difference of two arrays, over the largest value of the second."""
    import numpy as np
    ours, theirs = np.asarray(ours, np.float64).ravel(), np.asarray(theirs, np.float64).ravel()
    if ours.shape != theirs.shape or not np.isfinite(ours).all():
        return float("inf")
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def timed(call, calls=1):
    """A contestant that gives the mean time of a call in milliseconds."""
    def run():
        start = time.perf_counter()
        for _ in range(calls):
            call()
        return (time.perf_counter() - start) * 1e3 / calls
    return run


def bandwidth(threads):
    """Bytes read and written a second, in 10^9, by threads that copy arrays larger than the caches."""
    from concurrent.futures import ThreadPoolExecutor
    import numpy as np
    pairs = [(np.ones(1 << 24), np.zeros(1 << 24)) for _ in range(threads)]
    least = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(5):
            start = time.perf_counter()
            list(pool.map(lambda pair: np.copyto(pair[1], pair[0]), pairs))
            least = min(least, time.perf_counter() - start)
    return round(2 * sum(source.nbytes for source, _ in pairs) / least / 1e9, 1)


def cpu():
    """The processor's name."""
    info = pathlib.Path("/proc/cpuinfo")
    names = [line for line in info.read_text().splitlines() if line.startswith("model name")] if info.exists() else []
    return names[0].split(":")[1].strip() if names else platform.processor()
