"""Check a dataset: records, files, schemas, keys, checksums, leftovers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.errors import InputError
from ctabatch.io.dataset_folder import SUBARRAY_TABLES, DatasetFolder
from ctabatch.io.location import Location, parquet_source
from ctabatch.io.merged_parts import inner_records

from .files import check_file
from .findings import Report
from .key_ranges import Ranges
from .keys import KeyCheck
from .leftovers import find_leftovers, remove_leftovers
from .records import Records, read_records

#: Told what is done, how much of it is done and how much there is.
Progress = Callable[[str, int, int], None]


def validate(
    root: str | Location,
    *,
    deep: bool = False,
    now: bool = False,
    progress: Progress | None = None,
) -> tuple[Report, list[str]]:
    """Check a dataset; nothing is changed.

    Parameters
    ----------
    root : path or URI
    deep : bool
        Read every byte: checksums of the files and of the pages, and every value.
    now : bool
        Nothing writes to the dataset: leftovers may be removed whatever their age.
    progress : callable, optional

    Returns
    -------
    report : Report
    removable : list of str
        Leftovers that `remove_leftovers` may remove.

    Raises
    ------
    InputError
        There is no dataset.
    """
    folder, report = DatasetFolder(root), Report()
    folder.check()
    records = read_records(folder, report)
    names, root = sorted(records.files), folder.root
    ranges, usable = Ranges(), set()
    for number, name in enumerate(names):
        facts, _ = records.files[name]
        if check_file(root, name, facts, report, deep=deep, ranges=ranges, number=number):
            usable.add(name)
        if progress is not None:
            progress("files", number + 1, len(names))
    if report.checked["files without checksum"]:
        n = report.checked["files without checksum"]
        report.add("note", "parts", f"{n:,} files have no checksum in their record: an earlier "
                   "version wrote them", "nothing: their pages were checked")  # fmt: skip
    _subarrays(folder, usable, report)
    try:
        # predictions belong to the part that they are made of
        owners = {name: f"parts/{Path(records.files[name][1]).name}" for name in names}
        try:
            KeyCheck(root, owners, ranges, report).run()
        except InputError as error:  # a damaged file, told above if every byte was read
            report.add("keys", "parts", str(error)[:300], "mend what is damaged (--deep tells) and "
                       "run this again")  # fmt: skip
    except InputError as error:
        report.add("keys", ".", str(error), "mend the files that are told above, then check again")
    removable = find_leftovers(folder, records, report, now=now)
    return report, _safe(removable, records, report)


def _safe(removable: list[str], records: Records, report: Report) -> list[str]:
    """Leave out what a merged part replaces if that part is damaged: it may be the only copy."""
    bad_files = {one.file for one in report.problems if one.kind in ("file", "checksum", "schema")}
    damaged = {where for name, (_, where) in records.files.items() if name in bad_files}
    bad = {
        inner["part"]
        for part, record in records.parts.items()
        if f"parts/{part}.json" in damaged
        or any(f"parts/dl2/{prefix}/{part}.json" in damaged for prefix, own in records.predictions
               if own == part)
        for inner in inner_records(record)
    }  # fmt: skip
    return [name for name in removable if not any(Path(name).stem.startswith(b) for b in bad)]


def _subarrays(folder: DatasetFolder, usable: set[str], report: Report) -> None:
    """Every array that a run names has its five tables, as they are declared."""
    wanted: dict[str, str] = {}
    for name in sorted(usable):
        if not name.startswith("run/"):
            continue
        try:
            runs = folder.root / name
            ids = pq.read_table(parquet_source(runs), columns=["subarray_id"], partitioning=None)
        except (OSError, pa.ArrowException, KeyError):
            continue  # told already
        if "subarray_id" in ids.column_names:
            wanted |= dict.fromkeys(ids["subarray_id"].to_pylist(), name)
    for digest, name in sorted(wanted.items()):
        for table in SUBARRAY_TABLES:
            file = f"subarray/{table}/{digest}.parquet"
            path = folder.root / file
            if not path.exists():
                report.add("subarray", file, f"it is gone, {name} needs it", "copy it from another "
                           "dataset of the same array, or process an input again")  # fmt: skip
                continue
            try:
                rows = pq.read_metadata(parquet_source(path)).num_rows
                facts = {"bytes": path.stat().st_size, "rows": rows}
            except (OSError, pa.ArrowException, ValueError) as error:
                report.add("file", file, f"not readable as Parquet: {str(error)[:200]}", "copy it "
                           "from another dataset of the same array")  # fmt: skip
                continue
            # named by its content, so it is small and read whole
            check_file(folder.root, file, facts, report, deep=True)
            report.checked["files without checksum"] -= 1


__all__ = ["Progress", "remove_leftovers", "validate"]
