"""The folder of a dataset: its identity, its subarray tables and the commit records of its parts.

A part exists for readers when its commit record ``parts/PART.json`` does; the record is written
last. Two inputs never share a file, so any number of processes may write one dataset.

In an object store nothing can be renamed, so every writing of a part has files of its own names,
and a record is written only in the place of the one that was looked at. So readers and writers see
one version of a part or the other, whatever happens, and what was replaced is removed afterwards.

What models predict is added later, for each part by itself and under the name of its prefix, with
records of its own (``parts/dl2/PREFIX/PART.json``): two prefixes never share a file either.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Collection, Iterator
from typing import Any

from ctabatch.errors import InputError, OutputError
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.instrument.tables import subarray_tables

from .commit_records import read_records
from .dataset_identity import IDENTITY, identity_text, read_identity
from .location import Location, StorePath, location
from .merged_parts import INPUTS, MERGED, inner_records, listed, replaced_by
from .parquet import PartFiles, write_once, write_text, writing
from .parquet_bounds import bounded_file
from .record_checks import is_plain_name, read_record

SUBARRAY_TABLES = ("telescopes", "cameras", "pixels", "optics", "readout")


class DatasetFolder:
    """A dataset on disk or in an object store.

    Parameters
    ----------
    root : path or URI
    """

    def __init__(self, root: str | Location) -> None:
        self.root: Location = location(root)
        self._merged: dict[str, list[dict[str, Any]]] = {}

    def create(self) -> None:
        """Make the folder a dataset, or check that it is one.

        Raises
        ------
        OutputError
            It is a file, holds something else, or a dataset of a newer format.
        """
        with writing(self.root):
            if self.root.exists() and not self.root.is_dir():
                raise OutputError(f"{self.root}: this is a file; name a folder for the dataset")
            if (self.root / IDENTITY).exists():
                self.check()
                return
            # what another process has just begun to write is no foreign content
            if self.root.is_dir() and any(
                not path.name.startswith(f".{IDENTITY}.") for path in self.root.iterdir()
            ):
                if (self.root / IDENTITY).exists():  # it was written meanwhile
                    self.check()
                    return
                raise OutputError(
                    f"{self.root}: this folder holds something else than a ctabatch dataset "
                    f"(it has no {IDENTITY}); name a new or empty folder"
                )
            self.root.mkdir(parents=True, exist_ok=True)
        write_text(self.root / IDENTITY, identity_text())

    def check(self) -> dict[str, Any]:
        """Identity of an existing dataset.

        Raises
        ------
        InputError
            There is no dataset, one that is not finished, or one that this version cannot read.
        """
        return read_identity(self.root)

    # -- parts

    def record_path(self, part: str) -> Location:
        return self.root / "parts" / f"{part}.json"

    def record(self, part: str) -> dict[str, Any] | None:
        """Commit record of a part; None if it is not committed."""
        return read_record(self.record_path(part))

    def recorded(self) -> list[str]:
        """Names of all parts that have a record, also of those that were merged, sorted."""
        return self._listed("[!.]*.json")

    def _listed(self, pattern: str) -> list[str]:
        return listed(lambda: sorted(p.stem for p in (self.root / "parts").glob(pattern)))

    def parts(self) -> list[str]:
        """Names of the committed parts, sorted; a part that was merged into another is none."""
        names = self.recorded()
        replaced = replaced_by(names, self.record)
        return [name for name in names if name not in replaced]

    def merged(self, stem: str) -> dict[str, dict[str, Any]]:
        """Parts called ``STEM-DIGEST`` that were merged into others, with their records."""
        for name in self._listed(f"{MERGED}*.json"):
            if name not in self._merged:  # their records never change in what they were made of
                self._merged[name] = inner_records(self.record(name))
        inner = (one for records in self._merged.values() for one in records)
        return {one["part"]: one for one in inner if one["part"].rpartition("-")[0] == stem}

    def parts_of(self, stem: str) -> list[str]:
        """Names of the committed parts that are called ``STEM-DIGEST``, sorted."""
        found = (path.stem for path in (self.root / "parts").glob(f"{stem}-*.json"))
        return sorted(name for name in found if name.rpartition("-")[0] == stem)

    def tables(self) -> dict[str, list[Location]]:
        """Table -> files of all committed parts and predictions, sorted by part."""
        for _ in range(20):
            names = self.recorded()
            found = self._tables_now()
            if self.recorded() == names:  # else parts may have been merged while they were read
                break
        return found

    def _tables_now(self) -> dict[str, list[Location]]:
        found: dict[str, list[Location]] = {}
        prefixes = self.prefixes()
        paths = [
            path
            for part in self.parts()
            for path in (
                self.record_path(part),
                *(self.prediction_path(prefix, part) for prefix in prefixes),
            )
        ]
        for record in filter(None, read_records(paths)):
            for name in record["tables"]:
                found.setdefault(name.rpartition("/")[0], []).append(self.root / name)
        return found

    def records(self) -> Iterator[dict[str, Any]]:
        parts = self.parts()
        paths = [self.record_path(part) for part in parts]
        for part, record in zip(parts, read_records(paths), strict=True):
            if record is not None:
                yield record
            elif part in replaced_by(self.recorded(), self.record):
                raise InputError(f"{self.root}: was compacted while it was read: run again")

    def commit(
        self, files: PartFiles, record: dict[str, Any], predictions: Collection[str] = ()
    ) -> None:
        """Publish the files of a part and write its record; an earlier version is replaced.

        Predictions made from an earlier version are removed with it, but those of the prefixes in
        `predictions`: they were made for this one.
        """
        files.close()  # if this fails, an earlier version stays
        if isinstance(self.root, StorePath):
            self._remove_predictions(files.part, predictions)
            self._commit_to_store(self.record_path(files.part), files, lambda _: record)
            return
        earlier = self.record(files.part)
        if earlier is not None:
            with writing(self.root):
                self.record_path(files.part).unlink(missing_ok=True)
        record["tables"] = files.publish()
        if earlier is not None:
            self._remove_files(set(earlier.get("tables", ())) - set(record["tables"]))
        if earlier is not None or INPUTS in record:  # a killed compaction may have left some
            self._remove_predictions(files.part, predictions)
        self._write_record(self.record_path(files.part), record)
        files.keep()

    def replace_tables(
        self, files: PartFiles, folders: tuple[str, ...], changes: dict[str, Any]
    ) -> None:
        """Replace some tables of a committed part by those in `files`.

        Parameters
        ----------
        files : PartFiles
        folders : tuple of str
            Folders whose tables of this part are replaced; without a new version they are removed.
        changes : dict
            Entries of the commit record that change.
        """
        files.close()
        record = self.record(files.part)
        if record is None:
            raise InputError(f"{self.root}: part {files.part} is not committed")
        kept = {
            name: facts
            for name, facts in record["tables"].items()
            if not name.startswith(tuple(f"{folder}/" for folder in folders))
        }
        if isinstance(self.root, StorePath):

            def changed(now: dict[str, Any] | None) -> dict[str, Any]:
                if now is None or now != record:
                    raise OutputError(
                        f"{self.root}: part {files.part} was replaced meanwhile; run again"
                    )
                return {**now, **changes, "tables": kept}

            self._commit_to_store(self.record_path(files.part), files, changed)
            return
        replaced = set(record["tables"]) - set(kept)
        if replaced:  # for readers they are gone before the first file changes
            self._write_record(self.record_path(files.part), {**record, "tables": kept})
        new = files.publish()
        self._remove_files(replaced - set(new))
        record = {**record, **changes, "tables": {**kept, **new}}
        self._write_record(self.record_path(files.part), record)
        files.keep()

    def remove(self, part: str) -> None:
        """Remove a committed part: the record first, then its files."""
        record = self.record(part)
        if record is not None:
            with writing(self.root):
                self.record_path(part).unlink(missing_ok=True)
            self._remove_files(set(record.get("tables", ())))
            self._remove_predictions(part)

    def _commit_to_store(
        self, path: Location, files: PartFiles, make: Callable[[Any], dict[str, Any]]
    ) -> None:
        """The same for a dataset in an object store, see `store_record.commit_to_store`."""
        from .store_record import commit_to_store

        if isinstance(path, StorePath):
            self._remove_files(commit_to_store(path, files, make))

    def _write_record(self, path: Location, record: dict[str, Any]) -> None:
        write_text(path, json.dumps(record, indent=1, allow_nan=False) + "\n")

    # -- predictions

    def prefixes(self) -> list[str]:
        """Prefixes under which there are predictions, sorted."""
        folders = (self.root / "parts" / "dl2").glob("[!.]*/")
        return sorted(folder.name for folder in folders if any(folder.glob("[!.]*.json")))

    def prediction_path(self, prefix: str, part: str) -> Location:
        return self.root / "parts" / "dl2" / prefix / f"{part}.json"

    def prediction_record(self, prefix: str, part: str) -> dict[str, Any] | None:
        """Commit record of the predictions for a part; None if there are none."""
        return read_record(self.prediction_path(prefix, part))

    def commit_predictions(self, prefix: str, files: PartFiles, record: dict[str, Any]) -> None:
        """Publish the predictions for a part; earlier ones of the same prefix are replaced."""
        files.close()
        if isinstance(self.root, StorePath):
            path = self.prediction_path(prefix, files.part)
            self._commit_to_store(path, files, lambda _: record)
            return
        earlier = self.prediction_record(prefix, files.part)
        if earlier is not None:
            with writing(self.root):
                self.prediction_path(prefix, files.part).unlink(missing_ok=True)
        record["tables"] = files.publish()
        if earlier is not None:
            self._remove_files(set(earlier.get("tables", ())) - set(record["tables"]))
        self._write_record(self.prediction_path(prefix, files.part), record)
        files.keep()

    def _remove_predictions(self, part: str, but: Collection[str] = ()) -> None:
        for prefix in set(self.prefixes()) - set(but):
            record = self.prediction_record(prefix, part)
            if record is not None:
                with writing(self.root):
                    self.prediction_path(prefix, part).unlink(missing_ok=True)
                self._remove_files(set(record.get("tables", ())))

    def _remove_files(self, names: set[str]) -> None:
        if isinstance(self.root, StorePath):
            from .store_record import remove_objects

            remove_objects(self.root / name for name in sorted(names) if name.endswith(".parquet"))
            return
        for name in names:
            path = (self.root / name).resolve()
            if path.is_relative_to(self.root.resolve()) and path.suffix == ".parquet":
                with contextlib.suppress(OSError):
                    path.unlink()

    # -- subarrays

    def add_subarray(self, subarray: SubarrayDescription) -> None:
        """Store the description of an array, named by its digest; one copy for all its parts."""
        for name, table in subarray_tables(subarray).items():
            write_once(self.root / "subarray" / name / f"{subarray.digest}.parquet", table)

    def subarray_rows(self, table: str, digest: str) -> list[dict[str, Any]]:
        """Rows of a table (such as telescopes) of one array.

        Raises
        ------
        InputError
            The file is gone or damaged.
        """
        path = self.root / "subarray" / table / f"{digest}.parquet"
        if not is_plain_name(digest):  # it stands in a table of the part
            raise InputError(f"{self.root}: {digest[:80]!r} is not the digest of an array")
        with bounded_file(path) as file:
            rows: list[dict[str, Any]] = file.read().to_pylist()
        return rows
