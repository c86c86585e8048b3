"""Whole commands as processes of their own: wall time, CPU time and peak memory of each run."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

FIGURES = ("wall s", "CPU s", "peak MiB")


def measure(
    command: Sequence[str], folder: str, *, accepted: Sequence[int] = (0,)
) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak MiB of one run of a command in a folder.

    The operating system's accounting of the finished process, children that it waited for included.
    Other exit codes than those accepted end this program.
    """
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accepted:
        sys.exit(f"{' '.join(command)}: exit code {process.returncode}\n{complaint.decode()}")
    per_mib = 1024 if sys.platform != "darwin" else 1024**2
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / per_mib


def in_turn(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, dict[str, Any]]:
    """Every command once per round, in turn, so that what disturbs one round disturbs all.

    Returns
    -------
    dict
        Name -> median of each figure, and all samples under ``"samples"``.
    """
    samples: dict[str, list[tuple[float, float, float]]] = {name: [] for name in commands}
    with tempfile.TemporaryDirectory() as folder:
        for index in range(rounds):
            for name, command in commands.items():
                say(f"round {index + 1} of {rounds}: {name}")
                samples[name].append(measure(command, folder))
    say("")
    return {name: {**medians(values), "samples": values} for name, values in samples.items()}


def medians(samples: Sequence[tuple[float, float, float]]) -> dict[str, float]:
    """Median of each figure."""
    return {figure: statistics.median(s[i] for s in samples) for i, figure in enumerate(FIGURES)}


def say(text: str) -> None:
    """Show what is going on, on one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text:75}", end="", file=sys.stderr, flush=True)
    elif text:
        print(text, file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    packages = ("ctabatch", "ctapipe", "eventio", "numba", "numpy", "polars", "pyarrow")
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "platform": platform.platform(),
        "python": platform.python_version(),
        **{name: installed(name) for name in packages},
    }


def installed(package: str) -> str:
    """Version of a package, or that there is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """Name of the processor, as far as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
