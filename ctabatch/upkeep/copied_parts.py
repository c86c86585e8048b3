"""Arrays, and parts that are not merged, taken over into a new dataset as they are."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from ctabatch.io.fetched import fetch, fetched
from ctabatch.io.location import Location, StorePath
from ctabatch.io.parquet import writing

from .merging import Part


def copy_parts(source: Location, target: Location, parts: Sequence[Part]) -> None:
    """Copy files of a dataset with their names: arrays, tables of some parts, then their records.

    Parameters
    ----------
    source, target : Path or StorePath
        Folders of the datasets.
    parts : sequence of Part
        Of `source`.

    Raises
    ------
    InputError, OutputError
        A file cannot be read or written.
    """
    names = _arrays(source)
    for part in parts:
        names += part.tables
    records = [f"parts/{part.name}.json" for part in parts]
    for part in parts:
        records += [f"parts/dl2/{prefix}/{part.name}.json" for prefix in part.predictions]
    for some in (names, records):
        _copy(source, target, some)


def _copy(source: Location, target: Location, names: list[str]) -> None:
    if isinstance(source, Path) and isinstance(target, Path):
        with writing(target):
            for name in names:
                _parent_of(target / name)
                shutil.copyfile(source / name, target / name)
        return
    from ctabatch.io.object_store import AT_ONCE, at_once

    at_once(lambda name: _copy_object(source / name, target / name), names, AT_ONCE)


def _copy_object(source: Location, target: Location) -> None:
    """Copy a file where one of the places is in a store."""
    if isinstance(target, StorePath):
        from ctabatch.io.object_store import write

        # through a file of this machine: a request that breaks off can be made again
        with fetched([source]) as (file,), writing(target), file.open("rb") as content:
            write(target, content)
    elif isinstance(source, StorePath):
        with writing(target.parent):
            _parent_of(target)
        fetch(source, target)


def _parent_of(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)


def _arrays(root: Location) -> list[str]:
    """Tables of the arrays, relative to the dataset."""
    if isinstance(root, StorePath):
        from ctabatch.io.object_store import sizes_below

        found = sizes_below(root / "subarray", ".parquet")
        return [f"subarray/{name}" for name in sorted(found) if "/." not in f"/{name}"]
    paths = sorted((root / "subarray").rglob("[!.]*.parquet"))
    return [path.relative_to(root).as_posix() for path in paths]


__all__ = ["copy_parts"]
