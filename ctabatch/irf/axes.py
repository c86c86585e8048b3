"""Axes of histograms: exact bin edges, the same for numpy and for lazy queries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import OptionError
from ctabatch.kernels.event_bins import bin_index

#: Lower bits of a float64 that the cells of a logarithmic axis ignore: 128 cells per octave.
_SHIFT = 45
_MAX_CELLS = 65536
_LATITUDES = 400  # at which the reach of a cone is computed, in each bin


@dataclass(frozen=True, eq=False)
class Axis:
    """Bins of one quantity.

    A bin holds its lower edge. The last bin also holds its upper edge, as in `numpy.histogram` and
    all of pyirf's response functions. (pyirf's `calculate_bin_indices`, used for cuts, calls a
    value on the last edge an overflow.) Values outside the edges are counted, not dropped; NaN
    counts as above the last edge, since polars orders it there.

    Attributes
    ----------
    name : str
        What the axis means in a product: energy, offset, migra, rad, fov_lon or fov_lat.
    edges : float64 (n_bins + 1,)
        Strictly increasing and finite, in `unit`.
    unit : str
    """

    name: str
    edges: NDArray[np.float64]
    unit: str = field(default="")

    def __post_init__(self) -> None:
        edges = np.array(self.edges, dtype=np.float64)
        if edges.ndim != 1 or len(edges) < 2:
            raise OptionError(f"axis {self.name}: needs at least two bin edges")
        if not (np.isfinite(edges).all() and (np.diff(edges) > 0).all()):
            raise OptionError(f"axis {self.name}: bin edges must be finite and increase")
        edges.flags.writeable = False
        object.__setattr__(self, "edges", edges)

    @property
    def n_bins(self) -> int:
        return len(self.edges) - 1

    @property
    def lo(self) -> NDArray[np.float64]:
        return self.edges[:-1]

    @property
    def hi(self) -> NDArray[np.float64]:
        return self.edges[1:]

    @property
    def width(self) -> NDArray[np.float64]:
        return np.diff(self.edges)

    @cached_property
    def _search(self) -> tuple[NDArray[np.int64], float, float, bool]:
        """Where to begin the search of a value; see the kernel."""
        if self.edges[0] > 0:
            bits = np.array([self.edges[0], self.edges[-1]]).view(np.int64) >> _SHIFT
            if bits[1] - bits[0] < _MAX_CELLS:
                cells = (np.arange(bits[0], bits[1] + 2) << _SHIFT).view(np.float64)
                first = np.searchsorted(self.edges, cells, side="right").astype(np.int64)
                first[0] = 0
                return first, float(bits[0]), float(_SHIFT), True
        n_cells = 4 * self.n_bins
        cells = np.linspace(self.edges[0], self.edges[-1], n_cells + 1)
        first = np.searchsorted(self.edges, cells, side="right").astype(np.int64)
        first[0] = 0
        return first, float(self.edges[0]), n_cells / float(self.edges[-1] - self.edges[0]), False

    def index(self, values: ArrayLike) -> NDArray[np.int32]:
        """Bin of each value: 0 below, 1 ... n_bins, n_bins + 1 above (and NaN)."""
        data = np.ascontiguousarray(values, dtype=np.float64)
        out = np.empty(data.shape, np.int32)
        bin_index(data.ravel(), self.edges, *self._search, out.ravel())
        return out

    def expr(self, column: str | pl.Expr) -> pl.Expr:
        """The same as a polars expression: for queries of one's own, slower than `index`."""
        value = (pl.col(column) if isinstance(column, str) else column).cast(pl.Float64)
        found = pl.lit(pl.Series(self.edges)).search_sorted(value, side="right").cast(pl.Int32)
        last = float(self.edges[-1])
        return (
            pl.when(value.is_nan() | value.is_null())
            .then(pl.lit(self.n_bins + 1, pl.Int32))
            .when(value == last)
            .then(pl.lit(self.n_bins, pl.Int32))
            .otherwise(found)
        )


def energy_axis(minimum: float, maximum: float, per_decade: float) -> Axis:
    """Logarithmic energy bins (TeV) that begin and end exactly at the given energies.

    There are at least `per_decade` bins in a decade, exactly so if the range allows it: the
    convention of ctapipe (pyirf keeps the width of the bins and ends below the maximum).
    """
    _check_range("energy", minimum, maximum, per_decade, positive=True)
    n_bins = math.ceil(math.log10(maximum / minimum) * per_decade - 1e-9)
    return Axis("energy", _log_edges(minimum, maximum, max(n_bins, 1)), "TeV")


