"""Arrays mapped from files, read block by block without filling the memory."""

from __future__ import annotations

import contextlib
import mmap
from collections.abc import Iterator

import numpy as np

#: Rows that are read at once.
BLOCK_ROWS = 1 << 16


def blocks(x: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Slices of rows of an array that may be mapped from a file, with the rows.

    Pages of the file are given back after each block, so that they do not fill the memory.
    """
    for start in range(0, len(x), BLOCK_ROWS):
        rows = slice(start, min(start + BLOCK_ROWS, len(x)))
        yield rows, x[rows]
        release(x)


def release(x: np.ndarray) -> None:
    """Give the pages of an unchanged array mapped from a file back; they are read again if needed.

    Nothing happens to arrays in memory, copy-on-write ones, and on systems without this call.
    """
    mapped = getattr(x, "_mmap", None)
    if mapped is not None and getattr(x, "mode", None) != "c" and hasattr(mmap, "MADV_DONTNEED"):
        with contextlib.suppress(OSError, ValueError):
            mapped.madvise(mmap.MADV_DONTNEED)
