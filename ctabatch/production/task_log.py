"""A structured log: one line of JSON for every input that was processed or failed."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ctabatch.io.parquet import writing

if TYPE_CHECKING:
    from ctabatch.engine import PartResult

#: Losses that are in a line; all are in the commit record.
_LISTED = 10


def log_entry(result: PartResult, **more: Any) -> dict[str, Any]:
    """What a line tells of an input."""
    record = result.record
    return {
        "input": result.input,
        "part": result.part,
        "status": result.status,
        "error": result.error,
        "started": result.started,
        "ended": result.ended,
        "seconds": round(result.seconds, 3),
        "stages": result.stages,
        "memory_bytes": result.memory,
        "attempts": result.attempts,
        "array_events": record.get("array_events", 0),
        "telescope_events": record.get("telescope_events", 0),
        "n_losses": record.get("n_losses", 0),
        "losses": record.get("losses", [])[:_LISTED],
        "warnings": record.get("warnings", []),
        "host": platform.node(),
        **more,
    }


class TaskLog:
    """Appends lines to a file; processes may share it, for each line is one write.

    Parameters
    ----------
    path : Path or None
        None: nothing is written.

    Raises
    ------
    OutputError
        The file cannot be written (from any method).
    """

    def __init__(self, path: Path | None, **more: Any) -> None:
        self._path, self._more = path, more
        self._file = -1

    def __enter__(self) -> Self:
        if self._path is not None:
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
            with writing(self._path):
                self._file = os.open(self._path, flags, 0o666)
        return self

    def add(self, result: PartResult) -> None:
        """Write the line of an input."""
        if self._path is not None:
            line = json.dumps(log_entry(result, **self._more)).encode() + b"\n"
            with writing(self._path):
                os.write(self._file, line)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file >= 0:
            os.close(self._file)


__all__ = ["TaskLog", "log_entry"]
