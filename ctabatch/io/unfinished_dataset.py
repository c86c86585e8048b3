"""A new dataset in an object store that nobody sees before it is whole.

A folder gets its name at the end; a store cannot rename. So the object ``ctabatch.json`` is written
first, with a text that readers and other writers refuse and that names its writer, and last, over
this version and no other, with the text that makes it a dataset. What a killed writer left has the
first text still: the next one takes the place over and begins anew.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

from ctabatch.errors import CtabatchError, InputError, OutputError

from .dataset_folder import DatasetFolder
from .dataset_identity import IDENTITY, UNFINISHED, identity_text
from .object_store import Version, is_any_below, read, remove, sizes_below
from .record_checks import is_table_file
from .store_path import StorePath
from .store_record import remove_objects, write_over
from .writer_identity import at_work, is_at_work, writer_token


@contextlib.contextmanager
def unfinished_dataset(
    root: StorePath, begun: str, *, now: bool = False
) -> Iterator[tuple[DatasetFolder, Callable[[], None]]]:
    """A dataset that is one from the end of the ``with`` block on, if the block does not raise.

    Parameters
    ----------
    root : StorePath
    begun : str
        The time, for messages.
    now : bool
        Nothing else writes there: take the place of a writer of whom this machine cannot tell
        whether it is alive.

    Yields
    ------
    folder : DatasetFolder
    check_own : callable
        Raises `OutputError` if another writer has taken the place.

    Raises
    ------
    OutputError
        There is something else, or somebody writes there.
    """
    path, token = root / IDENTITY, writer_token()
    content = identity_text(UNFINISHED, writer=token, begun=begun).encode()
    earlier = _taken_over(root, now)
    if (problem := write_over(path, content, earlier)) is not None:
        raise OutputError(f"{root}: another run has begun to write here: {problem}") from problem

    def own_version() -> Version:
        found, version = _read(path)
        if found != content:
            raise OutputError(f"{root}: another run has taken this place; its dataset counts")
        return version

    def check_own() -> None:
        own_version()

    with at_work(token):
        try:
            check_own()
            if earlier is not None:
                _remove_contents(root)
            yield DatasetFolder(root), check_own
            version = own_version()
            if (problem := write_over(path, identity_text().encode(), version)) is not None:
                raise OutputError(f"{root}: the dataset cannot be finished: {problem}") from problem
        except BaseException:
            # what stays is refused by readers, and removed by a new run
            with contextlib.suppress(CtabatchError, OSError):
                remove(root / token, patient=False)  # nothing: a store that is gone is not awaited
                check_own()
                _remove_contents(root)
                remove(path, patient=False)
            raise


def _taken_over(root: StorePath, now: bool) -> Version | None:
    """The version of what a dead writer left, None if the place is free; refuses anything else."""
    path = root / IDENTITY
    try:
        content, version = _read(path)
    except FileNotFoundError:
        if root.is_file():
            raise OutputError(f"{root}: this is an object; name another place") from None
        if is_any_below(root):
            raise OutputError(
                f"{root}: this folder holds something else than parts of a dataset; name a new or "
                "empty folder"
            ) from None
        return None
    identity = _identity(content)
    if identity.get("format") != UNFINISHED:
        raise OutputError(f"{root}: there is a dataset already; name another folder")
    writer, begun = str(identity.get("writer")), identity.get("begun")
    alive = is_at_work(writer)
    if alive:
        raise OutputError(f"{root}: another run writes here since {begun}; wait for its end")
    if alive is None and not now:
        hours = (time.time() - version.modified) / 3600
        raise OutputError(
            f"{root}: a run on another machine began to write here {hours:.1f} hours ago and has "
            "not ended; if it was killed, --now removes what it left and begins anew"
        )
    _refuse_foreign(root)
    return version


def _identity(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _read(path: StorePath) -> tuple[bytes, Version]:
    return read(path, 0, 1 << 16)


def _refuse_foreign(root: StorePath) -> None:
    """What is removed must be of the dataset that was begun, not of another that lies in it."""
    foreign = [name for name in sizes_below(root, "") if name != IDENTITY and not _is_content(name)]
    if foreign:
        raise OutputError(
            f"{root}: beside an unfinished dataset there is {foreign[0]}; name another folder"
        )


def _is_content(name: str) -> bool:
    is_record = name.startswith("parts/") and name.endswith(".json")
    return (is_table_file(name) or is_record) and not name.endswith(f"/{IDENTITY}")


def _remove_contents(root: StorePath) -> None:
    """Remove what a writer of a dataset makes, records first."""
    names = [name for name in sizes_below(root, "") if _is_content(name)]
    for records in (True, False):
        remove_objects(root / name for name in names if name.startswith("parts/") is records)
    if left := [name for name in sizes_below(root, "") if _is_content(name)]:
        raise InputError(f"{root / left[0]}: left from another run, and cannot be removed")


__all__ = ["unfinished_dataset"]
