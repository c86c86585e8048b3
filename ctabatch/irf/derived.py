"""Columns that follow from directions: distances and places in the field of view."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.kernels.sky_offsets import field_positions, separations

Floats = NDArray[np.float64]
#: Column -> the two directions it compares: altitudes and azimuths in deg.
DERIVED: dict[str, tuple[str, str]] = {
    "theta": ("reco", "true"),
    "true_offset": ("true", "pointing"),
    "reco_offset": ("reco", "pointing"),
    "true_fov_lon": ("true", "pointing"),
    "true_fov_lat": ("true", "pointing"),
    "reco_fov_lon": ("reco", "pointing"),
    "reco_fov_lat": ("reco", "pointing"),
}


def with_derived(events: pl.LazyFrame, wanted: Collection[str]) -> pl.LazyFrame:
    """Add the derived columns that are wanted and not there.

    Parameters
    ----------
    events : LazyFrame
        An event frame; of its columns those that the wanted ones need.
    wanted : collection of str
        Any columns; the ones of `DERIVED` that are not there are added as float64, in deg: theta,
        the distance of the reconstructed from the true direction; true_offset and reco_offset, the
        distances from the pointing; true_fov_lon and the like, in the field of view, with latitude
        to the zenith and longitude to the west. Null and NaN give NaN.

    Returns
    -------
    LazyFrame

    Raises
    ------
    OptionError
        A direction is missing; the message names its columns.
    """
    available = events.collect_schema().names()
    added = [name for name in DERIVED if name in wanted and name not in available]
    for name in added:
        if missing := [column for column in needed(name) if column not in available]:
            raise OptionError(f"column {name} is made of {', '.join(missing)}, which the events "
                              "lack")  # fmt: skip
    return events.with_columns(**{name: expression(name) for name in added}) if added else events


def needed(name: str) -> tuple[str, ...]:
    """Columns that a derived column is made of; the column itself if it is none.

    Parameters
    ----------
    name : str
    """
    if name not in DERIVED:
        return (name,)
    return tuple(f"{of}_{angle}" for of in DERIVED[name] for angle in ("alt", "az"))


def expression(name: str) -> pl.Expr:
    """A derived column as an expression of the directions.

    Parameters
    ----------
    name : str
        Of `DERIVED`.
    """
    columns = needed(name)
    compute = _COMPUTE[name.partition("_")[2] if "_" in name else name]

    def evaluate(rows: pl.Series) -> pl.Series:
        fields = [rows.struct.field(column) for column in columns]
        # the kernels take either precision; a copy in double precision costs as much as they do
        single = all(field.dtype == pl.Float32 for field in fields)
        dtype = pl.Float32() if single else pl.Float64()
        out = compute(*(_numbers(field, dtype) for field in fields))
        return pl.Series(rows.name, out)

    return pl.struct(columns).map_batches(evaluate, return_dtype=pl.Float64, is_elementwise=True)


def _numbers(column: pl.Series, dtype: pl.DataType) -> Floats:
    values = column.cast(dtype)
    if values.null_count():
        values = values.fill_null(float("nan"))
    return np.ascontiguousarray(values.to_numpy())


def _distance(alt: Floats, az: Floats, other_alt: Floats, other_az: Floats) -> Floats:
    out = np.empty(len(alt))
    separations(alt, az, other_alt, other_az, out)
    return out


def _position(alt: Floats, az: Floats, pointing_alt: Floats, pointing_az: Floats) -> Floats:
    out = np.empty((2, len(alt)))
    field_positions(alt, az, pointing_alt, pointing_az, out[0], out[1])
    return out


_COMPUTE: dict[str, Callable[..., Floats]] = {
    "theta": _distance,
    "offset": _distance,
    "fov_lon": lambda *directions: _position(*directions)[0],
    "fov_lat": lambda *directions: _position(*directions)[1],
}
