"""A folder of results that appears, and is replaced, as a whole."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from ctabatch.errors import OutputError

from .location import refuse_store
from .parquet import writing


def check_free(folder: Path, mark: str, what: str, *, overwrite: bool) -> None:
    """Refuse a folder that holds something else, or results that may not be replaced.

    Parameters
    ----------
    folder : Path
    mark : str
        File that a folder of such results always holds.
    what : str
        What the results are called, for messages.
    overwrite : bool

    Raises
    ------
    OutputError
        With what to do.
    """
    refuse_store(folder)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: this is a file; name a folder for the {what}")
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / mark).exists():
        raise OutputError(
            f"{folder}: this folder holds something else than {what}; name a new or empty folder"
        )
    if not overwrite:
        raise OutputError(
            f"{folder}: there are {what} already; name another folder, or --overwrite replaces them"
        )


@contextlib.contextmanager
def whole_folder(folder: Path, mark: str, what: str, *, overwrite: bool) -> Iterator[Path]:
    """A temporary folder beside ``folder`` that takes its place at the end of the ``with`` block.

    If the block raises, nothing changes. For the parameters see `check_free`.

    Yields
    ------
    Path
        The folder to write into.
    """
    check_free(folder, mark, what, overwrite=overwrite)
    token = uuid.uuid4().hex[:8]
    wip, old = (folder.with_name(f".{folder.name}.{token}.{end}") for end in ("wip", "old"))
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        try:
            wip.mkdir()
            yield wip
            if folder.exists():
                folder.rename(old)
            try:
                wip.rename(folder)
            except OSError:
                if old.exists():
                    old.rename(folder)
                raise
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(wip, ignore_errors=True)


__all__ = ["check_free", "whole_folder"]
