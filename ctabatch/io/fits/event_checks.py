"""What is wrong with the event list and the good time intervals of an observation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.io.fits.events import COLUMNS, REQUIRED
from ctabatch.io.fits.observation import MARGIN
from ctabatch.io.fits.response_checks import Problem, same_unit

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU

TIME_KEYS = ("MJDREFI", "MJDREFF", "TIMEUNIT", "TIMESYS", "TIMEREF")
SITE_KEYS = ("GEOLON", "GEOLAT", "ALTITUDE")
#: Header keys of EVENTS.
EVENT_KEYS = (
    *("HDUCLASS", "HDUDOC", "HDUVERS", "HDUCLAS1", "OBS_ID", "TSTART", "TSTOP", "ONTIME"),
    *("LIVETIME", "DEADC", "RA_PNT", "DEC_PNT", "ORIGIN", "TELESCOP", "INSTRUME", "CREATOR"),
    *TIME_KEYS,
    *SITE_KEYS,
    *("OBS_MODE", "EQUINOX", "RADECSYS"),
)
#: Agreement of times in the header with the intervals, s; of ratios; of directions, deg.
_TIME, _RATIO, _ANGLE = 1e-5, 1e-6, 1 / 3600
#: Events farther from the pointing than this are elsewhere, deg.
_FIELD = 20.0
_SAMPLE, _BLOCK = 1000, 1 << 20


def gti_problems(hdu: BinTableHDU) -> tuple[list[Problem], NDArray[np.float64] | None]:
    """Key and description of all problems, and intervals of shape (n, 2) in s if there are."""
    found = [
        (key, "is missing")
        for key in ("HDUCLASS", "HDUDOC", "HDUVERS", "HDUCLAS1", *TIME_KEYS)
        if key not in hdu.header
    ]
    if hdu.header.get("HDUCLAS1", "GTI") != "GTI":
        found.append(("HDUCLAS1", f"is {hdu.header['HDUCLAS1']!r}, must be GTI"))
    units = {c.name: c.unit for c in hdu.columns}
    for name in ("START", "STOP"):
        if name not in units:
            found.append((name, "column is missing"))
        elif not same_unit(units[name], "s"):
            found.append((name, f"has unit {units[name]!r}, must be s"))
    if not {"START", "STOP"} <= units.keys():
        return found, None
    intervals = np.stack([np.asarray(hdu.data[n], np.float64) for n in ("START", "STOP")], axis=-1)
    if not len(intervals):
        found.append(("NAXIS2", "the table has no rows"))
        return found, None
    if (intervals[:, 1] <= intervals[:, 0]).any() or (intervals[1:, 0] < intervals[:-1, 1]).any():
        found.append(("START", "intervals are empty, overlap or are not in order"))
    return found, intervals


def event_problems(
    hdu: BinTableHDU, gti: NDArray[np.float64] | None, obs_id: int
) -> Iterator[Problem]:
    """Key and description of everything wrong with an event list.

    Parameters
    ----------
    hdu : BinTableHDU
    gti : array of shape (n, 2), optional
        Good time intervals in s.
    obs_id : int
        Number of the observation in the HDU index table.
    """
    header = hdu.header
    yield from ((key, "is missing") for key in EVENT_KEYS if key not in header)
    for key, value in (
        ("HDUCLAS1", "EVENTS"),
        ("OBS_ID", obs_id),
        ("OBS_MODE", "POINTING"),
        ("RADECSYS", "ICRS"),
    ):
        if key in header and header[key] != value:
            yield key, f"is {header[key]!r}, must be {value}"
    yield from _times_of_header(header, gti)
    columns = {c.name: c for c in hdu.columns}
    for name in COLUMNS:
        if name not in columns:
            if name in REQUIRED:
                yield name, "column is missing"
        elif not same_unit(columns[name].unit, COLUMNS[name][2]):
            unit = COLUMNS[name][2] or "none"
            yield name, f"has unit {columns[name].unit!r}, must be {unit}"
    for name, form in (("TIME", "D"), ("EVENT_ID", "K")):
        if name in columns and str(columns[name].format).lstrip("1") != form:
            yield name, f"is stored as {columns[name].format}, must be {form}"
    if not len(hdu.data):
        yield "NAXIS2", "there are no events"
    elif set(REQUIRED) <= columns.keys():
        yield from _rows(hdu, gti)
        if {"ALT", "AZ"} <= columns.keys() and all(key in header for key in EVENT_KEYS):
            yield from _horizon(hdu)


def _times_of_header(header: Any, gti: NDArray[np.float64] | None) -> Iterator[Problem]:
    known = {key: header[key] for key in ("ONTIME", "LIVETIME", "DEADC") if key in header}
    if len(known) == 3:
        ratio = known["LIVETIME"] / known["ONTIME"] if known["ONTIME"] else np.nan
        if not abs(known["DEADC"] - ratio) < _RATIO:
            yield "DEADC", f"is {known['DEADC']}, but LIVETIME / ONTIME is {ratio:.6g}"
        if not 0 < known["DEADC"] <= 1:
            yield "DEADC", f"is {known['DEADC']}, must be above 0 and at most 1"
    if gti is None:
        return
    for key, expected, what in (
        ("ONTIME", (gti[:, 1] - gti[:, 0]).sum(), "the good time intervals add up to"),
        ("TSTART", gti[0, 0], "the first good interval begins at"),
        ("TSTOP", gti[-1, 1], "the last good interval ends at"),
    ):
        if key in header and not abs(header[key] - expected) < _TIME:
            yield key, f"is {header[key]} s, but {what} {expected:.6f} s"


def _rows(hdu: BinTableHDU, gti: NDArray[np.float64] | None) -> Iterator[Problem]:
    """Problems of the rows, read in blocks."""
    n_rows, counts, last = len(hdu.data), dict.fromkeys(_ROW_PROBLEMS, 0), -np.inf
    ids = []
    for begin in range(0, n_rows, _BLOCK):
        rows = hdu.data[begin : begin + _BLOCK]
        time = np.asarray(rows["TIME"], np.float64)
        counts["order"] += int((np.diff(time, prepend=last) <= 0).sum())
        last = time[-1]
        if gti is not None:
            inside = np.zeros(len(time), bool)
            for start, stop in gti:
                inside |= (time >= start + MARGIN / 2) & (time <= stop)
            counts["gti"] += int((~inside).sum())
        energy = np.asarray(rows["ENERGY"], np.float64)
        counts["energy"] += int((~(np.isfinite(energy) & (energy > 0))).sum())
        ra, dec = (np.asarray(rows[name], np.float64) for name in ("RA", "DEC"))
        counts["position"] += int((~(np.isfinite(ra) & (np.abs(dec) <= 90))).sum())
        if "RA_PNT" in hdu.header and "DEC_PNT" in hdu.header:
            far = _distance(hdu.header["RA_PNT"], hdu.header["DEC_PNT"], ra, dec) > _FIELD
            counts["field"] += int(far.sum())
        ids.append(np.asarray(rows["EVENT_ID"], np.int64))
    counts["id"] = n_rows - len(np.unique(np.concatenate(ids)))
    for name, (key, text) in _ROW_PROBLEMS.items():
        if counts[name]:
            yield key, f"{counts[name]:,} of {n_rows:,} events {text}"


_ROW_PROBLEMS = {
    "order": ("TIME", "are not later than the one before"),
    "gti": ("TIME", "lie outside the good time intervals (readers do not cut them)"),
    "energy": ("ENERGY", "have no energy above zero"),
    "position": ("RA", "have no position"),
    "field": ("RA", f"are more than {_FIELD:.0f} deg from the pointing"),
    "id": ("EVENT_ID", "repeat the number of another"),
}


def _horizon(hdu: BinTableHDU) -> Iterator[Problem]:
    """Compare ALT and AZ of some events with those of their sky position, time and site."""
    from astropy import units as u
    from astropy.coordinates import AltAz, EarthLocation, SkyCoord
    from astropy.time import Time

    header = hdu.header
    rows = hdu.data[:: max(1, len(hdu.data) // _SAMPLE)]
    rows = rows[np.isfinite(rows["RA"]) & np.isfinite(rows["DEC"]) & np.isfinite(rows["TIME"])]
    if not len(rows):  # said elsewhere
        return
    reference = Time(
        header["MJDREFI"], header["MJDREFF"], format="mjd", scale=header["TIMESYS"].lower()
    )
    place = EarthLocation(
        lon=header["GEOLON"] * u.deg, lat=header["GEOLAT"] * u.deg, height=header["ALTITUDE"] * u.m
    )
    time = reference + np.asarray(rows["TIME"], np.float64) * u.s
    sky = SkyCoord(np.asarray(rows["RA"]), np.asarray(rows["DEC"]), unit="deg")
    seen = sky.transform_to(AltAz(obstime=time, location=place))
    distance = _distance(seen.az.deg, seen.alt.deg, rows["AZ"], rows["ALT"])
    if not (worst := float(np.max(distance))) <= _ANGLE:
        yield "AZ", f"ALT and AZ are up to {worst:.3g} deg from where RA and DEC are seen"


def _distance(lon: Any, lat: Any, lon_2: Any, lat_2: Any) -> NDArray[np.float64]:
    """Distance in deg of directions in deg (haversine formula)."""
    lon, lat, lon_2, lat_2 = (
        np.radians(np.asarray(x, np.float64)) for x in (lon, lat, lon_2, lat_2)
    )
    half = np.sin((lat_2 - lat) / 2) ** 2
    half = half + np.cos(lat) * np.cos(lat_2) * np.sin((lon_2 - lon) / 2) ** 2
    return np.asarray(np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0, 1)))))
