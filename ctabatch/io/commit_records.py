"""Reading the commit records of parts, on disk or in an object store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .location import Location, StorePath
from .record_checks import read_record


def read_records(paths: list[Location]) -> Iterator[dict[str, Any] | None]:
    """Commit records in the order of their paths; None for one that is not there."""
    stored = [path for path in paths if isinstance(path, StorePath)]
    if not stored:
        return map(read_record, paths)
    from .store_record import read_stored_records

    return read_stored_records(stored)


__all__ = ["read_records"]
