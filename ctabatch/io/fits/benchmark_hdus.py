"""Benchmarks as FITS tables in the layout of ctapipe-compute-irf, from the long table.

Each table has one row: edges as ENERG_LO, ENERG_HI (TeV), THETA_LO, THETA_HI (deg), and arrays of
shape (n_offset, n_energy), the transpose of the responses' order that ctapipe uses too. Names and
units are ctapipe's; columns that it does not have (errors, the median bias) follow its own. NaN is
FITS's way to say that there is no value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ctabatch import __version__
from ctabatch.errors import InputError

if TYPE_CHECKING:
    from astropy.io.fits import BinTableHDU

Floats = NDArray[np.float64]
_TEV = 1.602176634  # in erg


@dataclass(frozen=True)
class _Column:
    """A column of a table, and where its values come from."""

    name: str
    quantity: str
    source: str = "value"  # or error, n_events
    unit: str = ""
    factor: float = 1.0


def _with_error(name: str, quantity: str, unit: str = "", factor: float = 1.0) -> list[_Column]:
    return [
        _Column(name, quantity, "value", unit, factor),
        _Column(f"{name}_ERROR", quantity, "error", unit, factor),
    ]


def _energy(end: str) -> list[_Column]:
    mean, median, resolution = (
        _with_error(name, f"{quantity}{end}")
        for name, quantity in (
            ("BIAS", "energy_bias_mean"),
            ("BIAS_MEDIAN", "energy_bias_median"),
            ("RESOLUTION", "energy_resolution"),
        )
    )
    count = _Column("N_EVENTS", f"energy_resolution{end}", "n_events")
    return [count, mean[0], resolution[0], mean[1], resolution[1], *median]


_SENSITIVITY = [
    _Column("N_SIGNAL", "n_signal_unweighted"),
    _Column("N_SIGNAL_WEIGHTED", "n_signal"),
    _Column("N_BACKGROUND", "n_background_unweighted"),
    _Column("N_BACKGROUND_WEIGHTED", "n_background"),
    _Column("SIGNIFICANCE", "significance"),
    _Column("RELATIVE_SENSITIVITY", "relative_sensitivity"),
    # per erg, as ctapipe has it
    _Column("FLUX_SENSITIVITY", "flux_sensitivity", unit="erg-1 s-1 cm-2", factor=1 / _TEV),
    _Column("ENERGY_FLUX_SENSITIVITY", "sensitivity", unit="erg s-1 cm-2"),
    _Column("RELATIVE_SENSITIVITY_ERROR", "relative_sensitivity", "error"),
    _Column("ENERGY_FLUX_SENSITIVITY_ERROR", "sensitivity", "error", "erg s-1 cm-2"),
]
_AREAS = [
    column
    for name in ("NONE", "GAMMANESS", "THETA")
    for column in _with_error(f"EFFAREA_{name}", f"aeff_{name.lower()}", "m2")
]


def benchmark_hdus(
    table: pa.Table, group: str = "", *, alpha: float | None = None
) -> list[BinTableHDU]:
    """The benchmarks of one group, as far as there are any.

    ENERGY BIAS RESOLUTION, ANGULAR RESOLUTION (E_TYPE tells which energy), SENSITIVITY as in
    ctapipe; EFFECTIVE AREA CUTS and BACKGROUND RATE in the same form.

    Parameters
    ----------
    table : pyarrow.Table
        The long table, `ctabatch.schemas.irf.IRF`.
    group : str
    alpha : float, optional
        Size of the on region over that of the off region, for the header of the sensitivity.

    Raises
    ------
    InputError
        Rows of a quantity do not fill its bins.
    """
    own = table.filter(pc.equal(table["group"], group))
    there = set(own["quantity"].to_pylist())
    found = []
    for end, kind in (("", "TRUE"), ("_reco", "RECO")):
        name = "ENERGY BIAS RESOLUTION" + (" RECO" if end else "")
        found.append(_hdu(own, there, name, _energy(end), {"E_TYPE": kind}))
        name = "ANGULAR RESOLUTION" + (" RECO" if end else "")
        found.append(_hdu(own, there, name, _angular(there, end), {"E_TYPE": kind}))
    cards = {} if alpha is None else {"ALPHA": alpha}
    found.append(_hdu(own, there, "SENSITIVITY", _SENSITIVITY, cards))
    found.append(_hdu(own, there, "EFFECTIVE AREA CUTS", _AREAS, {}))
    rate = _with_error("RATE", "background_rate", "s-1")
    rate.insert(0, _Column("N_EVENTS", "background_rate", "n_events"))
    found.append(_hdu(own, there, "BACKGROUND RATE", rate, {}))
    return [hdu for hdu in found if hdu is not None]


def _angular(there: set[str], end: str) -> list[_Column]:
    parts = [name.removeprefix("theta_").removesuffix("_reco") for name in there
             if name.startswith("theta_") and name.endswith("_reco") == bool(end)]  # fmt: skip
    pairs = [
        _with_error(f"ANGULAR_RESOLUTION_{part}", f"theta_{part}{end}", "deg")
        for part in sorted(parts, key=float)
    ]
    if not pairs:
        return []
    count = _Column("N_EVENTS", pairs[0][0].quantity, "n_events")
    return [count, *(pair[0] for pair in pairs), *(pair[1] for pair in pairs)]


def _hdu(
    table: pa.Table, there: set[str], name: str, wanted: Sequence[_Column], cards: dict[str, Any]
) -> BinTableHDU | None:
    from astropy.io import fits

    columns = [column for column in wanted if column.quantity in there]
    if not columns:
        return None
    shape: tuple[int, int] | None = None
    made: list[fits.Column] = []
    for column in columns:
        rows = table.filter(pc.equal(table["quantity"], column.quantity))
        energy, offset = _edges(rows, "energy"), _edges(rows, "offset")
        if shape is None:
            shape = (len(offset[0]), len(energy[0]))
            for axis, unit, edges in (("ENERG", "TeV", energy), ("THETA", "deg", offset)):
                made += [fits.Column(f"{axis}_{side}", f"{len(part)}D", unit,
                                     dim=f"({len(part)})", array=part[None])
                         for side, part in zip(("LO", "HI"), edges, strict=True)]  # fmt: skip
        values = _dense(rows, column, offset[0], energy[0], shape) * column.factor
        made.append(
            fits.Column(column.name, f"{values.size}D", column.unit or None,
                        dim=f"({shape[1]},{shape[0]})", array=values[None])
        )  # fmt: skip
    hdu = fits.BinTableHDU.from_columns(made, name=name)
    hdu.header["CREATOR"] = f"ctabatch {__version__}"
    for key, value in cards.items():
        hdu.header[key] = value
    return hdu


def _edges(rows: pa.Table, axis: str) -> tuple[Floats, Floats]:
    """Lower and upper edges; one bin from 0 to 180 deg for offsets that are not binned."""
    low, high = (rows[f"{axis}_{side}"] for side in ("lo", "hi"))
    if low.null_count == len(low):
        return np.array([0.0]), np.array([180.0])
    return tuple(np.unique(edge.to_numpy()) for edge in (low, high))  # type: ignore[return-value]


def _dense(
    rows: pa.Table, column: _Column, offset: Floats, energy: Floats, shape: tuple[int, int]
) -> Floats:
    found = np.full(shape, np.nan)
    own = rows["offset_lo"]
    place = 0 if own.null_count == len(own) else np.searchsorted(offset, own.to_numpy())
    index = np.searchsorted(energy, rows["energy_lo"].to_numpy())
    fits_in = len(rows) == found.size and np.max(index) < shape[1] and np.max(place) < shape[0]
    if not fits_in:
        raise InputError(f"{column.quantity}: its {len(rows)} rows do not fill {shape} bins")
    values = pc.fill_null(pc.cast(rows[column.source], pa.float64()), np.nan)
    found[place, index] = values.to_numpy()
    return found
