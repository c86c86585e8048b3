"""The folder of a dataset: its identity, its subarray tables and the commit records of its parts.

A part exists for readers when its commit record ``parts/PART.json`` does; the record is written
last. Two inputs never share a file, so any number of processes may write one dataset.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ctabatch
from ctabatch.errors import InputError, OutputError
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.instrument.tables import subarray_tables

from .parquet import PartFiles, write_once, write_text, writing

FORMAT, FORMAT_VERSION = "ctabatch dataset", 1
IDENTITY = "ctabatch.json"
SUBARRAY_TABLES = ("telescopes", "cameras", "pixels", "optics", "readout")


class DatasetFolder:
    """A dataset on disk.

    Parameters
    ----------
    root : path
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

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
            if self.root.is_dir() and any(self.root.iterdir()):
                raise OutputError(
                    f"{self.root}: this folder holds something else than a ctabatch dataset "
                    f"(it has no {IDENTITY}); name a new or empty folder"
                )
            self.root.mkdir(parents=True, exist_ok=True)
        identity = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "created_by": f"ctabatch {ctabatch.__version__}",
        }
        write_text(self.root / IDENTITY, json.dumps(identity, indent=1) + "\n")

    def check(self) -> dict[str, Any]:
        """Identity of an existing dataset.

        Raises
        ------
        InputError
            There is no dataset, or one that this version cannot read.
        """
        try:
            text = (self.root / IDENTITY).read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(f"{self.root}: no ctabatch dataset (no {IDENTITY} in it)") from error
        try:
            identity = json.loads(text)
            version = int(identity["format_version"])
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"{self.root / IDENTITY}: not readable: {error}") from error
        if identity.get("format") != FORMAT or version > FORMAT_VERSION:
            raise InputError(
                f"{self.root}: format {identity.get('format')!r} version {version}; this version "
                f"of ctabatch reads {FORMAT!r} up to version {FORMAT_VERSION}"
            )
        return dict(identity)

    # -- parts

    def record_path(self, part: str) -> Path:
        return self.root / "parts" / f"{part}.json"

    def record(self, part: str) -> dict[str, Any] | None:
        """Commit record of a part; None if it is not committed."""
        try:
            return dict(json.loads(self.record_path(part).read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise InputError(f"{self.record_path(part)}: not readable: {error}") from error

    def parts(self) -> list[str]:
        """Names of the committed parts, sorted."""
        return sorted(p.stem for p in (self.root / "parts").glob("[!.]*.json"))

    def parts_of(self, stem: str) -> list[str]:
        """Names of the committed parts that are called ``STEM-DIGEST``, sorted."""
        found = (path.stem for path in (self.root / "parts").glob(f"{stem}-*.json"))
        return sorted(name for name in found if name.rpartition("-")[0] == stem)

    def records(self) -> Iterator[dict[str, Any]]:
        for part in self.parts():
            record = self.record(part)
            if record is not None:
                yield record

    def commit(self, files: PartFiles, record: dict[str, Any]) -> None:
        """Publish the files of a part and write its record; an earlier version is replaced."""
        files.close()  # if this fails, an earlier version stays
        earlier = self.record(files.part)
        if earlier is not None:
            with writing(self.root):
                self.record_path(files.part).unlink(missing_ok=True)
        record["tables"] = files.publish()
        if earlier is not None:
            self._remove_files(set(earlier.get("tables", ())) - set(record["tables"]))
        text = json.dumps(record, indent=1, allow_nan=False) + "\n"
        write_text(self.record_path(files.part), text)
        files.keep()

    def remove(self, part: str) -> None:
        """Remove a committed part: the record first, then its files."""
        record = self.record(part)
        if record is not None:
            with writing(self.root):
                self.record_path(part).unlink(missing_ok=True)
            self._remove_files(set(record.get("tables", ())))

    def _remove_files(self, names: set[str]) -> None:
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
