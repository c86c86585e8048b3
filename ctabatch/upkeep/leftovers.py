"""Files in a dataset that belong to nothing that is committed."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_identity import IDENTITY
from ctabatch.io.location import Location, StorePath, location
from ctabatch.io.merged_parts import MERGED
from ctabatch.io.parquet import writing
from ctabatch.io.part_lock import lock_state
from ctabatch.io.stored_parts import part_of
from ctabatch.io.writer_identity import writer_is_alive

from .findings import Report
from .records import Records

#: A file without a record that was touched within this time may be that of a living writer, where
#: nothing else tells, s.
LIVING = 3600.0
_REPAIR = "ctabatch validate --repair removes it"


def find_leftovers(
    folder: DatasetFolder, records: Records, report: Report, *, now: bool = False
) -> list[str]:
    """Report files that no record names; with `now` no writer is taken to be alive.

    Returns
    -------
    list of str
        Those that may be removed: nothing committed, and no file of a writer that may be alive. In
        the order of removal: records first, so that no record ever names a file that is gone.
    """
    removable: list[str] = []
    broken = {one.file for one in report.findings if one.kind == "record"}
    newest = _newest(folder)
    for name in sorted(_names(folder.root)):
        path = folder.root / name
        what = _what(name, folder, records, broken)
        if what is None:
            continue
        if what.startswith("unknown"):
            report.add("note", name, what, "remove it by hand if nothing needs it")
            continue
        if (
            not now
            and not what.startswith("left from a compaction")
            and (living := _may_be_alive(path, folder, newest))
        ):
            report.add("leftover", name, f"{what}: {living}", f"{_REPAIR} later; --now if nothing "
                       "writes to this dataset")  # fmt: skip
        else:
            report.add("leftover", name, what, _REPAIR)
            removable.append(name)
    return sorted(removable, key=lambda name: (not name.startswith("parts/"), name))


def of_compactions(folder: DatasetFolder, records: Records, *, now: bool = False) -> list[str]:
    """Leftovers of interrupted compactions that may be removed, as `find_leftovers` gives them."""
    found = find_leftovers(folder, records, Report(), now=now)
    parts = [part_of(folder.root / name) for name in found]
    return [
        name
        for name, part in zip(found, parts, strict=True)
        if part.startswith(MERGED) or _known(part, records.replaced)
    ]


def remove_leftovers(root: str | Location, names: list[str], report: Report) -> None:
    """Remove leftovers, and folders that they leave empty.

    Parameters
    ----------
    root : path or URI
    names : list of str
        As `find_leftovers` gives them.
    report : Report
        Told what was removed.

    Raises
    ------
    OutputError
        One cannot be removed.
    """
    place = location(root)
    if isinstance(place, StorePath):
        from ctabatch.io.object_store import SMALL_AT_ONCE, at_once, remove

        for records in (True, False):
            some = [name for name in names if name.startswith("parts/") is records]
            at_once(lambda name: remove(place / name), some, SMALL_AT_ONCE)
            report.removed += some
        return
    with writing(place):
        for name in names:
            path = place / name
            path.unlink(missing_ok=True)
            report.removed.append(name)
            with contextlib.suppress(OSError):  # it holds other files
                path.parent.rmdir()


def _may_be_alive(path: Location, folder: DatasetFolder, newest: dict[Location, float]) -> str:
    """Why a file may be that of a living writer; empty if that is dead."""
    if path.suffix == ".wip":
        alive = writer_is_alive(path.name)
        age = time.time() - _modified(path)
    else:  # between its last name and its record
        local = folder.root if isinstance(folder.root, Path) else None
        alive = None if local is None else lock_state(local, path.stem)
        age = time.time() - max(_modified(path), newest.get(path.parent, 0.0))
    if alive is None and age < LIVING:
        return f"{max(age, 0) / 60:.0f} minutes old, its writer may be alive"
    return "its writer is alive" if alive else ""


def _what(name: str, folder: DatasetFolder, records: Records, broken: set[str]) -> str | None:
    """What kind of leftover a file is; None if it is none."""
    if name in records.files or name == IDENTITY or name in broken:
        return None
    words = name.split("/")
    if words[-1].startswith(".") and words[-1].endswith(".wip"):
        return "work in progress that was never finished"
    if words[0] == "parts" and _is_of_production(words[1:]):
        return None
    if words[0] == "subarray":
        return None if len(words) == 3 and name.endswith(".parquet") else "unknown file"
    if words[0] == "parts" and name.endswith(".json"):
        return _record(words, records, folder)
    if name.endswith(".parquet"):
        part = part_of(Path(name))
        if _known(part, records.replaced):
            return "left from a compaction: its rows are in another part"
        if broken and any(_known(part, {Path(one).stem: ""}) for one in broken):
            return None  # the record is told, its files are needed to mend it
        return "no record names it"
    return "unknown file"


def _is_of_production(words: list[str]) -> bool:
    """Locks, the index, summaries and records of failed inputs: they are of nothing committed."""
    last = words[-1]
    if len(words) == 1:
        return last == "index.parquet" or (last.startswith(".") and last.endswith(".lock"))
    return len(words) == 2 and words[0] in ("failed", "summary") and last.endswith(".json")


def _record(words: list[str], records: Records, folder: DatasetFolder) -> str | None:
    part = words[-1].removesuffix(".json")
    if part in records.replaced:
        return "left from a compaction: its rows are in another part"
    if len(words) == 4 and not folder.record_path(part).exists():
        return "predictions for a part that is not committed"
    return None if len(words) in (2, 4) else "unknown file"


def _known(part: str, names: dict[str, str]) -> bool:
    """Whether a file is called like a part, also one with a second schema (``PART-2``)."""
    stem, _, number = part.rpartition("-")
    return part in names or (number.isdigit() and len(number) < 3 and stem in names)


def _names(root: Location) -> Iterator[str]:
    """All files below a folder, relative to it."""
    if isinstance(root, StorePath):
        from ctabatch.io.object_store import sizes_below

        yield from sizes_below(root, "")
        return
    for folder, _, names in os.walk(root):
        for name in names:
            yield (Path(folder) / name).relative_to(root).as_posix()


def _newest(folder: DatasetFolder) -> dict[Location, float]:
    """Folder of tables -> when work in progress in it was last touched: its writer is alive."""
    found: dict[Location, float] = {}
    for name in _names(folder.root):
        if name.endswith(".wip"):
            path = folder.root / name
            found[path.parent] = max(found.get(path.parent, 0.0), _modified(path))
    return found


def _modified(path: Location) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # gone meanwhile
        return time.time()


__all__ = ["LIVING", "find_leftovers", "of_compactions", "remove_leftovers"]
