"""Cuts as FITS, in the layout of ctapipe's files of cuts.

HDUs, in this order: QUALITY_CUTS_EXPR or QUALITY_CUTS_SQL, GH_CUTS, VALID_ENERGY, VALID_OFFSET, and
where there are such cuts RAD_MAX and MULTIPLICITY_CUTS. ctapipe keeps quality criteria as Python
code, which is never run here: criteria of this package are SQL, in QUALITY_CUTS_SQL, so that
ctapipe refuses files that have some instead of leaving them out.

Source: ctapipe, `ctapipe.irf.OptimizationResult.write`.
"""

from __future__ import annotations

import gzip
import io
import uuid
import warnings
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.io.parquet import writing

from .events import table_hdu

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU, HDUList

Columns = dict[str, NDArray[Any]]
#: Card of GH_CUTS that holds JSON with what FITS has no place for.
_JSON = "CUTSJSON"
_BLANK = {" ": " "}


class IgnoredCriteriaWarning(UserWarning):
    """Quality criteria are Python code and were left out."""


@dataclass
class CutHdus:
    """What a FITS file of cuts holds.

    Attributes
    ----------
    tables : dict
        "gammaness", "theta", "multiplicity" -> columns low, high (TeV), cut (deg for theta), and
        n_events and efficiency if known.
    quality : mapping
        Name -> SQL.
    valid_energy : (float, float), optional
        TeV.
    prefix : str
        Name of the classifier.
    json : str
        What else is known.
    """

    tables: dict[str, Columns]
    quality: Mapping[str, str] = field(default_factory=dict)
    valid_energy: tuple[float, float] | None = None
    prefix: str = ""
    json: str = ""


_NAMES = {"gammaness": "GH_CUTS", "theta": "RAD_MAX", "multiplicity": "MULTIPLICITY_CUTS"}


