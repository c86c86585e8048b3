"""Histograms that response functions are made of: their axes, counts and weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import Axis, energy_axis, linear_axis, migra_axis
from ctabatch.kernels.irf_histogram import add_counts, add_weights, histogram_cells

#: Quantity -> its axes as (column of the events, field of `IrfAxes`), the slowest first.
QUANTITIES: dict[str, tuple[tuple[str, str], ...]] = {
    **dict.fromkeys(
        ("aeff", "aeff_none", "aeff_gammaness", "aeff_theta"),
        (("true_energy", "true_energy"), ("true_offset", "offset")),
    ),
    "aeff_3d": (
        ("true_energy", "true_energy"), ("true_fov_lon", "fov_lon"), ("true_fov_lat", "fov_lat"),
    ),
    "edisp": (("true_energy", "true_energy"), ("migra", "migra"), ("true_offset", "offset")),
    "edisp_3d": (
        ("true_energy", "true_energy"), ("migra", "migra"),
        ("true_fov_lon", "fov_lon"), ("true_fov_lat", "fov_lat"),
    ),
    "psf": (("true_energy", "true_energy"), ("true_offset", "offset"), ("theta", "rad")),
    "psf_3d": (
        ("true_energy", "true_energy"),
        ("true_fov_lon", "fov_lon"), ("true_fov_lat", "fov_lat"), ("theta", "rad"),
    ),
    "background": (("reco_energy", "reco_energy"), ("reco_offset", "background_offset")),
    "background_3d": (
        ("reco_energy", "reco_energy"), ("reco_fov_lon", "fov_lon"), ("reco_fov_lat", "fov_lat"),
    ),
    # no responses: events of a source and the background around it, for its sensitivity
    "signal": (("reco_energy", "reco_energy"), ("true_offset", "offset")),
    "background_near": (("reco_energy", "reco_energy"), ("reco_offset", "offset")),
}  # fmt: skip
#: Responses that see the theta cut if they are point-like; the shape of the PSF must not, and a
#: background has no source.
WITH_THETA_CUT = ("aeff", "aeff_3d", "edisp", "edisp_3d")
#: These see it in any case.
ALWAYS_WITH_THETA_CUT = ("aeff_theta", "signal")
#: These see no cut at all: the first of the effective areas after each cut.
WITHOUT_CUTS = ("aeff_none",)
#: Sums of weights, not numbers of events.
WEIGHTED = ("background", "background_3d", "background_near", "signal")
#: Histograms that are no response by themselves.
AUXILIARY = ("background_near", "signal")


def unseen_cuts(
    quantity: str, gammaness: str | None, theta: str | None, *, point_like: bool
) -> set[str | None]:
    """Those of the two cuts that do not apply to a quantity."""
    seen = quantity in ALWAYS_WITH_THETA_CUT or (point_like and quantity in WITH_THETA_CUT)
    unseen = set() if seen else {theta}
    return unseen | ({gammaness} if quantity in WITHOUT_CUTS else set())


@dataclass(frozen=True, eq=False)
class IrfAxes:
    """Axes of all response functions; the ones that no wanted quantity has may be anything.

    Attributes
    ----------
    true_energy, reco_energy : Axis
        TeV.
    offset, rad : Axis
        True offset from the pointing and distance from the true direction, in deg.
    migra : Axis
        Reconstructed over true energy.
    background_offset : Axis, optional
        Reconstructed offset from the pointing, in deg; that of `offset` if not given.
    fov_lon, fov_lat : Axis, optional
        Coordinates in the field of view, in deg.
    """

    true_energy: Axis
    reco_energy: Axis
    offset: Axis
    migra: Axis
    rad: Axis
    background_offset: Axis | None = None
    fov_lon: Axis | None = None
    fov_lat: Axis | None = None

    @classmethod
    def default(cls) -> IrfAxes:
        """Those of ctapipe-compute-irf, but offset bins narrow enough for gammapy (0.5 deg)."""
        return cls(
            true_energy=energy_axis(0.015, 150, 10),
            reco_energy=energy_axis(0.015, 150, 5),
            offset=linear_axis("offset", 0, 5, 10),
            migra=migra_axis(0.2, 5, 30),
            rad=linear_axis("rad", 0, 1, 100),
        )

    def of(self, quantity: str) -> tuple[Axis, ...]:
        """Axes of a quantity, the slowest first."""
        if quantity not in QUANTITIES:
            raise OptionError.unknown_name("quantity", quantity, QUANTITIES)
        return tuple(self.field(quantity, name) for _, name in QUANTITIES[quantity])

    def field(self, quantity: str, name: str) -> Axis:
        """The axis of a field, which a quantity needs."""
        axis: Axis | None = getattr(self, name)
        if axis is None and name == "background_offset":
            axis = self.offset
        if axis is None:
            raise OptionError(f"{quantity} needs bins of {name}")
        return axis


@dataclass(frozen=True, eq=False)
class Histogram:
    """Counts of one quantity and group, each axis with one more bin below and above.

    Attributes
    ----------
    axes : tuple of Axis
    counts : int64 (n_0 + 2, n_1 + 2, ...)
        Events.
    sums : float64, same shape
        Sum of weights; the counts if there are none.
    squares : float64, same shape
        Variance of `sums`: sum over showers of the squared sum of the weights of their uses; over
        events if the uses of a shower are not known. `sums ** 2 / squares` is Kish's effective
        number of events.
    """

    quantity: str
    axes: tuple[Axis, ...]
    counts: NDArray[np.int64]
    sums: NDArray[np.float64]
    squares: NDArray[np.float64]

    @property
    def inside(self) -> tuple[slice, ...]:
        """Index of the bins without those below and above."""
        return (slice(1, -1),) * len(self.axes)


class Counter:
    """Counts of one quantity in all groups, growing with their number.

    Parameters
    ----------
    quantity : str
    axes : IrfAxes
    pairs : list
        (column, field) of all axes that are binned: the order of `bins` in `add`.
    """

    def __init__(self, quantity: str, axes: IrfAxes, pairs: list[tuple[str, str]]) -> None:
        self.quantity, self.axes = quantity, axes.of(quantity)
        self.rows = np.array([pairs.index(pair) for pair in QUANTITIES[quantity]], np.int64)
        self.sizes = np.array([axis.n_bins + 2 for axis in self.axes], np.int64)
        self.counts = np.zeros((0, int(self.sizes.prod())), np.int64)
        self.sums = np.zeros((0, self.counts.shape[1]))
        self.squares = self.sums.copy()
        self.weighted = quantity in WEIGHTED
        self.exact = True

    def cells(self, bins: NDArray[np.int32], numbers: NDArray[np.int32]) -> NDArray[np.int64]:
        """Cell of each event, from its bins on all axes and the number of its group."""
        found = np.empty(len(numbers), np.int64)
        histogram_cells(bins, numbers, self.rows, self.sizes, found)
        return found

    def add(
        self,
        cells: NDArray[np.int64],
        selected: NDArray[np.bool_],
        weight: NDArray[np.float64] | None,
        shower: NDArray[np.int64] | None,
        n_groups: int,
    ) -> None:
        """Count the selected events of a batch; weights do not matter to all quantities."""
        self._grow(n_groups)
        add_counts(cells, selected, self.counts.reshape(-1))
        own = weight if self.weighted else None
        if own is not None or shower is not None:
            self.exact = False
            weights = np.ones(len(cells)) if own is None else own
            uses = np.arange(len(cells)) if shower is None else shower
            sums, squares = self.sums.reshape(-1), self.squares.reshape(-1)
            add_weights(cells, selected, weights, uses, sums, squares)

    def _grow(self, n_groups: int) -> None:
        missing = n_groups - len(self.counts)
        if missing > 0:
            more = ((0, missing), (0, 0))
            self.counts = np.pad(self.counts, more)
            self.sums, self.squares = np.pad(self.sums, more), np.pad(self.squares, more)

    def histogram(self, number: int, quantity: str) -> Histogram:
        """What was counted in one group, for a quantity with these axes."""
        self._grow(number + 1)
        shape = tuple(int(size) for size in self.sizes)
        counts = self.counts[number].reshape(shape)
        if self.exact:
            sums = squares = counts.astype(np.float64)
        else:
            sums, squares = (a[number].reshape(shape) for a in (self.sums, self.squares))
        if not np.isfinite(sums).all():
            raise InputError(f"{quantity}: some selected events have no finite weight")
        return Histogram(quantity, self.axes, counts, sums, squares)
