"""Small records of inputs that became no part, ``parts/failed/NAME.json``: what and why."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ctabatch.io.location import Location, location
from ctabatch.io.parquet import write_text

#: Folder in the dataset; readers of parts look at ``parts/*.json`` alone.
FOLDER = "parts/failed"
#: The kinds of failure: the input itself, workers that died with it, an error of the program.
UNUSABLE, KILLED, ERROR = "unusable", "killed", "error"


def failure_name(path: str, stem: str) -> str:
    """Name of the record of an input: the stem of its part, and what tells its path from others.

    An input that cannot be read has no digest of its content.
    """
    return f"{stem}-{hashlib.sha256(path.encode()).hexdigest()[:8]}"


def record_failure(
    root: str | Location,
    path: str,
    stem: str,
    error: str,
    *,
    kind: str = UNUSABLE,
    attempts: int = 1,
) -> dict[str, Any]:
    """Write the record of an input that failed; one that is there is replaced.

    Parameters
    ----------
    root : path
        Folder of the dataset.
    path : str
        The input.
    stem : str
        Stem of the name of its part, see `ctabatch.engine.part_stem`.
    error : str
        The reason, as it is told to the user.
    kind : {"unusable", "killed", "error"}
    attempts : int
        How often it was tried.

    Raises
    ------
    OutputError
    """
    record = {
        "input": {"name": Path(path).name, "path": path},
        "kind": kind,
        "error": error,
        "attempts": attempts,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    name = failure_name(path, stem)
    write_text(location(root) / FOLDER / f"{name}.json", json.dumps(record, indent=1) + "\n")
    return record


def forget_failure(root: str | Location, path: str, stem: str) -> None:
    """Remove the record of an input that is in the dataset now."""
    with contextlib.suppress(OSError):
        (location(root) / FOLDER / f"{failure_name(path, stem)}.json").unlink(missing_ok=True)


def failures(root: str | Location) -> Iterator[dict[str, Any]]:
    """All records, by name; one that is not readable is left out, its input counts as missing."""
    found: list[Location] = [*(location(root) / FOLDER).glob("[!.]*.json")]
    for path in sorted(found, key=str):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            record = json.loads(path.read_text(encoding="utf-8"))
            _ = record["input"]["path"], record["error"]
            yield record


__all__ = [
    "ERROR", "FOLDER", "KILLED", "UNUSABLE", "failure_name", "failures", "forget_failure",
    "record_failure",
]  # fmt: skip
