"""Inputs that kill their process: a source of another package, found by its entry point.

A file ``NAME.faulty`` holds JSON: ``file``, the simtel file that it stands for; ``kill``, how many
openings end with SIGKILL; ``wait``, how many wait for somebody else to do that. Every opening adds
the number of its process to ``NAME.faulty.opened``.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

ENTRY_POINT = "[ctabatch.sources]\nfaulty = tests.faulty_source:FaultyFormat\n"
METADATA = "Metadata-Version: 2.1\nName: faulty-source\nVersion: 1.0\n"


def install(folder):
    """Make a package of it, for processes that have `folder` on their path."""
    info = folder / "faulty_source-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINT)


def write(path, file, *, kill=0, wait=0):
    """A file of this format."""
    path.write_text(json.dumps({"file": str(file), "kill": kill, "wait": wait}))
    return path


def opened_by(path):
    """Processes that have opened a file, in order."""
    log = path.with_name(f"{path.name}.opened")
    return [int(line) for line in log.read_text().splitlines()] if log.exists() else []


class FaultyFormat:
    def recognises(self, path):
        return path.suffix == ".faulty"

    def open(self, path, options):
        from ctabatch.sources.opened import open_input

        asked = json.loads(path.read_text())
        with path.with_name(f"{path.name}.opened").open("a") as log:
            log.write(f"{os.getpid()}\n")
        n = len(opened_by(path))
        if n <= asked["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        if n <= asked["wait"]:
            time.sleep(60)
        return open_input(Path(asked["file"]), options)
