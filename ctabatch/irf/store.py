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
import pyarrow.parquet as pq

from ctabatch import __version__
from ctabatch.io.fits.benchmark_hdus import benchmark_hdus
from ctabatch.io.whole_folder import check_free, whole_folder
from ctabatch.irf.cut_files import write_cuts
from ctabatch.irf.long_table import long_table
from ctabatch.irf.make import Responses
from ctabatch.irf.products import Product
from ctabatch.irf.response_hdus import RESPONSES, psf_hdu, response_hdus

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
        FOLDER/irf.json           the record: options, inputs, cut flow, versions

    Yields
    ------
    (Path, dict)
        The folder under its temporary name, and the record, which is written at the end.
    """
    record = _record(made)
    with whole_folder(folder, RECORD, _WHAT, overwrite=overwrite) as wip:
        table = long_table(made.products)
        pq.write_table(table, wip / TABLE, compression="zstd")
        for group in made.groups:
            own = [product for product in made.products if product.group == group]
            place = wip / "groups" / group_folder(group) if group else wip
            place.mkdir(parents=True, exist_ok=True)
            _write_fits(place, own, made.config.psf_fit)
            _write_benchmarks(place, table, group, made.config.alpha)
        if made.cuts is not None:
            for name in CUT_FILES:
                write_cuts(wip / name, made.cuts)
        yield wip, record
        (wip / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def group_folder(group: str) -> str:
    """Name of a folder for a group: letters and digits, and a few that no file system minds."""
    plain = re.sub(r"[^A-Za-z0-9._=+-]+", "_", group).strip("_.")
    return f"{plain[:80]}-{hashlib.sha256(group.encode()).hexdigest()[:6]}"


def _write_fits(folder: Path, products: Sequence[Product], psf_fit: str) -> None:
    from astropy.io import fits

    responses = [product for product in products if product.quantity in RESPONSES]
    if responses:
        hdus = response_hdus(responses)
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(folder / RESPONSE_FILE, checksum=True)
    psf = [product for product in products if product.quantity == "psf"]
    if psf and psf_fit != "none":
        fits.HDUList([fits.PrimaryHDU(), psf_hdu(psf[0], psf_fit)]).writeto(
            folder / f"psf_{psf_fit}.fits", checksum=True
        )


def _write_benchmarks(folder: Path, table: pa.Table, group: str, alpha: float) -> None:
    from astropy.io import fits

    if hdus := benchmark_hdus(table, group, alpha=alpha):
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(folder / BENCHMARK_FILE, checksum=True)


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
