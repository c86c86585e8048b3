"""Merge many small parts of a dataset into a few: into a new dataset, or in place.

In place the record of a merged part is the switch, see `ctabatch.io.merged_parts`:

1. its tables are written under work-in-progress names, then renamed (or, in an object store, sent
   under names that nobody else uses): no record names them;
2. the records of its predictions are written: they belong to a part that is not committed;
3. its own record is written: from this instant it counts, and the parts it was made of do not;
4. their records and files are removed.

Whoever is killed in between leaves files behind that nobody reads; `ctabatch validate --repair`, or
compacting again, removes them: those of parts that were merged at once, those of a merged part that
was never committed when no living writer can own them, see `leftovers`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ctabatch.errors import InputError, OutputError
from ctabatch.io.compaction_claim import Keep, only_compaction
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.durable import flush
from ctabatch.io.location import Location, StorePath, location
from ctabatch.io.merged_parts import INPUTS, inner_records
from ctabatch.io.parquet import PartFiles, writing
from ctabatch.provenance.activity import moment
from ctabatch.provenance.of_parts import compact_activity
from ctabatch.provenance.product import of_tables
from ctabatch.provenance.software import software

from .copied_parts import copy_parts
from .findings import Report
from .leftovers import of_compactions, remove_leftovers
from .merged_records import merged_predictions, merged_record
from .merging import Part, changed, committed_parts, groups, why_alone, write_merged
from .new_dataset import new_dataset
from .records import Records, read_records

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
    root: str | Location,
    output: str | Location | None = None,
    *,
    part_bytes: int = PART_BYTES,
    now: bool = False,
    progress: Progress | None = None,
) -> Compacted:
    """Merge the parts of a dataset.

    Parameters
    ----------
    root : path or URI
    output : path or URI, optional
        Folder of a new dataset, which appears when it is whole; without one the dataset is changed
        in place.
    part_bytes : int
        Parts are merged until they have about so many bytes.
    now : bool
        Nothing else writes to what is written: what an interrupted compaction left there is removed
        also where its writer might be alive.
    progress : callable, optional

    Raises
    ------
    InputError
        There is no dataset, or a file is damaged; nothing of its group is changed.
    OutputError
        The output cannot be written, the dataset changed meanwhile, or another run changes it in
        place.
    """
    folder = DatasetFolder(root)
    folder.check()
    if output is None:
        with only_compaction(folder.root, now=now) as keep:
            return _Run(folder, folder, part_bytes, progress, keep).run(now)
    with new_dataset(folder.root, location(output), now=now) as (target, check_own):

        def keep(commits: bool) -> None:
            if commits:
                check_own()

        return _Run(folder, target, part_bytes, progress, keep).run(now)


class _Run:
    def __init__(
        self,
        source: DatasetFolder,
        target: DatasetFolder,
        part_bytes: int,
        progress: Progress | None,
        keep: Keep,
    ) -> None:
        self.source, self.target, self.part_bytes = source, target, part_bytes
        self.in_place = source is target
        self._keep = keep
        self._tell, self._done, self._total = progress, 0, 0

    def run(self, now: bool) -> Compacted:
        records = _refuse_broken(self.source)
        if self.in_place:
            self._finish_earlier(records, now)
        parts = committed_parts(self.source)
        result = Compacted(len(parts), files_before=sum(len(part.tables) for part in parts))
        reasons = {part.name: why_alone(self.source, part) for part in parts}
        free = [part for part in parts if not reasons[part.name]]
        found = groups(self.source, free, self.part_bytes)
        together = {part.name for group in found for part in group}
        result.kept = {name: why for name, why in reasons.items() if name not in together}
        self._total = sum(f["rows"] for g in found for part in g for f in part.tables.values())
        if not self.in_place:
            alone = [part for part in parts if part.name not in together]
            copy_parts(self.source.root, self.target.root, alone)
        for group in found:
            name = self._merge(group)
            result.merged[name] = [part.name for part in group]
        if self.in_place and found and isinstance(self.target.root, StorePath):
            # removing is not tried again while there is more to do
            self._finish_earlier(read_records(self.source, Report()), now=False)
        after = committed_parts(self.target)
        if not self.in_place:
            self._refuse_others(after, {*result.merged, *(p.name for p in alone)})
        result.parts_after = len(after)
        result.files_after = sum(len(part.tables) for part in after)
        return result

    def _advance(self, rows: int) -> None:
        self._done += rows
        self._keep(False)
        if self._tell is not None:
            self._tell("rows", self._done, self._total)

    def _finish_earlier(self, records: Records, now: bool) -> None:
        """Remove what interrupted compactions left."""
        for name in sorted(set(self.source.recorded()) & set(records.replaced)):
            self.source.remove(name)
        left = of_compactions(self.source, records, now=now)
        remove_leftovers(self.source.root, left, Report())

    def _refuse_others(self, after: list[Part], expected: set[str]) -> None:
        """In a store nothing keeps a second writer from adding parts to the new dataset."""
        if others := {part.name for part in after} ^ expected:
            raise OutputError(
                f"{self.target.root}: another run wrote here, too (part {min(others)}); run again "
                "when it has ended"
            )

    def _merge(self, group: list[Part]) -> str:
        record = merged_record([part.record for part in group])
        name = str(record["part"])
        begin = moment()
        own = PartFiles(self.target.root, name)
        made = compact_activity(record[INPUTS], software(), begin)
        own.about, record["activities"] = of_tables(made, name), [made.entry()]
        entries: dict[str, list[dict[str, Any]]] = {}
        predicted: dict[str, PartFiles] = {}
        try:
            names = [file for part in group for file in part.record["tables"]]
            write_merged(self.source.root, names, own, self._advance)
            own.close()
            for prefix in group[0].predictions:
                predicted[prefix] = PartFiles(self.target.root, name)
                before = [part.predictions[prefix] for part in group]
                before = [one for whole in before for one in inner_records(whole) or [whole]]
                made = compact_activity(before, software(), begin)
                predicted[prefix].about = of_tables(made, name)
                entries[prefix] = [made.entry()]
                names = [file for part in group for file in part.predictions[prefix]["tables"]]
                write_merged(self.source.root, names, predicted[prefix], self._advance)
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
            self._keep(True)
            self.target.commit(own, record, tuple(predicted))
        except BaseException:
            self._forget_predictions(predicted, name)
            for files in (own, *predicted.values()):
                files.discard()
            raise
        if self.in_place:
            self._remove(group)
        return name

    def _forget_predictions(self, prefixes: Iterable[str], part: str) -> None:
        """Remove records of predictions for a part that was not committed.

        In a store they stay: the record of the part may be there though its answer was lost, or
        may be that of another run. Without it nobody reads them, and the next run replaces them.
        """
        if isinstance(self.target.root, StorePath):
            return
        for prefix in prefixes:
            with contextlib.suppress(OSError):
                self.target.prediction_path(prefix, part).unlink(missing_ok=True)

    def _remove(self, group: list[Part]) -> None:
        """Remove the parts that were merged, when what they became is stored safely."""
        root = self.target.root
        if isinstance(root, StorePath):  # what a store has taken is safe
            from ctabatch.io.object_store import AT_ONCE, at_once

            at_once(self.target.remove, [part.name for part in group], AT_ONCE)
            return
        with writing(root):
            # files are on the disk before their records are written; now the records have to be
            for folder in (root / "parts", *(root / "parts/dl2" / p for p in group[0].predictions)):
                flush(folder)
        for part in group:
            self.target.remove(part.name)

    def _refuse_changed(self, group: list[Part]) -> None:
        part = changed(self.source, group)
        if part is not None:
            raise OutputError(
                f"{self.source.root}: part {part.name} changed while it was merged; its group "
                "stays as it was: run again when nothing writes to it"
            )


def _refuse_broken(folder: DatasetFolder) -> Records:
    """Nothing is merged while a record cannot be read: it may be the one that counts."""
    report = Report()
    records = read_records(folder, report)
    if report.problems:
        raise InputError(
            f"{folder.root}: {report.problems[0]} (ctabatch validate tells all, mend them first)"
        )
    return records


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


__all__ = ["PART_BYTES", "Compacted", "compact"]
