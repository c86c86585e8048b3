"""Reading the commit records of parts, on disk or in an object store."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ctabatch.errors import InputError

from .location import Location, StorePath


def read_record(path: Location) -> dict[str, Any] | None:
    """A commit record; None if there is none."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except InputError:  # of an object store, tells all
        raise
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable: {error}") from error


def read_records(paths: list[Location]) -> Iterator[dict[str, Any] | None]:
    """Commit records in the order of their paths; None for one that is not there."""
    stored = [path for path in paths if isinstance(path, StorePath)]
    if not stored:
        return map(read_record, paths)
    from .store_record import read_stored_records

    return read_stored_records(stored)


__all__ = ["read_record", "read_records"]
