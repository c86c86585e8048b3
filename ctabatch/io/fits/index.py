"""Index tables of a folder of observations: which HDU stands where, which observations there are.

Names of types and classes are in lower case: readers compare them exactly.
"""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ctabatch.io.fits.events import hdu_bytes, primary_bytes, table_hdu
from ctabatch.io.fits.irf_hdus import GADF
from ctabatch.io.fits.observation import TIME_KEYS, Observation, site_keys
from ctabatch.io.parquet import writing

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU

HDU_INDEX, OBS_INDEX = "hdu-index.fits.gz", "obs-index.fits.gz"


@dataclass(frozen=True)
class IndexRow:
    """One HDU of one observation; ``file`` is relative to the folder of the index."""

    obs_id: int
    hdu_type: str
    hdu_class: str
    file: Path
    hdu_name: str


@dataclass(frozen=True)
class ObservationRow:
    """One observation with what is not in its headers: zenith angle and azimuth at its middle."""

    observation: Observation
    n_events: int
    zenith: float
    azimuth: float


def hdu_index(rows: Sequence[IndexRow]) -> BinTableHDU:
    """The HDU index table."""
    words = {
        "HDU_TYPE": [row.hdu_type for row in rows],
        "HDU_CLASS": [row.hdu_class for row in rows],
        "FILE_DIR": [row.file.parent.as_posix() for row in rows],
        "FILE_NAME": [row.file.name for row in rows],
        "HDU_NAME": [row.hdu_name for row in rows],
    }
    columns: list[tuple[str, str, str, Any]] = [("OBS_ID", "K", "", [row.obs_id for row in rows])]
    columns += [(name, f"{_width(values)}A", "", values) for name, values in words.items()]
    cards = {**GADF, "HDUCLAS1": "INDEX", "HDUCLAS2": "HDU"}
    return table_hdu("HDU_INDEX", columns, cards)


def observation_index(rows: Sequence[ObservationRow]) -> BinTableHDU:
    """The observation index table; column EVENT_TYPE is there if an observation names one."""
    observations = [row.observation for row in rows]
    nan = float("nan")

    def numbers(name: str, unit: str, values: list[float]) -> tuple[str, str, str, Any]:
        return name, "D", unit, np.array(values, np.float64)

    def words(name: str, values: list[str]) -> tuple[str, str, str, Any]:
        return name, f"{_width(values)}A", "", values

    columns: list[tuple[str, str, str, Any]] = [
        ("OBS_ID", "K", "", [o.obs_id for o in observations]),
        words("OBS_MODE", ["POINTING" for _ in observations]),
        numbers("RA_PNT", "deg", [o.ra_pnt for o in observations]),
        numbers("DEC_PNT", "deg", [o.dec_pnt for o in observations]),
        numbers("ZEN_PNT", "deg", [row.zenith for row in rows]),
        numbers("ALT_PNT", "deg", [90 - row.zenith for row in rows]),
        numbers("AZ_PNT", "deg", [row.azimuth for row in rows]),
        numbers("ONTIME", "s", [o.ontime for o in observations]),
        numbers("LIVETIME", "s", [o.livetime for o in observations]),
        numbers("DEADC", "", [o.live_fraction for o in observations]),
        numbers("TSTART", "s", [o.start for o in observations]),
        numbers("TSTOP", "s", [o.stop for o in observations]),
        words("OBJECT", [o.target for o in observations]),
        numbers("RA_OBJ", "deg", [nan if o.ra_obj is None else o.ra_obj for o in observations]),
        numbers("DEC_OBJ", "deg", [nan if o.dec_obj is None else o.dec_obj for o in observations]),
        ("EVENT_COUNT", "K", "", [row.n_events for row in rows]),
    ]
    if any(o.event_type for o in observations):
        columns.append(words("EVENT_TYPE", [o.event_type for o in observations]))
    cards = {**GADF, "HDUCLAS1": "INDEX", "HDUCLAS2": "OBS", **TIME_KEYS}
    cards.update(site_keys(observations[0].site))
    return table_hdu("OBS_INDEX", columns, cards)


def write_index(folder: Path, name: str, table: BinTableHDU) -> None:
    """Write an index table, compressed, under its name at once; the same table, the same bytes.

    Raises
    ------
    OutputError
        The disk is full, or the folder may not be written.
    """
    path = folder / name
    wip = path.with_name(f".{name}.{uuid.uuid4().hex[:8]}.wip")
    with writing(folder):
        try:
            with wip.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as file:
                file.write(primary_bytes())
                file.write(hdu_bytes(table))
            wip.replace(path)
        finally:
            wip.unlink(missing_ok=True)


def _width(values: Sequence[str]) -> int:
    return max([1, *map(len, values)])
