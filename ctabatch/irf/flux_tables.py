"""Fluxes given as points: read from files, interpolated as power laws between the points."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import InputError

Floats = NDArray[np.float64]
POINT, DIFFUSE = "1 / (TeV s cm2)", "1 / (TeV s cm2 sr)"


@dataclass(frozen=True, eq=False)
class FluxTable:
    """Points of a flux.

    Attributes
    ----------
    energy : float64 (n,)
        TeV, increasing.
    points : float64 (n,)
        1/(TeV s cm2), or per sr of it; above 0.
    """

    energy: Floats
    points: Floats

    def flux(self, energy: ArrayLike) -> Floats:
        """Linear interpolation of log flux over log energy; the end pieces go on beyond the ends.

        Parameters
        ----------
        energy : float64 (n,)
            TeV.
        """
        x, y = np.log(self.energy), np.log(self.points)
        slope = np.diff(y) / np.diff(x)
        at = np.log(np.asarray(energy, dtype=np.float64))
        piece = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(slope) - 1)
        return np.asarray(np.exp(y[piece] + slope[piece] * (at - x[piece])))


def read_flux_table(path: str | Path, *, diffuse: bool) -> FluxTable:
    """Columns ``energy`` and ``flux`` of an ECSV, FITS, CSV or Parquet file.

    Columns without a unit are taken as TeV and 1/(TeV s cm2), per sr if diffuse.

    Raises
    ------
    InputError
        The file cannot be read, has other columns or units, or the points are no spectrum.
    """
    import astropy.units as u
    from astropy.table import Table

    name = str(path)
    formats = {".ecsv": "ascii.ecsv", ".csv": "ascii.csv", ".parquet": None}
    suffix = Path(path).suffix.lower()
    try:
        if suffix == ".parquet":
            units, columns = _parquet_columns(name)
        else:
            table = Table.read(name, format=formats.get(suffix, "fits"))
            columns = {c: np.asarray(table[c], np.float64) for c in table.colnames
                       if c in ("energy", "flux")}  # fmt: skip
            units = {c: str(table[c].unit or "") for c in columns}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{name}: no table of a flux: {error}") from error
    if missing := {"energy", "flux"} - set(columns):
        raise InputError(f"{name}: a table of a flux needs columns energy and flux; it lacks "
                         f"{', '.join(sorted(missing))}")  # fmt: skip
    wanted = {"energy": "TeV", "flux": DIFFUSE if diffuse else POINT}
    for column, unit in wanted.items():
        try:
            factor = u.Unit(units[column] or unit).to(u.Unit(unit))
        except (ValueError, u.UnitConversionError) as error:
            raise InputError(
                f"{name}: column {column} has unit {units[column]!r}, which is no {unit}"
            ) from error
        columns[column] = columns[column] * factor
    energy, flux = columns["energy"], columns["flux"]
    fine = len(energy) > 1 and np.isfinite(flux).all() and (flux > 0).all()
    if not fine or not (energy[0] > 0 and (np.diff(energy) > 0).all()):
        raise InputError(
            f"{name}: a spectrum needs at least two points of rising energy with fluxes above 0"
        )
    return FluxTable(energy, flux)


def _parquet_columns(name: str) -> tuple[dict[str, str], dict[str, Any]]:
    import pyarrow.parquet as pq

    from ctabatch.schemas.column import unit_of

    table = pq.read_table(name)
    found = [c for c in ("energy", "flux") if c in table.column_names]
    units = {c: unit_of(table.schema.field(c)) for c in found}
    return units, {c: table[c].to_numpy().astype(np.float64) for c in found}


_GEV = 1e-3
#: Protons and helium in GeV and 1/(GeV m2 s sr): measured by DAMPE up to 8 TeV, above it an assumed
#: flattening half way through the spread of other measurements; the points that pyirf lists as
#: DAMPE_P_He_SPECTRUM, from https://inspirehep.net/files/62efc8374ffced58ea7e3a333bfa1217.
_DAMPE = np.array([
    (5.0, 241.37151783447848), (50.5185, 0.46837), (78.9163, 0.13929), (124.383, 0.040600),
    (199.575, 0.011277), (317.38, 0.0032219), (495.808, 0.00097386), (788.531, 0.00028617),
    (1254.06, 8.3702e-05), (1994.62, 2.5301e-05), (3116.73, 8.3056e-06), (4957.69, 2.5627e-06),
    (7956.55, 7.6322e-07), (12321.0, 2.4523e-07), (19946.8, 6.6955e-08), (100269.0, 8.5990e-10),
])  # fmt: skip
DAMPE_P_HE_POINTS = FluxTable(_DAMPE[:, 0] * _GEV, _DAMPE[:, 1] / _GEV * 1e-4)
