"""The folder of results of ``ctabatch verify charge``."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ctabatch import __version__
from ctabatch.io.location import Location
from ctabatch.io.whole_folder import check_free, whole_folder

from .charge import ChargeCheck
from .charge_bins import ChargeBins

#: Written last: a folder that has it is whole.
RECORD = "charge.json"
TABLE = "charge.parquet"
_WHAT = "charge resolutions"


def check_output(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that cannot be written in the end, before any work is done."""
    check_free(folder, RECORD, _WHAT, overwrite=overwrite)


@contextlib.contextmanager
def write_charges(
    folder: Path,
    check: ChargeCheck,
    datasets: Sequence[str | Location],
    bins: ChargeBins,
    *,
    overwrite: bool = False,
) -> Iterator[Path]:
    """Write results; figures may be added to the folder inside the ``with`` block.

    ::

        FOLDER/charge.parquet    one row per telescope type, extractor and bin
        FOLDER/charge.json       the record: inputs, bins, what was used and left out

    Yields
    ------
    Path
        The folder under its temporary name.
    """
    with whole_folder(folder, RECORD, _WHAT, overwrite=overwrite) as wip:
        pq.write_table(check.table, wip / TABLE, compression="zstd")
        yield wip
        record = {
            "format": "ctabatch verify charge",
            "format_version": 1,
            "software": {"ctabatch": __version__},
            "datasets": [str(path) for path in datasets],
            **facts(check, bins),
        }
        (wip / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def facts(check: ChargeCheck, bins: ChargeBins) -> dict[str, Any]:
    """What record and ``--json`` tell besides the table."""
    return {
        "bins": asdict(bins),
        "accounts": check.accounts,
        "notes": check.notes,
        "gaps": check.gaps,
    }


__all__ = ["RECORD", "TABLE", "check_output", "facts", "write_charges"]
