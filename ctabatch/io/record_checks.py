"""Commit records are data of whoever wrote the dataset: checked before any name in them is used.

A record names files that are read, replaced and removed, and a part whose name becomes file names.
Nothing that it says may lead out of the folder of the dataset.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from ctabatch.errors import InputError

from .location import Location, StorePath

#: Largest record: a part has some tens of tables, and up to a thousand losses.
MOST_BYTES = 64 << 20
#: Longest name of a file that file systems take.
LONGEST_NAME = 255


def read_record(path: Location) -> dict[str, Any] | None:
    """A commit record; None if there is none.

    Raises
    ------
    InputError
        It is not readable, or no commit record.
    """
    if isinstance(path, StorePath):
        from .store_record import read_stored_record

        return read_stored_record(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: not readable: a commit record of more than 64 MiB")
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except InputError:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable: {error}") from error
    if problem := problem_of(record, path.stem):
        raise InputError(f"{path}: no commit record of a part: {problem}")
    return dict(record)


def problem_of(record: Any, part: str) -> str:
    """What is wrong with a record; empty if nothing is.

    Parameters
    ----------
    record : object
        What the JSON file holds.
    part : str
        The part it should be of.
    """
    if not isinstance(record, dict):
        return "it holds no JSON object"
    if record.get("part") != part:
        return f"it is of part {str(record.get('part'))[:80]!r}"
    tables = record.get("tables")
    if not isinstance(tables, dict):
        return "it names no tables"
    for name, facts in tables.items():
        if not is_table_file(name):
            return f"{name[:80]!r} is not the name of a table in this folder"
        if not isinstance(facts, dict) or not (
            _is_count(facts.get("rows")) and _is_count(facts.get("bytes", 0))
        ):
            return f"rows or bytes of {name} are no numbers"
    return _wrong_kind(record)


def is_table_file(name: str) -> bool:
    """Whether a text names a Parquet file below a folder, on any system."""
    steps = name.split("/")
    return (
        len(steps) > 1
        and name.endswith(".parquet")
        and name.isprintable()
        and not any(letter in name for letter in "\\:")
        and all(0 < len(step.encode()) <= LONGEST_NAME and step[0] != "." for step in steps)
    )


def is_plain_name(name: object) -> bool:
    """Whether something is letters, digits and a few signs that lead to no other folder."""
    return isinstance(name, str) and re.fullmatch(r"[A-Za-z0-9_-]{1,128}", name) is not None


#: Entries that are used -> their kind. They may be missing: older versions wrote fewer.
_KINDS: Mapping[str, type | tuple[type, ...]] = {
    "input": dict,
    "config": dict,
    "config_digest": str,
    "software": dict,
    "models": dict,
    "by_tel_type": dict,
    "by_event_type": dict,
    "activities": list,
    "obs_ids": list,
    "losses": list,
    "r0": dict,
}
_COUNTS = ("array_events", "telescope_events", "n_losses")


def _wrong_kind(record: Mapping[str, Any]) -> str:
    for name, kind in _KINDS.items():
        if name in record and not isinstance(record[name], kind):
            return f"{name} is not of the right kind"
    for name in _COUNTS:
        if name in record and not _is_count(record[name]):
            return f"{name} is no number"
    for name in ("by_tel_type", "by_event_type"):
        if not all(map(_is_count, record.get(name, {}).values())):
            return f"{name} holds something else than numbers"
    origin = record.get("input", {})
    for name in ("name", "path", "sha256"):
        if not isinstance(origin.get(name, ""), str):
            return f"the {name} of its input is no text"
    if not all(isinstance(value, str) for value in record.get("software", {}).values()):
        return "software holds something else than texts"
    return ""


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63


__all__ = ["is_plain_name", "is_table_file", "problem_of", "read_record"]
