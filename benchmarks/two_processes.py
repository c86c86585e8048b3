"""What a second process gains on this machine: for arithmetic, for memory, and for `ctabatch`.

The first two say what the third can reach: two processors of a virtual machine may be two threads
of one core, and share its caches and its memory. So does the last: two programs that know nothing
of each other, each with half of the inputs.

    python benchmarks/two_processes.py FILE FILE FILE FILE --rounds 3
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np


def arithmetic(_: int) -> float:
    """Seconds of a loop of the interpreter."""
    begin, total = time.perf_counter(), 0
    for i in range(20_000_000):
        total += i & 7
    return time.perf_counter() - begin


def memory(_: int) -> float:
    """Seconds of passes over an array that no cache holds."""
    values = np.ones(16_000_000, np.float32)
    begin = time.perf_counter()
    for _ in range(20):
        np.multiply(values, np.float32(1.0001), out=values)
    return time.perf_counter() - begin


def gain_of(work: Callable[[int], float]) -> float:
    """How much more two processes do at once than one alone."""
    with multiprocessing.Pool(1) as one:
        alone = one.map(work, [0])[0]
    with multiprocessing.Pool(2) as two:
        both = max(two.map(work, [0, 1], chunksize=1))
    return 2 * alone / both


def seconds(files: list[str], folder: Path, jobs: int) -> float:
    """Wall time of a production with one thread per worker."""
    command = [sys.executable, "-m", "ctabatch", "process", *files, "-o", str(folder / "dl1")]
    command += ["--threads", "1", *(["--jobs", str(jobs)] if jobs > 1 else [])]
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    taken = time.perf_counter() - begin
    shutil.rmtree(folder)
    return taken


def apart(files: list[str], folder: Path) -> float:
    """Wall time of two programs with half of the inputs each."""
    with ThreadPoolExecutor() as pool:
        begin = time.perf_counter()
        halves = [files[k::2] for k in range(2)]
        list(pool.map(lambda k: seconds(halves[k], folder / str(k), 1), range(2)))
        return time.perf_counter() - begin


def main() -> None:
    """Measure in turn and print medians."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "of")
        seconds(options.files[:1], place, 1)  # fills the caches
        for _ in range(options.rounds):
            one, two = (seconds(options.files, place, jobs) for jobs in (1, 2))
            free = apart(options.files, place)
            for name, value in (
                ("arithmetic", gain_of(arithmetic)), ("memory", gain_of(memory)),
                ("ctabatch, one worker: s", one), ("two workers: s", two), ("gain", one / two),
                ("two programs: s", free), ("gain of two programs", one / free),
            ):  # fmt: skip
                found.setdefault(name, []).append(value)
    for name, values in found.items():
        print(f"{name}: {statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})")


if __name__ == "__main__":
    main()
