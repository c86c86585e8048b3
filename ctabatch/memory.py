"""How much memory the process has, and a bound on it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ctabatch.errors import OptionError

MIB = 1 << 20
#: Below this the programs themselves (compiler, Arrow, polars) leave no room for work, MiB.
LEAST = 400
#: What a run keeps below if nothing else is asked for, MiB.
USUAL = 700
#: Share of the bound from which on blocks are finished before others are read.
_NEAR = 0.85


def resident() -> int:
    """Bytes of memory that the process has now; its largest value so far where that is unknown."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return peak()


def peak() -> int:
    """Largest memory that the process has had, in bytes."""
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


class MemoryBound:
    """A bound that work is held below by finishing what is under way before more is begun.

    One block of the input and its rows always fit, whatever the bound: a file with events of
    hundreds of MB needs more.

    Parameters
    ----------
    mib : int

    Raises
    ------
    OptionError
        The bound is below `LEAST`.
    """

    def __init__(self, mib: int = USUAL) -> None:
        if mib < LEAST:
            raise OptionError(
                f"a memory bound of {mib} MiB is below the {LEAST} MiB that the program needs"
            )
        self.limit = mib * MIB

    def is_near(self) -> bool:
        """Whether what is under way should be finished first."""
        return resident() > _NEAR * self.limit


__all__ = ["LEAST", "MIB", "USUAL", "MemoryBound", "peak", "resident"]
