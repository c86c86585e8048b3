"""Sensitivities of a grid of cuts, and the best cell of each energy bin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from ctabatch.irf.axes import Axis
from ctabatch.irf.binned_events import BinnedEvents
from ctabatch.irf.sensitivity import Sensitivity, off_region_scale, scale_of_signal, sensitivity
from ctabatch.kernels.cut_grid import fill_cut_grid

Floats = NDArray[np.float64]
#: Sensitivities closer than this are taken as equal; the first of the grid is chosen then.
_TIE = 1e-10


class Detection(TypedDict):
    """Arguments of `ctabatch.irf.sensitivity.relative_sensitivity`."""

    min_significance: float
    min_signal_events: float
    min_excess_over_background: float


@dataclass(frozen=True)
class Conditions:
    """When a source counts as detected, and from where the background is taken.

    Attributes
    ----------
    alpha : float
        Size of the on region over that of the off region.
    background_offset : (float, float)
        Ring in the field of view, reconstructed offset in deg, half-open.
    min_significance, min_signal_events, min_excess_over_background : float
        See `ctabatch.irf.sensitivity.relative_sensitivity`.
    min_events : int
        Signal events that a bin needs for cuts of its own.
    min_background_events : int
        Simulated background events that must pass, without theta cut, so that cuts count. With 0,
        as in pyirf, the search favours cuts that by chance no background event passes.
    """

    alpha: float = 0.2
    background_offset: tuple[float, float] = (0.0, 5.0)
    min_significance: float = 5.0
    min_signal_events: float = 10.0
    min_excess_over_background: float = 0.05
    min_events: int = 10
    min_background_events: int = 0

    def detection(self) -> Detection:
        """The conditions of a detection, by the names of their arguments."""
        return {
            "min_significance": self.min_significance,
            "min_signal_events": self.min_signal_events,
            "min_excess_over_background": self.min_excess_over_background,
        }

    def off_scale(self, theta_cut: Floats) -> Floats:
        """Factor from background events in the ring to those in the off region."""
        return off_region_scale(theta_cut, *self.background_offset, self.alpha)


#: Those of ctapipe.
CONDITIONS = Conditions()


@dataclass(frozen=True, eq=False)
class CutGrid:
    """Cuts to try in each energy bin.

    Attributes
    ----------
    energy : Axis
    multiplicity : int64 (n_m,)
    gammaness : float64 (n_m, n_bins, n_g)
        The tightest first.
    theta : float64 (n_m, n_bins, n_t)
        deg, the tightest first.
    """

    energy: Axis
    multiplicity: NDArray[np.int64]
    gammaness: Floats
    theta: Floats

    @property
    def shape(self) -> tuple[int, int, int]:
        """Cells of one energy bin: multiplicities, gammaness cuts, theta cuts."""
        return len(self.multiplicity), self.gammaness.shape[2], self.theta.shape[2]

    def best(
        self, signal: BinnedEvents, background: BinnedEvents, conditions: Conditions
    ) -> tuple[NDArray[np.int64], Sensitivity, list[str]]:
        """The cell with the best sensitivity in each energy bin.

        Of cells that are equal within 1e-10, as they are where the same few events pass, the first
        is taken; pyirf lets the rounding of its root finder decide.

        Parameters
        ----------
        signal : BinnedEvents
            With gammaness, theta, weight and, if it is cut in, multiplicity.
        background : BinnedEvents
            The same without theta, from the ring only.
        conditions : Conditions

        Returns
        -------
        int64 (n_bins,)
            Flat number of the cell; -1 where no source can be detected.
        Sensitivity
            Of these cells.
        list of str
            What is to be said of bins.
        """
        everything = np.zeros((*self.gammaness.shape[:2], 1))
        n_signal, signal_sums = self._passing(signal, np.asarray(signal["theta"]), self.theta)
        no_theta = np.zeros(background.n_events)
        n_background, background_sums = self._passing(background, no_theta, everything)
        scale = conditions.off_scale(np.moveaxis(self.theta, 0, 1))[:, :, None, :]
        off = background_sums * scale
        relative = scale_of_signal(signal_sums, off, conditions.alpha, **conditions.detection())
        relative[
            np.broadcast_to(n_background, relative.shape) < conditions.min_background_events
        ] = np.nan
        cells = relative.reshape(self.energy.n_bins, -1)
        cells = np.where(np.isfinite(cells), cells, np.inf)
        smallest = cells.min(axis=1, keepdims=True)
        there = np.isfinite(smallest[:, 0])
        best = np.where(there, (cells <= smallest * (1 + _TIE)).argmax(axis=1), -1)
        bins = np.arange(self.energy.n_bins)
        at = (bins, *np.unravel_index(np.maximum(best, 0), self.shape))
        off_counts = n_background * scale
        reached = sensitivity(
            self.energy, n_signal[at], np.where(there, signal_sums[at], 0.0), off_counts[at],
            off[at], conditions.alpha, **conditions.detection(),
        )  # fmt: skip
        return best, reached, self._remarks(there, n_background[..., 0][at[:3]])

    def _passing(
        self, events: BinnedEvents, theta: NDArray[np.generic], theta_cuts: Floats
    ) -> tuple[NDArray[np.int64], Floats]:
        """Counts and sums of weights of what passes each cell, (n_bins, n_m, n_g, n_t)."""
        n_m, n_bins, n_g = self.gammaness.shape
        counts = np.zeros((n_bins, n_m, n_g, theta_cuts.shape[2]), np.int64)
        sums = np.zeros(counts.shape)
        multiplicity = events.columns.get("multiplicity")
        if multiplicity is None:  # there is one cut, at 0
            multiplicity = np.zeros(events.n_events, np.int64)
        fill_cut_grid(
            events.bins, multiplicity, events["gammaness"], theta, events["weight"],
            self.multiplicity, self.gammaness, theta_cuts, counts, sums,
        )  # fmt: skip
        return counts.cumsum(axis=2).cumsum(axis=3), sums.cumsum(axis=2).cumsum(axis=3)

    def _remarks(self, there: NDArray[np.bool_], n_background: NDArray[np.int64]) -> list[str]:
        found = []
        lone = there & (n_background == 0)
        if lone.any():
            found.append(
                f"no background event passes the best cuts in {int(lone.sum())} of "
                f"{int(there.sum())} energy bins ({_ranges(self.energy, lone)}): there the "
                "background is taken as none, which is as good as the simulation is large"
            )
        return found


def _ranges(energy: Axis, chosen: NDArray[np.bool_]) -> str:
    """The chosen bins, neighbours joined."""
    ends = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]])))
    edges = [f"{energy.edges[a]:.4g} to {energy.edges[b]:.4g}" for a, b in ends.reshape(-1, 2)]
    return ", ".join(edges) + " TeV"
