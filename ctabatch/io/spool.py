"""Rows that do not fit in memory: appended to a temporary file, then mapped."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .parquet import writing


class SpoolFolder:
    """A temporary folder of spools, removed at the end of the ``with`` block.

    Parameters
    ----------
    parent : Path
        Where it is made; a folder on a disk, since in a folder that lives in memory the rows would
        be in memory after all. Made if it does not exist, and left there.

    Raises
    ------
    OutputError
        It cannot be made, or the disk is full (from any method).
    """

    def __init__(self, parent: Path) -> None:
        with writing(parent):
            parent.mkdir(parents=True, exist_ok=True)
            self.path = Path(tempfile.mkdtemp(prefix=".ctabatch-rows-", dir=parent))
        self._spools: list[Spool] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for spool in self._spools:
            spool.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def spool(self, dtype: DTypeLike, width: int | None = None) -> Spool:
        """Start a spool of numbers (`width` per row), or of records if `width` is None."""
        made = Spool(self.path / f"{len(self._spools)}.rows", np.dtype(dtype), width)
        self._spools.append(made)
        return made


class Spool:
    """Rows on disk, see `SpoolFolder.spool`."""

    def __init__(self, path: Path, dtype: np.dtype[Any], width: int | None) -> None:
        self.path, self.dtype, self.width = path, dtype, width
        self.n_rows = 0
        with writing(path.parent):
            self._file = path.open("wb")

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows; they are converted to the type of the spool."""
        expected = rows.shape[:1] if self.width is None else (len(rows), self.width)
        if rows.shape != expected:
            raise ValueError(f"rows of shape {rows.shape} where {expected} is expected")
        if len(rows) == 0:
            return
        with writing(self.path.parent):
            np.ascontiguousarray(rows, self.dtype).tofile(self._file)
        self.n_rows += len(rows)

    def finish(self) -> NDArray[Any]:
        """All rows, mapped read-only; an ordinary empty array if there are none.

        Returns
        -------
        ndarray of shape (n_rows, width) or (n_rows,)
        """
        with writing(self.path.parent):
            self._file.close()  # a full disk may show here
        shape = (self.n_rows,) if self.width is None else (self.n_rows, self.width)
        if 0 in shape:  # nothing to map
            return np.empty(shape, self.dtype)
        return np.memmap(self.path, self.dtype, mode="r", shape=shape)

    def close(self) -> None:
        """Close the file, finished or not; nothing happens if it is closed."""
        with contextlib.suppress(OSError):  # it is not needed any more
            self._file.close()


__all__ = ["Spool", "SpoolFolder"]
