"""Merge many small parts of a dataset into a few: into a new dataset, or in place.

In place the record of a merged part is the switch, see `ctabatch.io.merged_parts`:

1. its tables are written under work-in-progress names, then renamed: no record names them;
2. the records of its predictions are written: they belong to a part that is not committed;
3. its own record is written: from this instant it counts, and the parts it was made of do not;
4. their records and files are removed.

Whoever is killed in between leaves files behind that nobody reads; `ctabatch validate --repair`, or
compacting again, removes them.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ctabatch.errors import InputError, OutputError
from ctabatch.io.dataset_folder import IDENTITY, DatasetFolder
from ctabatch.io.merged_parts import INPUTS, inner_records
from ctabatch.io.parquet import PartFiles, writing
from ctabatch.io.whole_folder import whole_folder
from ctabatch.provenance.activity import moment
from ctabatch.provenance.of_parts import compact_activity
from ctabatch.provenance.product import of_tables
from ctabatch.provenance.software import software

from .findings import Report
from .merged_records import merged_predictions, merged_record
from .merging import Part, committed_parts, groups, why_alone, write_merged
from .records import read_records

#: Bytes of the files of a merged part.
PART_BYTES = 1 << 30
#: Told what is done, how much of it is done and how much there is.
Progress = Callable[[str, int, int], None]


@dataclass
class Compacted:
    """What became of a dataset.

    Attributes
    ----------
    parts_before, parts_after, files_before, files_after : int
    merged : dict
        New part -> names of those it was made of.
    kept : dict
        Part that stayed as it was -> why, empty if there is none to merge it with.
    """

    parts_before: int = 0
    parts_after: int = 0
    files_before: int = 0
    files_after: int = 0
    merged: dict[str, list[str]] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)


def compact(
    root: str | Path,
    output: str | Path | None = None,
    *,
    part_bytes: int = PART_BYTES,
    progress: Progress | None = None,
) -> Compacted:
    """Merge the parts of a dataset.

    Parameters
    ----------
    root : path
    output : path, optional
        Folder of a new dataset, which appears when it is whole; without one the dataset is changed
        in place.
    part_bytes : int
        Parts are merged until they have about so many bytes.
    progress : callable, optional

    Raises
    ------
    InputError
        There is no dataset, or a file is damaged; nothing of its group is changed.
    OutputError
        The output cannot be written, or the dataset changed meanwhile.
    """
    folder = DatasetFolder(root)
    folder.check()
    if output is None:
        return _Run(folder, folder, part_bytes, progress).run()
    target = Path(output)
    if target.resolve().is_relative_to(folder.local_root.resolve()):
        raise OutputError(f"{target}: this is in {root}; name a folder beside it, or --in-place")
    with whole_folder(target, IDENTITY, "parts of a dataset", overwrite=False) as wip:
        new = DatasetFolder(wip)
        new.create()
        return _Run(folder, new, part_bytes, progress).run()


class _Run:
    def __init__(
        self,
        source: DatasetFolder,
        target: DatasetFolder,
        part_bytes: int,
        progress: Progress | None,
    ) -> None:
        self.source, self.target, self.part_bytes = source, target, part_bytes
        self.in_place = source is target
        self._tell, self._done, self._total = progress, 0, 0

    def run(self) -> Compacted:
        _refuse_broken(self.source)
        if self.in_place:
            self._finish_earlier()
        parts = committed_parts(self.source)
        result = Compacted(len(parts), files_before=sum(len(part.tables) for part in parts))
        reasons = {part.name: why_alone(self.source, part) for part in parts}
        free = [part for part in parts if not reasons[part.name]]
        found = groups(self.source, free, self.part_bytes)
        together = {part.name for group in found for part in group}
        result.kept = {name: why for name, why in reasons.items() if name not in together}
        self._total = sum(f["rows"] for g in found for part in g for f in part.tables.values())
        if not self.in_place:
            self._copy([part for part in parts if part.name not in together])
        for group in found:
            name = self._merge(group)
            result.merged[name] = [part.name for part in group]
        after = committed_parts(self.target)
        result.parts_after = len(after)
        result.files_after = sum(len(part.tables) for part in after)
        return result

    def _advance(self, rows: int) -> None:
        self._done += rows
        if self._tell is not None:
            self._tell("rows", self._done, self._total)

    def _finish_earlier(self) -> None:
        """Remove what an interrupted compaction left: parts that were merged already."""
        for name in sorted(set(self.source.recorded()) - set(self.source.parts())):
            self.source.remove(name)

    def _merge(self, group: list[Part]) -> str:
        record = merged_record([part.record for part in group])
        name = str(record["part"])
        begin = moment()
        own = PartFiles(self.target.local_root, name)
        made = compact_activity(record[INPUTS], software(), begin)
        own.about, record["activities"] = of_tables(made, name), [made.entry()]
        entries: dict[str, list[dict[str, Any]]] = {}
        predicted: dict[str, PartFiles] = {}
        try:
            names = [file for part in group for file in part.record["tables"]]
            write_merged(self.source.local_root, names, own, self._advance)
            own.close()
            for prefix in group[0].predictions:
                predicted[prefix] = PartFiles(self.target.local_root, name)
                before = [part.predictions[prefix] for part in group]
                before = [one for whole in before for one in inner_records(whole) or [whole]]
                made = compact_activity(before, software(), begin)
                predicted[prefix].about = of_tables(made, name)
                entries[prefix] = [made.entry()]
                names = [file for part in group for file in part.predictions[prefix]["tables"]]
                write_merged(self.source.local_root, names, predicted[prefix], self._advance)
                predicted[prefix].close()
            self._refuse_changed(group)
            record["tables"] = own.publish()
            _same_rows(group, record["tables"])
            for prefix, files in predicted.items():
                about = merged_predictions(
                    [part.record for part in group],
                    [part.predictions[prefix] for part in group],
                    record,
                )
                about["activities"] = entries[prefix]
                self.target.commit_predictions(prefix, files, about)
            self._refuse_changed(group)
            self.target.commit(own, record)
        except BaseException:
            for prefix in predicted:
                with contextlib.suppress(OSError):
                    self.target.prediction_path(prefix, name).unlink(missing_ok=True)
            for files in (own, *predicted.values()):
                files.discard()
            raise
        if self.in_place:
            self._remove(group, name)
        return name

    def _remove(self, group: list[Part], name: str) -> None:
        """Remove the parts that were merged, when what they became is on disk."""
        with writing(self.target.local_root):
            new = self.target.record(name) or {}
            paths = [self.target.local_root / file for file in new.get("tables", ())]
            for prefix in group[0].predictions:
                about = self.target.prediction_record(prefix, name) or {}
                paths += [self.target.local_root / file for file in about.get("tables", ())]
            for path in paths:
                _flush(path)
            records = self.target.local_root / "parts"
            for folder in {path.parent for path in paths} | {records}:
                _flush(folder)
        for part in group:
            self.target.remove(part.name)

    def _refuse_changed(self, group: list[Part]) -> None:
        for part in group:
            now = {p: self.source.prediction_record(p, part.name) for p in self.source.prefixes()}
            if self.source.record(part.name) != part.record or part.predictions != {
                prefix: record for prefix, record in now.items() if record is not None
            }:
                raise OutputError(
                    f"{self.source.root}: part {part.name} changed while it was merged; its group "
                    "stays as it was: run again when nothing writes to it"
                )

    def _copy(self, parts: list[Part]) -> None:
        """Take over arrays, and parts that are not merged, as they are."""
        source, target = self.source.local_root, self.target.local_root
        with writing(target):
            arrays = sorted((source / "subarray").rglob("[!.]*.parquet"))
            names = [path.relative_to(source).as_posix() for path in arrays]
            for part in parts:
                names += part.tables
                names += [f"parts/dl2/{prefix}/{part.name}.json" for prefix in part.predictions]
                names.append(f"parts/{part.name}.json")
            for name in names:
                _copy_file(source / name, target / name)


def _refuse_broken(folder: DatasetFolder) -> None:
    """Nothing is merged while a record cannot be read: it may be the one that counts."""
    report = Report()
    read_records(folder, report)
    if report.problems:
        raise InputError(
            f"{folder.root}: {report.problems[0]} (ctabatch validate tells all, mend them first)"
        )


def _same_rows(group: list[Part], tables: dict[str, dict[str, int]]) -> None:
    """The merged part has all rows; those of the cut-flow are sums."""
    rows: dict[str, int] = {}
    for sign, names in ((-1, tables), *((1, part.record["tables"]) for part in group)):
        for name, facts in names.items():
            table = name.rpartition("/")[0]
            rows[table] = rows.get(table, 0) + sign * facts["rows"]
    for table, missing in rows.items():
        if missing and table != "cut_flow":
            raise InputError(
                f"{table}: {missing} rows that the commit records tell are missing: ctabatch "
                "validate tells where"
            )


def _copy_file(path: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, to)


def _flush(path: Path) -> None:
    """Make sure that a file, or the names in a folder, outlive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = ["PART_BYTES", "Compacted", "compact"]
