"""Telescope events per second from file to DL1: ours, eventio's reader and ctapipe-process.

The commands run in turn as whole processes on the same input, several times; the operating system's
accounting of each finished process gives wall time, CPU time and peak memory. Medians and their
ratios are printed.

    python benchmarks/throughput.py                      the SST-1M example repeated to 1860 events
    python benchmarks/throughput.py --example prod6 --times 50 --rounds 5 --json result.json
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from repeat_events import repeat_events

from ctabatch.io import examples

#: Reads every waveform and keeps none.
EVENTIO_READER = """
import sys, warnings
from eventio import SimTelFile
warnings.simplefilter("ignore")
n = 0
with SimTelFile(sys.argv[1]) as events:
    for event in events:
        n += len(event["telescope_events"])
print(n)
"""

FIGURES = ("wall s", "CPU s", "peak MiB")


def commands(source: Path, scratch: Path, *, equivalent: bool) -> dict[str, list[str]]:
    """What is compared: name -> command. Each writes into `scratch`."""
    python = sys.executable
    ctapipe = shutil.which("ctapipe-process", path=Path(python).parent) or "ctapipe-process"
    choice = ["--EventSource.focal_length_choice", "EQUIVALENT"] if equivalent else []
    theirs = [ctapipe, "--input", str(source), "--output", str(scratch / "out.h5"), "--overwrite",
              "--quiet", *choice]  # fmt: skip
    ours = [python, "-m", "ctabatch", "process", str(source), "-o", str(scratch / "dl1")]
    return {
        "ctabatch process": [*ours, "--overwrite"],
        "eventio reader": [python, "-c", EVENTIO_READER, str(source)],
        "ctapipe-process": [*theirs, "--write-images", "--write-parameters"],
        "ctapipe-process, with stereo": [*theirs, "--write-images", "--write-showers"],
    }


def measure(command: Sequence[str], folder: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MiB of one run of a command in a folder."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}\n{complaint.decode()}")
    per_mib = 1024 if sys.platform != "darwin" else 1024**2
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / per_mib


def run(source: Path, rounds: int, *, equivalent: bool) -> dict[str, dict[str, float]]:
    """Medians of every figure of every command, after one round that is not counted."""
    samples: dict[str, list[tuple[float, float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        todo = commands(source, Path(folder), equivalent=equivalent)
        for index in range(rounds + 1):
            for name, command in todo.items():
                print(f"\rround {index} of {rounds}: {name:30}", end="", file=sys.stderr)
                sample = measure(command, folder)
                if index:  # the first fills caches of files and machine code
                    samples.setdefault(name, []).append(sample)
    print("\r" + " " * 60, end="\r", file=sys.stderr)
    return {
        name: {figure: statistics.median(s[i] for s in values) for i, figure in enumerate(FIGURES)}
        for name, values in samples.items()
    }


def report(medians: dict[str, dict[str, float]], n_events: int) -> None:
    """Print one row per command: medians, rate, and how many times ours is better."""
    ours = medians["ctabatch process"]
    print(
        f"{'median of whole processes':30} {'wall s':>8} {'CPU s':>8} {'peak MiB':>9}"
        f" {'events/s':>9} {'wall ratio':>11} {'CPU ratio':>10} {'memory ratio':>13}"
    )
    for name, row in medians.items():
        ratios = [row[figure] / ours[figure] for figure in FIGURES]
        print(
            f"{name:30} {row['wall s']:8.2f} {row['CPU s']:8.2f} {row['peak MiB']:9.0f}"
            f" {n_events / row['wall s']:9.0f} {ratios[0]:11.1f} {ratios[1]:10.1f}"
            f" {ratios[2]:13.2f}"
        )


def count_telescope_events(source: Path) -> int:
    """Telescope events in a file, read with eventio."""
    done = subprocess.run(
        [sys.executable, "-c", EVENTIO_READER, str(source)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(done.stdout)


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    packages = ("ctabatch", "ctapipe", "eventio", "numba", "numpy", "pyarrow")
    return {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in packages},
    }


def main() -> None:
    """Make the input, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--example", default="sst1m", help="example whose events are repeated")
    parser.add_argument("--times", type=int, default=60, help="how often")
    parser.add_argument("--rounds", type=int, default=3, help="counted runs of each command")
    parser.add_argument("--equivalent", action="store_true",
                        help="ask ctapipe for the equivalent focal length")  # fmt: skip
    parser.add_argument("--json", type=Path, help="write the figures here too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"{args.example}.simtel.zst"
        made = repeat_events(examples.path(args.example), source, args.times)
        n_telescope_events = count_telescope_events(source)
        print(
            f"{args.example} x {args.times}: {made.n_events} array events, {n_telescope_events} "
            f"telescope events, {source.stat().st_size / 1e6:.0f} MB"
        )
        medians = run(source, args.rounds, equivalent=args.equivalent)
    report(medians, n_telescope_events)
    if args.json is not None:
        result = {
            "example": args.example,
            "times": args.times,
            "telescope_events": n_telescope_events,
            "rounds": args.rounds,
            "machine": machine(),
            "medians": medians,
        }
        args.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
