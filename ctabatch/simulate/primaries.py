"""The particles that are simulated: energies, directions and cores of consecutive showers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.kernels.primary_draws import draw_cores, draw_showers

from .options import SimulationOptions


@dataclass(frozen=True, eq=False)
class Primaries:
    """Consecutive showers with all their uses.

    Attributes
    ----------
    first : int
        Number of the first shower; showers count from 1.
    reuse : int
    showers : (n_showers, 3) float64
        Energy (TeV), altitude and azimuth of where they come from (rad).
    core : (n_showers * reuse, 2) float64, m
        Uses of a shower in succession.
    """

    first: int
    reuse: int
    showers: NDArray[np.float64]
    core: NDArray[np.float64]

    @property
    def shower_id(self) -> NDArray[np.int64]:
        """Number of each shower."""
        return self.first + np.arange(len(self.showers))

    @property
    def shower(self) -> NDArray[np.int64]:
        """Row of the shower that each event uses."""
        return np.arange(len(self.core)) // self.reuse

    @property
    def use(self) -> NDArray[np.int64]:
        """Number of the use, from 0."""
        return np.arange(len(self.core)) % self.reuse

    @property
    def event_id(self) -> NDArray[np.int64]:
        """Event numbers: 100 times the shower plus the use."""
        return np.asarray(100 * self.shower_id[self.shower] + self.use)


def draw_primaries(options: SimulationOptions, first: int, n_showers: int) -> Primaries:
    """Draw showers `first` to ``first + n_showers - 1``.

    Energies follow a power law, directions fill a cone, cores are even over a disc around the
    origin. Muons light up a telescope only if they hit it, so their discs are around the
    telescopes, one of which is drawn for each use.
    """
    showers = np.empty((n_showers, 3))
    low, high = options.energies
    draw_showers(
        options.seed, first, low, high, options.index, *options.source, 0.0,
        math.radians(options.cone), showers,
    )  # fmt: skip
    centres = np.zeros((1, 2))
    if options.primary == "muon":
        centres = np.array([[place.x, place.y] for place in options.array.places])
    core = np.empty((n_showers * options.reuse, 2))
    draw_cores(options.seed, first, options.reuse, options.core_radius, centres, core)
    return Primaries(first, options.reuse, showers, core)
