"""Commit records: whether they can be read, have the form they should, and fit each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ctabatch.errors import InputError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.merged_parts import replaced_by

from .findings import Report

_AGAIN = "process its input again with --overwrite"
_APPLY = "run ctabatch apply again with --overwrite"
#: What every record of a part has, besides its tables.
_COUNTS = ("array_events", "telescope_events", "n_losses")
_ENTRIES = {"input": dict, "config_digest": str, "by_tel_type": dict,
            **dict.fromkeys(_COUNTS, int)}  # fmt: skip


@dataclass
class Records:
    """All records of a dataset that could be used.

    Attributes
    ----------
    parts : dict
        Part -> its record.
    predictions : dict
        (prefix, part) -> the record of its predictions.
    replaced : dict
        Part -> the one it was merged into: its record and files are left from a compaction.
    files : dict
        File, relative to the dataset -> what its record tells and the record's name.
    """

    parts: dict[str, dict[str, Any]] = field(default_factory=dict)
    predictions: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    replaced: dict[str, str] = field(default_factory=dict)
    files: dict[str, tuple[dict[str, Any], str]] = field(default_factory=dict)


def read_records(folder: DatasetFolder, report: Report) -> Records:
    """Read all records; what cannot be used is a finding."""
    found = Records()
    names = folder.recorded()
    usable: dict[str, dict[str, Any]] = {}
    for name in names:
        where = f"parts/{name}.json"
        record = _read(folder.record, name, where, report)
        report.checked["records"] += 1
        if record is not None and _has_form(record, where, report):
            usable[name] = record
    found.replaced = replaced_by(usable, usable.get)
    for name, record in usable.items():
        if name not in found.replaced:
            found.parts[name] = record
            where = f"parts/{name}.json"
            _counts(record, where, report)
            _claim(record, where, found, report)
    _predictions(folder, found, set(names), report)
    return found


def _predictions(folder: DatasetFolder, found: Records, names: set[str], report: Report) -> None:
    for prefix in folder.prefixes():
        where_they_are = folder.prediction_path(prefix, "any").parent
        parts = {path.stem for path in where_they_are.glob("[!.]*.json")}
        for part in sorted(parts - found.replaced.keys()):
            where = f"parts/dl2/{prefix}/{part}.json"
            if part not in names:
                continue  # a leftover
            record = _read(lambda name, p=prefix: folder.prediction_record(p, name), part, where,
                           report)  # fmt: skip
            report.checked["records"] += 1
            if record is None or part not in found.parts:
                continue
            if record.get("prefix") != prefix:
                report.add("record", where, "it is about other predictions than its name says",
                           _APPLY)  # fmt: skip
            elif _has_tables(record, where, report, _APPLY):
                found.predictions[prefix, part] = record
                _claim(record, where, found, report)


def _read(read: Any, name: str, where: str, report: Report) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] | None = read(name)
    except (InputError, TypeError) as error:
        report.add("record", where, f"the commit record is not readable ({error})", _AGAIN)
        return None
    return record


def _has_form(record: Mapping[str, Any], where: str, report: Report) -> bool:
    for entry, kind in _ENTRIES.items():
        if not isinstance(record.get(entry), kind):
            report.add("record", where, f"it has no entry {entry} of type {kind.__name__}", _AGAIN)
            return False
    return _has_tables(record, where, report, _AGAIN)


def _has_tables(record: Mapping[str, Any], where: str, report: Report, todo: str) -> bool:
    """Reading has checked their names and rows; an older record may lack sizes."""
    if not record["tables"]:
        report.add("record", where, "it names no tables", todo)
        return False
    for name, facts in record["tables"].items():
        if "bytes" not in facts:
            report.add("record", where, f"it tells no bytes of {name}", todo)
            return False
    return True


def _counts(record: Mapping[str, Any], where: str, report: Report) -> None:
    """Counts of a record against the rows of its tables."""
    rows: dict[str, int] = {}
    for name, facts in record["tables"].items():
        table = name.rpartition("/")[0]
        rows[table] = rows.get(table, 0) + facts["rows"]
    events = rows.get("trigger")
    if events is not None and events != record["array_events"]:
        report.add("record", where, f"{record['array_events']} array events, but {events} rows of "
                   "table trigger", _AGAIN)  # fmt: skip
    by_type = sum(n for n in record["by_tel_type"].values() if isinstance(n, int))
    if by_type != record["telescope_events"]:
        report.add("record", where, f"{record['telescope_events']} telescope events, but {by_type} "
                   "by telescope type", _AGAIN)  # fmt: skip


def _claim(record: Mapping[str, Any], where: str, found: Records, report: Report) -> None:
    for name, facts in record["tables"].items():
        if name in found.files:
            report.add("record", where, f"{name} is a file of {found.files[name][1]} too", _AGAIN)
        else:
            found.files[name] = facts, where


__all__ = ["Records", "read_records"]
