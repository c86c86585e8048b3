"""Commit records in an object store: written only in the place of the one that was looked at."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from ctabatch.errors import InputError, OutputError

from .object_store import SMALL_AT_ONCE, ChangedError, Version, at_once, read, remove, write_if
from .record_checks import MOST_BYTES, problem_of
from .store_path import StorePath

if TYPE_CHECKING:
    from .parquet import PartFiles

Record = dict[str, Any]
#: How often a record is looked at and written again when others write it at the same time, or the
#: answer of the store is lost.
_TRIES = 8
#: Records read before the first is given out.
_BATCH = 512


def commit_to_store(
    path: StorePath, files: PartFiles, make: Callable[[Record | None], Record]
) -> set[str]:
    """Send files under names of their own, then put their record in the place of an earlier one.

    Parameters
    ----------
    path : StorePath
        Of the record.
    files : PartFiles
    make : callable
        Makes the record, without the new tables, of the earlier one (None if there is none). It may
        be called again, if somebody else wrote the record meanwhile.

    Returns
    -------
    set of str
        Files that the earlier record names and the new one does not.

    Raises
    ------
    OutputError
        Files or record cannot be written. The earlier version stays.
    """
    new = files.publish()
    # From here on the store may have the record even if its answer is lost, so the files stay.
    # Those without a record nobody sees.
    files.keep()
    for _ in range(_TRIES):
        earlier, version = _read(path)
        record = make(earlier)
        record["tables"] = {**record.get("tables", {}), **new}
        content = (json.dumps(record, indent=1, allow_nan=False) + "\n").encode()
        problem = write_over(path, content, version)
        if problem is None:
            return set((earlier or {}).get("tables", ())) - set(record["tables"])
    raise OutputError(f"{path}: the record cannot be written: {problem}") from problem


def write_over(path: StorePath, content: bytes, earlier: Version | None) -> Exception | None:
    """Write a small object in the place of another, None for none; why it is not there if not."""
    try:
        write_if(path, content, earlier)
    except ChangedError as error:
        # also what a repeated request says whose first answer was lost
        if not _is_there(path, content):
            return error
    except OutputError as error:
        try:
            there = _is_there(path, content)
        except InputError:
            raise error from None
        if not there:
            return error
    return None


def _is_there(path: StorePath, content: bytes) -> bool:
    try:
        return read(path)[0] == content
    except FileNotFoundError:
        return False


def _read(path: StorePath) -> tuple[Record | None, Version | None]:
    try:
        content, version = read(path, 0, MOST_BYTES)
    except FileNotFoundError:
        return None, None
    if version.size > MOST_BYTES:
        raise InputError(f"{path}: not readable: a commit record of more than 64 MiB")
    try:
        record = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable: {error}") from error
    if problem := problem_of(record, path.stem):
        raise InputError(f"{path}: no commit record of a part: {problem}")
    return dict(record), version


def read_stored_record(path: StorePath) -> Record | None:
    """A commit record; None if there is none; see `record_checks.read_record`."""
    return _read(path)[0]


def read_stored_records(paths: Iterable[StorePath]) -> Iterator[Record | None]:
    """Records in the order of their paths, many requests at once; None for one that is gone."""
    rest = iter(paths)
    while some := list(islice(rest, _BATCH)):
        yield from at_once(lambda path: _read(path)[0], some, SMALL_AT_ONCE)


def remove_objects(paths: Iterable[StorePath]) -> None:
    """Remove objects that no record names any more; those that cannot be removed nobody sees."""

    def quietly(path: StorePath) -> None:
        with contextlib.suppress(OutputError):
            remove(path, patient=False)

    at_once(quietly, list(paths), SMALL_AT_ONCE)


__all__ = ["commit_to_store", "read_stored_record", "read_stored_records", "remove_objects",
           "write_over"]  # fmt: skip
