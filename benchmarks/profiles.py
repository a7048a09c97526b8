"""Where the worker's time goes: shares of `perf record`'s samples by kind of function."""
import re
import signal
import subprocess
import time

KINDS = {  # the first that matches counts
    "kernel": r"^\[k\]",
    "matrix products": r"gemm_f32::|kernels::(tiles|dots)|amx",
    "packing": r"gemm_common::|kernels::(turn|round|bf16|split)",
    "copying": r"memmove|memcpy|memset",
    "waiting": r"crossbeam|rayon_core|sched_yield|parking|futex",
    # Norms, activations, softmax, transforms of tiles: closures of one function, which the profile cannot tell apart.
    "vector loops": r"kernels::wide",
    "the rest": r"",
}
LONG_ENOUGH = 3  # seconds of work


def shares(process, work, path):
    """Calls `work`, which keeps `process` busy, until enough was seen."""
    command = ["perf", "record", "-q", "-F", "999", "-p", str(process), "-o", path]
    recording = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    end = time.monotonic() + LONG_ENOUGH
    while time.monotonic() < end:
        work()
    recording.send_signal(signal.SIGINT)
    recording.wait()
    command = ["perf", "report", "-i", path, "--stdio", "--no-children", "-g", "none", "-F", "overhead,symbol"]
    report = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict.fromkeys(KINDS, 0.0)
    for share, symbol in re.findall(r"^ *([\d.]+)% +(\S.*)$", report, re.MULTILINE):
        kind = next(kind for kind, pattern in KINDS.items() if re.search(pattern, symbol))
        found[kind] += float(share) / 100
    return {kind: round(share, 3) for kind, share in found.items()}
