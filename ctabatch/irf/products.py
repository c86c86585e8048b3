"""Response functions from histograms: effective area, dispersions and background, with errors.

Bins without events have the value 0 and, as error, the upper limit of the value: 1.841 events,
the upper end of the one-sigma (84.13 %) Poisson interval around none (Gehrels 1986, table 1), each
of the mean weight of the events nearby. Where nothing limits the value (no simulated showers, no
events to normalise to) the error is infinite. There is no NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import (
    Axis,
    cone_solid_angle,
    rectangle_solid_angles,
    rectangles_in_cone,
    ring_solid_angles,
)
from ctabatch.irf.fill import Filled
from ctabatch.irf.histograms import AUXILIARY, WITH_THETA_CUT, Histogram

Floats = NDArray[np.float64]
#: Upper limit of the number of events where there are none: -ln(1 - 0.8413).
NO_EVENTS = -math.log(math.erfc(1 / math.sqrt(2)) / 2)
_MEV = 1e6  # in a TeV


class Simulated(Protocol):
    """What effective areas need to know of a simulation; see `ctabatch.irf.simulated`."""

    @property
    def max_impact(self) -> float: ...
    @property
    def viewcone_min(self) -> float: ...
    @property
    def viewcone_max(self) -> float: ...
    def expected_in(self, energy_lo: Floats, energy_hi: Floats, /) -> Floats: ...


@dataclass(frozen=True, eq=False)
class Product:
    """One response function or benchmark of one group.

    Attributes
    ----------
    quantity, group : str
    axes : tuple of Axis
        The slowest first.
    value, error : float64
        In `unit`; one axis of the arrays for each axis.
    n_events : int64
    n_simulated : float64, optional
    point_like : bool
        Whether a theta cut was applied.
    """

    quantity: str
    group: str
    axes: tuple[Axis, ...]
    value: Floats
    error: Floats
    unit: str
    n_events: NDArray[np.int64]
    n_simulated: Floats | None = None
    point_like: bool = False

    def axis(self, name: str) -> Axis:
        """The axis of a name."""
        for axis in self.axes:
            if axis.name == name:
                return axis
        raise OptionError.unknown_name("axis", name, (axis.name for axis in self.axes))


def make_products(
    filled: Filled,
    simulated: Simulated | Mapping[str, Simulated] | None = None,
    obs_time: float | None = None,
) -> list[Product]:
    """All products of what `ctabatch.irf.fill.fill` counted.

    Parameters
    ----------
    filled : Filled
    simulated : SimulatedShowers or mapping, optional
        Needed for effective areas. One for all groups if they divide the events (event types), one
        for each group if they divide the showers (zenith bins).
    obs_time : float, optional
        Needed for backgrounds: the time in s for which the weights were made. It is time on
        source, including dead time.

    Raises
    ------
    OptionError
        One of them is needed but missing.
    InputError
        There are events where none were simulated.
    """
    found = []
    for (group, quantity), histogram in filled.histograms.items():
        point_like = filled.point_like and quantity in WITH_THETA_CUT
        if quantity in AUXILIARY:  # parts of the sensitivity
            continue
        if quantity.startswith("aeff"):
            showers = simulated.get(group) if isinstance(simulated, Mapping) else simulated
            if showers is None:
                raise OptionError(f"effective area of group {group!r}: no simulated showers")
            found.append(effective_area(histogram, showers, group, point_like=point_like))
        elif quantity.startswith("background"):
            if obs_time is None:
                raise OptionError("background: the observation time of the weights is missing")
            found.append(background(histogram, obs_time, group))
        else:
            found.append(density(histogram, group, point_like=point_like))
            found.append(fraction_outside(histogram, group, point_like=point_like))
    return found


def effective_area(
    histogram: Histogram, simulated: Simulated, group: str = "", *, point_like: bool = False
) -> Product:
    """Effective area in m2: selected events over simulated showers, times the area of impacts.

    Simulated showers are those expected from the power law of the simulation. With a view cone they
    are spread evenly over its solid angle; without one all come from the offset of the source,
    which must be in one bin.

    Raises
    ------
    InputError
        There are events where no showers were simulated, or in several offset bins although
        there is no view cone.
    """
    counts, sums, squares = _arrays(histogram, histogram.inside)
    energy, *position = histogram.axes
    in_energy = np.asarray(simulated.expected_in(energy.lo, energy.hi), dtype=np.float64)
    n_simulated = in_energy.reshape(-1, *(1,) * len(position)) * _shares(histogram, simulated)
    if ((n_simulated == 0) & (counts > 0)).any():
        raise InputError(
            f"group {group!r}: {int(counts[n_simulated == 0].sum())} events in bins of energy and "
            "offset in which no showers were simulated: the simulated showers are not theirs"
        )
    area = math.pi * simulated.max_impact**2
    none = n_simulated == 0
    scale = area / np.where(none, 1.0, n_simulated)
    # all weights are alike, so the whole histogram tells how much reuse inflates the limit
    limit = NO_EVENTS * (_ratio(squares.sum(), sums.sum()) or 1.0)
    error = np.where(none, np.inf, np.where(counts > 0, np.sqrt(squares), limit) * scale)
    value = sums * scale
    return Product(
        histogram.quantity,
        group,
        histogram.axes,
        value,
        error,
        "m2",
        counts,
        n_simulated,
        point_like,
    )


def density(histogram: Histogram, group: str = "", *, point_like: bool = False) -> Product:
    """Probability density along migra (energy dispersion) or per solid angle along rad (PSF).

    It is normalised to 1 over the range of that axis; `fraction_outside` tells what is outside.
    The variance of a fraction p of N is that of a multinomial, (1 - p)^2 S + p^2 (S_N - S) over
    N^2, with S the squares of the bin and S_N those of all bins: p (1 - p) / N without reuse. Uses
    of a shower in different bins are taken as independent there, which makes the error too large,
    never too small, by some ten percent if each shower is used several times.
    """
    along = _along(histogram)
    axis = histogram.axes[along]
    counts, sums, squares = _arrays(histogram, histogram.inside)
    total = sums.sum(axis=along, keepdims=True)
    total_squares = squares.sum(axis=along, keepdims=True)
    width = ring_solid_angles(axis) if axis.name == "rad" else axis.width
    width = width.reshape([-1 if k == along else 1 for k in range(counts.ndim)])
    norm = np.where(total > 0, total, 1.0)
    p = sums / norm
    variance = (1 - p) ** 2 * squares + p**2 * np.maximum(total_squares - squares, 0.0)
    limit = np.minimum(NO_EVENTS * (total_squares / norm), norm)
    error = np.where(counts > 0, np.sqrt(variance), limit) / norm / width
    error = np.where(total > 0, error, np.inf)
    unit = "sr-1" if axis.name == "rad" else ""
    return Product(
        histogram.quantity, group, histogram.axes, p / width, error, unit, counts, None, point_like
    )


def fraction_outside(histogram: Histogram, group: str = "", *, point_like: bool = False) -> Product:
    """Fraction of events outside the range over which `density` is normalised."""
    along = _along(histogram)
    rest = tuple(slice(None) if k == along else slice(1, -1) for k in range(len(histogram.axes)))
    counts, sums, squares = _arrays(histogram, rest)
    ends = [0, counts.shape[along] - 1]
    out, out_squares = (a.take(ends, axis=along).sum(axis=along) for a in (sums, squares))
    total, total_squares = sums.sum(axis=along), squares.sum(axis=along)
    norm = np.where(total > 0, total, 1.0)
    p = out / norm
    variance = (1 - p) ** 2 * out_squares + p**2 * np.maximum(total_squares - out_squares, 0.0)
    limit = np.minimum(NO_EVENTS * (total_squares / norm), norm)
    error = np.where(out > 0, np.sqrt(variance), limit) / norm
    error = np.where(total > 0, error, np.inf)
    axes = tuple(axis for k, axis in enumerate(histogram.axes) if k != along)
    n_out = counts.take(ends, axis=along).sum(axis=along)
    name = f"{histogram.quantity}_outside"
    return Product(name, group, axes, p, error, "", n_out, None, point_like)


def background(histogram: Histogram, obs_time: float, group: str = "") -> Product:
    """Background rate per time on source, energy and solid angle, in s-1 MeV-1 sr-1.

    Parameters
    ----------
    histogram : Histogram
        Weighted for `obs_time`.
    obs_time : float
        s, including dead time.
    group : str
    """
    if not obs_time > 0:
        raise OptionError(f"observation time must be above 0, not {obs_time} s")
    counts, sums, squares = _arrays(histogram, histogram.inside)
    energy, *position = histogram.axes
    if len(position) == 1:
        solid_angle = ring_solid_angles(position[0])
    else:
        solid_angle = rectangle_solid_angles(position[0], position[1])
    size = energy.width.reshape(-1, *(1,) * len(position)) * _MEV * solid_angle * obs_time
    limit = NO_EVENTS * weights_nearby(sums, squares)
    limit = limit.reshape(-1, *(1,) * len(position))
    error = np.where(counts > 0, np.sqrt(squares), limit)
    return Product(
        histogram.quantity,
        group,
        histogram.axes,
        sums / size,
        error / size,
        "s-1 MeV-1 sr-1",
        counts,
    )


def rad_max(energy: Axis, theta_cut: ArrayLike, offset: Axis, group: str = "") -> Product:
    """Theta cut of each reconstructed energy as a product, the same at all offsets.

    Parameters
    ----------
    energy : Axis
        Bins of the cut table.
    theta_cut : float64 (n_energy,) or (n_energy, n_offset)
        deg; where there is none (NaN) nothing passes, which is a cut at 0.
    offset : Axis
    group : str
    """
    cut = np.nan_to_num(np.asarray(theta_cut, dtype=np.float64), nan=0.0)
    cut = cut[:, None] if cut.ndim == 1 else cut
    shape = (energy.n_bins, offset.n_bins)
    if cut.shape[0] != shape[0] or cut.shape[1] not in (1, shape[1]):
        raise OptionError(f"theta cuts of shape {cut.shape} for {shape} bins")
    value = np.broadcast_to(cut, shape).copy()
    none = np.zeros(shape)
    return Product("rad_max", group, (energy, offset), value, none, "deg", none.astype(np.int64),
                   point_like=True)  # fmt: skip


def _arrays(
    histogram: Histogram, index: tuple[slice, ...]
) -> tuple[NDArray[np.int64], Floats, Floats]:
    return histogram.counts[index], histogram.sums[index], histogram.squares[index]


def _ratio(above: float, below: float) -> float:
    return float(above / below) if below > 0 else 0.0


def _along(histogram: Histogram) -> int:
    for k, axis in enumerate(histogram.axes):
        if axis.name in ("migra", "rad"):
            return k
    raise OptionError(f"{histogram.quantity} has no axis migra or rad")


def weights_nearby(sums: Floats, squares: Floats) -> Floats:
    """Mean weight of the events of each energy bin, or of the nearest one that has events."""
    rest = tuple(range(1, sums.ndim))
    total, total_squares = sums.sum(axis=rest), squares.sum(axis=rest)
    filled = np.flatnonzero(total > 0)
    if len(filled) == 0:
        return np.full(len(total), np.inf)
    near = filled[np.abs(np.arange(len(total))[:, None] - filled).argmin(axis=1)]
    return np.asarray(total_squares[near] / total[near])


def _shares(histogram: Histogram, simulated: Simulated) -> Floats:
    """Share of the simulated showers in each bin of position."""
    position = histogram.axes[1:]
    inner, outer = simulated.viewcone_min, simulated.viewcone_max
    if outer <= inner:
        filled = histogram.counts[1:-1].sum(axis=0)
        inside = (slice(1, -1),) * len(position)
        if (filled > 0).sum() > 1 or filled.sum() > filled[inside].sum():
            raise InputError(
                "the simulation states no view cone, but there are events in several bins of the "
                "field of view, or outside all: state the view cone, or choose bins that hold the "
                "source"
            )
        return np.asarray(filled[inside] > 0, dtype=np.float64)
    cone = float(cone_solid_angle(outer) - cone_solid_angle(inner))
    if len(position) == 1:
        edges = np.clip(position[0].edges, inner, outer)
        return np.asarray(np.diff(cone_solid_angle(edges)) / cone)
    lon, lat = position
    part = rectangles_in_cone(lon, lat, outer) - rectangles_in_cone(lon, lat, inner)
    return np.asarray(part / cone)