def write_cut_hdus(path: Path, cuts: CutHdus, cards: Mapping[str, str] | None = None) -> None:
    """Write, or replace, a FITS file of cuts at once; compressed if the name ends with .gz.

    Raises
    ------
    InputError
        A text has characters that FITS cannot hold.
    OutputError
        The file cannot be written.
    """
    from astropy.io import fits

    for text in [*cuts.quality, *cuts.quality.values(), cuts.prefix]:
        if not (text.isascii() and text.isprintable()):
            raise InputError(f"{path}: FITS cannot hold the text {text!r}; write Parquet instead")
    buffer = io.BytesIO()
    primary = fits.PrimaryHDU()
    primary.header.update(cards or {})
    fits.HDUList([primary, *_hdus(cuts)]).writeto(buffer)
    with writing(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        wip = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.wip")
        try:
            content = buffer.getvalue()
            wip.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
            wip.replace(path)
        finally:
            wip.unlink(missing_ok=True)


def read_cut_hdus(path: Path) -> CutHdus:
    """Read a FITS file of cuts, of this package or of ctapipe.

    Quality criteria in Python are left out, with an `IgnoredCriteriaWarning` that names them.

    Raises
    ------
    InputError
        It is no FITS file, or holds no cuts.
    """
    from astropy.io import fits
    from astropy.utils.exceptions import AstropyWarning

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", AstropyWarning)  # truncated, or cards that are none
            content = path.read_bytes()  # astropy leaves files open that it cannot read
            content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
            with fits.open(io.BytesIO(content)) as hdus:
                return _read(hdus, path)
    except InputError:
        raise
    except (OSError, ValueError, TypeError, LookupError, EOFError, MemoryError, AttributeError,
            ArithmeticError, zlib.error, fits.VerifyError, AstropyWarning) as error:  # fmt: skip
        raise InputError(f"{path}: no readable FITS file of cuts: {error}") from error


def _hdus(cuts: CutHdus) -> list[BinTableHDU]:
    criteria = _words(
        "QUALITY_CUTS_SQL", {"name": [*cuts.quality], "sql": [*cuts.quality.values()]}
    )
    if not cuts.quality:
        criteria = _words("QUALITY_CUTS_EXPR", {"name": [*_BLANK], "cut_expr": [*_BLANK.values()]})
    energy = cuts.tables["gammaness"]
    low, high = cuts.valid_energy or (energy["low"][0], energy["high"][-1])
    gammaness = _cut_hdu("GH_CUTS", energy, "")
    gammaness.header["CLFNAME"] = cuts.prefix
    if cuts.json:
        gammaness.header[_JSON] = _card(cuts.json)
    made = [
        criteria,
        gammaness,
        _limits("VALID_ENERGY", "energy", "TeV", low, high),
        _limits("VALID_OFFSET", "offset", "deg", 0.0, np.inf),
    ]
    for name, unit in (("theta", "deg"), ("multiplicity", "")):
        if name in cuts.tables:
            made.append(_cut_hdu(_NAMES[name], cuts.tables[name], unit))
    return made


def _card(text: str) -> str:
    """JSON without the characters that mean something in a card of several lines."""
    for sign in "'/&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def _cut_hdu(name: str, table: Columns, unit: str) -> BinTableHDU:
    center = 0.5 * (table["low"] + table["high"])
    columns = [(n, "D", "TeV", a) for n, a in
               (("low", table["low"]), ("high", table["high"]), ("center", center))]  # fmt: skip
    if "n_events" in table:
        columns.append(("n_events", "K", "", table["n_events"]))
    columns.append(("cut", "K" if table["cut"].dtype.kind == "i" else "D", unit, table["cut"]))
    if "efficiency" in table:
        columns.append(("efficiency", "D", "", table["efficiency"]))
    return table_hdu(name, columns, {})


def _limits(name: str, quantity: str, unit: str, low: float, high: float) -> BinTableHDU:
    columns = [(f"{quantity}_min", "D", unit, [low]), (f"{quantity}_max", "D", unit, [high])]
    return table_hdu(name, columns, {})


def _words(name: str, columns: Mapping[str, list[str]]) -> BinTableHDU:
    made = [(n, f"{max([1, *map(len, words)])}A", "", np.array(words, dtype=np.str_))
            for n, words in columns.items()]  # fmt: skip
    return table_hdu(name, made, {})


def _read(hdus: HDUList, path: Path) -> CutHdus:
    there = {hdu.name: hdu for hdu in hdus[1:]}
    if "GH_CUTS" not in there:
        names = ", ".join(map(repr, there)) or "none"
        raise InputError(f"{path}: no cuts, an HDU GH_CUTS is missing; there are: {names}")
    tables = {key: _table(there[n], path) for key, n in _NAMES.items() if n in there}
    header = there["GH_CUTS"].header
    valid = None
    if "VALID_ENERGY" in there:
        columns = [_number(there["VALID_ENERGY"], n, "TeV") for n in ("energy_min", "energy_max")]
        valid = float(columns[0][0]), float(columns[1][0])
    quality = {}
    if "QUALITY_CUTS_SQL" in there:
        rows = there["QUALITY_CUTS_SQL"].data
        quality = {str(n): str(sql) for n, sql in zip(rows["name"], rows["sql"], strict=True)}
    if "QUALITY_CUTS_EXPR" in there:
        _warn_of_code(there["QUALITY_CUTS_EXPR"].data, path)
    prefix, text = str(header.get("CLFNAME", "")), str(header.get(_JSON, ""))
    return CutHdus(tables, quality, valid, prefix, text)


def _table(hdu: BinTableHDU, path: Path) -> Columns:
    found = {"low": _number(hdu, "low", "TeV"), "high": _number(hdu, "high", "TeV")}
    unit = "deg" if hdu.name == "RAD_MAX" else ""
    for name, unit_of in (("cut", unit), ("n_events", ""), ("efficiency", "")):
        if name == "cut" or name in hdu.columns.names:
            found[name] = _number(hdu, name, unit_of)
    if any(values.ndim != 1 for values in found.values()):
        raise InputError(f"{path}: HDU {hdu.name} has several cuts in one energy bin")
    return found


def _number(hdu: BinTableHDU, name: str, unit: str) -> NDArray[Any]:
    """A column in a unit; without a stated unit it is taken to be that one."""
    from astropy import units as u

    values = np.asarray(hdu.data[name])
    values = values.astype(np.int64 if values.dtype.kind in "iu" else np.float64)
    stated = hdu.columns[name].unit
    if not unit or not stated or u.Unit(stated) == u.Unit(unit):
        return values
    return np.asarray(values * u.Unit(stated).to(u.Unit(unit)))


def _warn_of_code(rows: Any, path: Path) -> None:
    criteria = [(str(name).strip(), str(code).strip())
                for name, code in zip(rows["name"], rows["cut_expr"], strict=True)]  # fmt: skip
    lost = [f"{name} ({code})" for name, code in criteria if code not in ("", "True")]
    if lost:
        warnings.warn(
            f"{path}: quality criteria are Python code, which is never run here: "
            f"{'; '.join(lost)}. State them as SQL in the options",
            IgnoredCriteriaWarning,
            stacklevel=5,
        )