def linear_axis(name: str, minimum: float, maximum: float, n_bins: float) -> Axis:
    """Equal bins of an angle in deg: offset, rad, fov_lon or fov_lat."""
    _check_range(name, minimum, maximum, n_bins, positive=False)
    return Axis(name, np.linspace(minimum, maximum, _whole(name, n_bins) + 1), "deg")


def migra_axis(minimum: float, maximum: float, n_bins: float) -> Axis:
    """Logarithmic bins of reconstructed over true energy."""
    _check_range("migra", minimum, maximum, n_bins, positive=True)
    return Axis("migra", _log_edges(minimum, maximum, _whole("migra", n_bins)))


def parse_axis(name: str, text: str) -> Axis:
    """An axis from "minimum,maximum,n": n bins, or bins per decade of energy.

    Parameters
    ----------
    name : str
        energy, migra, offset, rad, fov_lon or fov_lat.
    text : str

    Raises
    ------
    OptionError
        The name is unknown or the text is not three fitting numbers.
    """
    try:
        low, high, n = (float(part) for part in text.split(","))
    except ValueError as error:
        raise OptionError(
            f"{name} bins {text!r}: expected three numbers minimum,maximum,number"
        ) from error
    if name == "energy":
        return energy_axis(low, high, n)
    if name == "migra":
        return migra_axis(low, high, n)
    if name in ("offset", "rad", "fov_lon", "fov_lat"):
        return linear_axis(name, low, high, n)
    raise OptionError.unknown_name(
        "axis", name, ("energy", "migra", "offset", "rad", "fov_lon", "fov_lat")
    )


def cone_solid_angle(radius: ArrayLike) -> NDArray[np.float64]:
    """Solid angle (sr) of a cone of some opening angle (deg): 4 pi sin^2(r / 2)."""
    half = np.radians(np.asarray(radius, dtype=np.float64)) / 2
    return np.asarray(4 * np.pi * np.sin(half) ** 2)


def ring_solid_angles(axis: Axis) -> NDArray[np.float64]:
    """Solid angle (sr) of each bin of an axis of offsets from a direction (deg)."""
    return np.diff(cone_solid_angle(axis.edges))


def rectangle_solid_angles(lon: Axis, lat: Axis) -> NDArray[np.float64]:
    """Solid angle (sr) of each bin in longitude and latitude (deg), shape (n_lon, n_lat)."""
    return np.outer(np.radians(lon.width), np.diff(np.sin(np.radians(lat.edges))))


def rectangles_in_cone(lon: Axis, lat: Axis, radius: float) -> NDArray[np.float64]:
    """Solid angle (sr) of the part of each bin within a distance (deg) of the centre."""
    found = np.zeros((lon.n_bins, lat.n_bins))
    steps = (np.arange(_LATITUDES) + 0.5) / _LATITUDES
    for j, (low, high) in enumerate(zip(lat.lo, lat.hi, strict=True)):
        ends = np.sin(np.radians(np.clip([low, high], -radius, radius)))
        z = ends[0] + (ends[1] - ends[0]) * steps
        # on the parallel sin(lat) = z the cone reaches to cos(lon) = cos(radius) / cos(lat)
        reach = np.degrees(
            np.arccos(np.clip(math.cos(math.radians(radius)) / np.sqrt(1 - z**2), -1, 1))
        )
        edges = np.clip(lon.edges[:, None], -reach, reach)
        found[:, j] = np.radians(np.diff(edges, axis=0)).mean(axis=1) * (ends[1] - ends[0])
    return found


def _log_edges(minimum: float, maximum: float, n_bins: int) -> NDArray[np.float64]:
    edges = np.logspace(math.log10(minimum), math.log10(maximum), n_bins + 1)
    edges[0], edges[-1] = minimum, maximum
    return edges


def _check_range(name: str, minimum: float, maximum: float, n: float, *, positive: bool) -> None:
    numbers: Sequence[Any] = (minimum, maximum, n)
    if not all(math.isfinite(number) for number in numbers) or not minimum < maximum:
        raise OptionError(f"{name} bins: {minimum} to {maximum} is no range")
    if positive and minimum <= 0:
        raise OptionError(f"{name} bins: they are logarithmic, so the first edge must be above 0")
    if n <= 0:
        raise OptionError(f"{name} bins: their number must be above 0, not {n}")


def _whole(name: str, n_bins: float) -> int:
    if n_bins != int(n_bins):
        raise OptionError(f"{name} bins: their number must be whole, not {n_bins}")
    return int(n_bins)
