"""The folder of results of ``ctabatch irf``: tables in Parquet and FITS, and the record."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ctabatch import __version__
from ctabatch.io.fits.benchmark_hdus import benchmark_hdus
from ctabatch.io.parquet import write_table
from ctabatch.io.whole_folder import check_free, whole_folder
from ctabatch.irf.cut_files import write_cuts
from ctabatch.irf.long_table import long_table
from ctabatch.irf.make import Responses
from ctabatch.irf.products import Product
from ctabatch.irf.provenance import LEVEL, places_of, responses_activity
from ctabatch.irf.response_hdus import RESPONSES, psf_hdu, response_hdus
from ctabatch.provenance.product import fits_cards, key_values, product_of
from ctabatch.provenance.record import RECORD as PROVENANCE
from ctabatch.provenance.record import record_text

#: Written last: a folder that has it is whole.
RECORD = "irf.json"
TABLE = "irf.parquet"
RESPONSE_FILE, BENCHMARK_FILE = "irf.fits", "benchmarks.fits"
CUT_FILES = ("cuts.parquet", "cuts.fits")
_WHAT = "instrument responses"


def check_output(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that cannot be written in the end, before any work is done."""
    check_free(folder, RECORD, _WHAT, overwrite=overwrite)


@contextlib.contextmanager
def write_responses(
    folder: Path, made: Responses, *, overwrite: bool = False
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Write results; more may be added to the folder inside the ``with`` block.

    ::

        FOLDER/irf.parquet        responses and benchmarks, one row per bin
        FOLDER/irf.fits           responses as GADF v0.3; with groups in groups/NAME/
        FOLDER/benchmarks.fits    benchmarks
        FOLDER/cuts.parquet       cuts; cuts.fits the same
        FOLDER/provenance.json    who made them, of which inputs
    FOLDER/irf.json           the record: options, inputs, cut flow, versions

    Yields
    ------
    (Path, dict)
        The folder under its temporary name, and the record, which is written at the end.
    """
    record = _record(made)
    with whole_folder(folder, RECORD, _WHAT, overwrite=overwrite) as wip:
        marks = _Marks(made, wip)
        table = long_table(made.products)
        write_table(wip / TABLE, table, marks.metadata(TABLE))
        for group in made.groups:
            own = [product for product in made.products if product.group == group]
            place = wip / "groups" / group_folder(group) if group else wip
            place.mkdir(parents=True, exist_ok=True)
            _write_fits(place, own, made.config.psf_fit, marks)
            _write_benchmarks(place, table, group, made.config.alpha, marks)
        if made.cuts is not None:
            for name in CUT_FILES:
                is_fits = name.endswith(".fits")
                about = marks.cards(name) if is_fits else marks.metadata(name)
                write_cuts(wip / name, made.cuts, about)
        (wip / PROVENANCE).write_text(marks.record(), encoding="utf-8")
        yield wip, record
        (wip / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def group_folder(group: str) -> str:
    """Name of a folder for a group: letters and digits, and a few that no file system minds."""
    plain = re.sub(r"[^A-Za-z0-9._=+-]+", "_", group).strip("_.")
    return f"{plain[:80]}-{hashlib.sha256(group.encode()).hexdigest()[:6]}"


def _write_fits(folder: Path, products: Sequence[Product], psf_fit: str, marks: _Marks) -> None:
    responses = [product for product in products if product.quantity in RESPONSES]
    if responses:
        hdus = response_hdus(responses)
        marks.write(folder / RESPONSE_FILE, hdus)
    psf = [product for product in products if product.quantity == "psf"]
    if psf and psf_fit != "none":
        marks.write(folder / f"psf_{psf_fit}.fits", [psf_hdu(psf[0], psf_fit)])


def _write_benchmarks(
    folder: Path, table: pa.Table, group: str, alpha: float, marks: _Marks
) -> None:
    if hdus := benchmark_hdus(table, group, alpha=alpha):
        marks.write(folder / BENCHMARK_FILE, hdus)


class _Marks:
    """Who made them, as each file carries it."""

    def __init__(self, made: Responses, root: Path) -> None:
        self._root = root
        self._activity, self._places = responses_activity(made), places_of(made)

    def metadata(self, name: str) -> dict[str, str]:
        return key_values(self._activity, product_of(name, level=LEVEL))

    def cards(self, name: str) -> dict[str, str]:
        return fits_cards(self._activity, product_of(name, level=LEVEL))

    def record(self) -> str:
        return record_text(self._activity, product_of("irf", level=LEVEL), self._places)

    def write(self, path: Path, hdus: Sequence[Any]) -> None:
        """Write a FITS file of these extensions."""
        from astropy.io import fits

        primary = fits.PrimaryHDU()
        primary.header.update(self.cards(path.relative_to(self._root).as_posix()))
        fits.HDUList([primary, *hdus]).writeto(path, checksum=True)


def _record(made: Responses) -> dict[str, Any]:
    config = made.config.model_dump(mode="json")
    text = json.dumps(config, sort_keys=True)
    return {
        "format": "ctabatch irf",
        "format_version": 1,
        "software": {"ctabatch": __version__},
        "config": config,
        "config_digest": hashlib.sha256(text.encode()).hexdigest()[:12],
        "inputs": {role: [dict(one) for one in records] for role, records in made.inputs.items()},
        "audit": made.audits if made.config.audit else None,
        "groups": {group: group_folder(group) for group in made.groups if group},
        "quantities": list(dict.fromkeys(product.quantity for product in made.products)),
        "cut_flow": {name: dict(flow) for name, flow in made.cut_flow.items()},
        "notes": made.notes,
        "gaps": made.gaps,
    }


__all__ = ["RECORD", "check_output", "group_folder", "write_responses"]
