"""What is wrong with the responses of an observation: headers, axes, normalisation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.io.fits.irf_hdus import INDEX_NAMES

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, FITS_rec

Floats = NDArray[np.float64]
#: HDUCLAS4 -> HDUCLAS2 that readers accept, axes in the order of the array's numpy axes before the
#: transpose, column of the values (None: several) and its unit.
_FORMS: dict[str, tuple[tuple[str, ...], tuple[str, ...], str | None, str]] = {
    "AEFF_2D": (("EFF_AREA",), ("ENERG", "THETA"), "EFFAREA", "m2"),
    "EDISP_2D": (("EDISP",), ("ENERG", "MIGRA", "THETA"), "MATRIX", ""),
    "PSF_TABLE": (("PSF", "RPSF"), ("ENERG", "THETA", "RAD"), "RPSF", "sr-1"),
    "PSF_3GAUSS": (("PSF", "RPSF"), ("ENERG", "THETA"), None, ""),
    "PSF_KING": (("PSF", "RPSF"), ("ENERG", "THETA"), None, ""),
    "BKG_2D": (("BKG",), ("ENERG", "THETA"), "BKG", "MeV-1 s-1 sr-1"),
    "BKG_3D": (("BKG",), ("ENERG", "DETX", "DETY"), "BKG", "MeV-1 s-1 sr-1"),
    "RAD_MAX_2D": (("RAD_MAX",), ("ENERG", "THETA"), "RAD_MAX", "deg"),
}
_AXIS_UNITS = {"ENERG": "TeV", "THETA": "deg", "RAD": "deg", "DETX": "deg", "DETY": "deg"}
#: Widest useful bin of the distance from the pointing: readers interpolate between bin centres.
MAX_OFFSET_BIN = 0.5
#: How far the integral of a density over its axis may be from one.
NORMALISATION = 0.01

Problem = tuple[str, str]


def response_problems(hdu: BinTableHDU, hdu_class: str) -> Iterator[Problem]:
    """Key and description of everything wrong with one response.

    Parameters
    ----------
    hdu : BinTableHDU
    hdu_class : str
        Its class in the HDU index table.
    """
    header, name = hdu.header, hdu_class.upper()
    clas2, axes, column, unit = _FORMS[name]
    for key, valid in (
        ("HDUCLASS", ("GADF",)),
        ("HDUCLAS1", ("RESPONSE",)),
        ("HDUCLAS2", clas2),
        ("HDUCLAS3", ("FULL-ENCLOSURE", "POINT-LIKE")),
        ("HDUCLAS4", (name,)),
    ):
        if header.get(key) not in valid:
            yield key, f"is {header.get(key)!r}, must be {' or '.join(valid)}"
    if name == "AEFF_2D":
        yield from _area_keys(header)
    if name == "BKG_3D" and header.get("FOVALIGN") not in ("ALTAZ", "RADEC"):
        yield "FOVALIGN", f"is {header.get('FOVALIGN')!r}; the defaults of readers differ"
    try:
        rows = hdu.data
    except (OSError, TypeError, ValueError) as error:
        yield "", f"cannot be read: {error}"
        return
    if rows is None or len(rows) != 1:
        yield "NAXIS2", f"the table has {0 if rows is None else len(rows)} rows, must be 1"
        return
    units = {c.name: c.unit for c in hdu.columns}
    needed = [f"{axis}_{side}" for axis in axes for side in ("LO", "HI")]
    missing = [c for c in [*needed, *([column] if column else [])] if c not in units]
    if missing:
        for lost in missing:
            yield lost, "column is missing"
        return
    edges = {axis: _edges(rows, axis) for axis in axes}
    for axis in axes:
        yield from _axis_problems(axis, edges[axis], rows, units, header)
    if column is None:
        return
    if not same_unit(units[column], unit):
        yield column, f"has unit {units[column]!r}, must be {unit or 'none'}"
    values = np.asarray(rows[column][0], np.float64).T
    if values.shape != tuple(len(edges[axis]) - 1 for axis in axes):
        yield column, f"has shape {values.shape}, which does not fit its axes"
        return
    if not np.isfinite(values).all() or (values < 0).any():
        yield column, "holds values that are negative or not finite"
    elif not (values > 0).any():
        yield column, "holds only zeros"
    elif name == "EDISP_2D":
        total = (values * np.diff(edges["MIGRA"])[None, :, None]).sum(axis=1)
        yield from _normalisation(total, column, "MIGRA")
    elif name == "PSF_TABLE":
        ring = 2 * np.pi * -np.diff(np.cos(np.radians(edges["RAD"])))
        yield from _normalisation((values * ring).sum(axis=-1), column, "RAD")


def set_problems(responses: Mapping[str, BinTableHDU]) -> Iterator[tuple[str, str, str]]:
    """Type, key and description of what does not fit between the responses of an observation."""
    for needed in ("aeff", "edisp", "bkg"):
        if needed not in responses:
            yield needed, "HDU_TYPE", f"the observation has no {needed}"
    area = responses.get("aeff")
    if area is None:
        return
    point_like = area.header.get("HDUCLAS3") == "POINT-LIKE"
    if not point_like and "psf" not in responses:
        yield "psf", "HDU_TYPE", "the observation has no psf, and its effective area no cut"
    if point_like and "rad_max" not in responses and "RAD_MAX" not in area.header:
        yield "aeff", "RAD_MAX", "point-like responses need this key or a RAD_MAX_2D table"
    other = responses.get("edisp")
    if other is not None and other.header.get("HDUCLAS3") != area.header.get("HDUCLAS3"):
        yield "edisp", "HDUCLAS3", "differs from that of the effective area"


def doubles(headers: list[tuple[str, Any]]) -> Iterator[tuple[str, str, str]]:
    """HDU name, key and description of responses of a type that a file holds more than once."""
    seen: dict[str, str] = {}
    for name, header in headers:
        kind = INDEX_NAMES.get(str(header.get("HDUCLAS4", "")))
        if kind is None or header.get("HDUCLAS1") != "RESPONSE":
            continue
        if kind[0] in seen:
            yield name, "HDUCLAS4", f"a second {kind[0]} beside {seen[kind[0]]} in the same file"
        seen[kind[0]] = name


def same_unit(found: str | None, expected: str) -> bool:
    """Whether two units are the same, however written."""
    from astropy import units as u

    try:
        return bool(u.Unit(found or "") == u.Unit(expected))
    except ValueError:
        return False


def _area_keys(header: Any) -> Iterator[Problem]:
    low, high = header.get("LO_THRES"), header.get("HI_THRES")
    for key, value in (("LO_THRES", low), ("HI_THRES", high)):
        if value is None:
            yield key, "is missing: readers then do not know from which energies to trust"
    if low is not None and high is not None and not low < high:
        yield "LO_THRES", f"{low} is not below HI_THRES {high}"
    if "RAD_MAX" in header and not isinstance(header["RAD_MAX"], float):
        yield "RAD_MAX", f"{header['RAD_MAX']!r} is not written as a number with a point"


def _edges(rows: FITS_rec, axis: str) -> Floats:
    low = np.atleast_1d(np.asarray(rows[f"{axis}_LO"][0], np.float64))
    high = np.atleast_1d(np.asarray(rows[f"{axis}_HI"][0], np.float64))
    return np.append(low, high[-1:])


def _axis_problems(
    axis: str, edges: Floats, rows: FITS_rec, units: Mapping[str, str | None], header: Any
) -> Iterator[Problem]:
    for side in ("LO", "HI"):
        found, expected = units[f"{axis}_{side}"], _AXIS_UNITS.get(axis, "")
        if not same_unit(found, expected):
            yield f"{axis}_{side}", f"has unit {found!r}, must be {expected or 'none'}"
    high = np.atleast_1d(np.asarray(rows[f"{axis}_HI"][0], np.float64))
    if not (np.diff(edges) > 0).all() or not np.allclose(high, edges[1:], rtol=1e-5, atol=1e-9):
        yield f"{axis}_LO", "bins do not increase or leave gaps"
    if axis == "THETA":
        point_like = header.get("HDUCLAS3") == "POINT-LIKE"
        if len(edges) < 3 and not point_like:
            yield "THETA_LO", "there is one offset bin; maps need two or more"
        elif len(edges) > 2 and np.diff(edges).max() > MAX_OFFSET_BIN * (1 + 1e-6):
            widest = np.diff(edges).max()
            yield "THETA_LO", f"an offset bin is {widest:.3g} deg wide, more than {MAX_OFFSET_BIN}"


def _normalisation(total: Floats, column: str, axis: str) -> Iterator[Problem]:
    filled = total[total > 0]
    wrong = np.abs(filled - 1) > NORMALISATION
    if wrong.any():
        worst = filled[np.argmax(np.abs(filled - 1))]
        n = int(np.count_nonzero(wrong))
        yield column, f"integral over {axis} is not 1 in {n:,} bins, at worst {worst:.4g}"
