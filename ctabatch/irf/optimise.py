"""Cuts with the best sensitivity to a point source, in each bin of reconstructed energy.

Source: the algorithms of pyirf (`pyirf.cut_optimization`) and ctapipe
(`PointSourceSensitivityOptimizer`), with the same cuts as result. Here one pass over the events
fills the whole grid (`ctabatch.kernels.cut_grid`), and all sensitivities are solved for at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import Axis
from ctabatch.irf.binned_events import BinnedEvents, bin_events
from ctabatch.irf.cut_search import CONDITIONS, Conditions, CutGrid
from ctabatch.irf.cuts import CutTable
from ctabatch.irf.percentile_cuts import (
    binned_percentiles,
    check_fractions,
    passing,
    smoothed,
)
from ctabatch.irf.sensitivity import Sensitivity

Floats = NDArray[np.float64]
#: Efficiencies that are tried, 0.1 to 0.8, and numbers of telescopes: those of ctapipe.
EFFICIENCIES: tuple[float, ...] = tuple(np.arange(0.1, 0.85, 0.1).tolist())
MULTIPLICITIES = tuple(range(2, 11))


@dataclass(frozen=True, eq=False)
class Optimised:
    """Cuts, what they reach on the events they were derived from, and what is to be said of them.

    Attributes
    ----------
    cuts : CutTable
        Its valid energies span the bins in which a source can be detected.
    sensitivity : Sensitivity
        Relative to the weights of the signal; too good by what the choice owes to chance.
    problems : list of str
        Bins without cuts, and bins whose cuts rest on no background event.
    """

    cuts: CutTable
    sensitivity: Sensitivity
    problems: list[str]


def optimise_cuts(
    signal: pl.LazyFrame,
    background: pl.LazyFrame,
    energy: Axis,
    *,
    multiplicities: Sequence[int] | None = MULTIPLICITIES,
    gammaness_efficiencies: ArrayLike = EFFICIENCIES,
    theta_efficiencies: ArrayLike = EFFICIENCIES,
    min_theta: float = 0.0,
    max_theta: float = 0.5,
    conditions: Conditions = CONDITIONS,
    quality: Mapping[str, str] | None = None,
    models: Mapping[str, str] | None = None,
    max_rows: int | None = None,
) -> Optimised:
    """Cuts in multiplicity, gammaness and theta with the best sensitivity in each energy bin.

    The cuts of a cell of the grid keep fractions of the signal that passes its cut in multiplicity,
    each on its own. A bin with few signal events has the largest gammaness and `max_theta` as its
    only choice.

    Parameters
    ----------
    signal : polars.LazyFrame
        Event frame with ``theta`` (deg) and ``weight`` for the wanted time and flux.
    background : polars.LazyFrame
        Event frame with ``reco_offset`` (deg) and ``weight``.
    energy : Axis
        Bins of reconstructed energy.
    multiplicities : sequence of int, optional
        Least numbers of telescopes to try, increasing; without, the column is not read.
    gammaness_efficiencies, theta_efficiencies : float64
        Fractions to try, increasing.
    min_theta, max_theta : float
        Limits of the cut in theta, deg.
    conditions : Conditions
    quality, models : mapping, optional
        See `CutTable`.
    max_rows : int, optional
        Of each class; see `ctabatch.irf.binned_events.bin_events`.

    Raises
    ------
    InputError
        No signal or no background event is left, weights are unusable, or no source can be detected
        in any bin.
    OptionError
        An option is impossible or a column does not exist.
    """
    by_gammaness = check_fractions("gammaness efficiencies", gammaness_efficiencies)
    by_theta = check_fractions("theta efficiencies", theta_efficiencies)
    least = _multiplicities(multiplicities)
    extra = [] if multiplicities is None else ["multiplicity"]
    rays, hadrons = _events(signal, background, energy, extra, conditions, quality, max_rows)
    shape = (len(least), energy.n_bins)
    gammaness = np.empty((*shape, len(by_gammaness)))
    theta = np.empty((*shape, len(by_theta)))
    counts = np.empty(shape, np.int64)
    for k, number in enumerate(least):
        some = None
        if multiplicities is not None:
            some = np.asarray(rays["multiplicity"]) >= number
        gammaness[k], counts[k] = binned_percentiles(
            rays, "gammaness", 100 * (1 - by_gammaness), fill=rays.largest["gammaness"],
            min_events=conditions.min_events, some=some,
        )  # fmt: skip
        theta[k], _ = binned_percentiles(
            rays, "theta", 100 * by_theta, fill=max_theta, limits=(min_theta, max_theta),
            min_events=conditions.min_events, some=some,
        )  # fmt: skip
    grid = CutGrid(energy, least, gammaness, theta)
    best, found, problems = grid.best(rays, hadrons, conditions)
    bins = np.arange(energy.n_bins)
    m, g, t = np.unravel_index(np.maximum(best, 0), grid.shape)
    there = best >= 0
    cuts = CutTable(
        energy,
        np.where(there, gammaness[m, bins, g], np.nan),
        np.where(there, theta[m, bins, t], np.nan),
        None if multiplicities is None else least[m],
        quality or {},
        _span(energy, there),
        counts[m, bins],
        by_gammaness[g],
        by_theta[t],
        models or {},
        _info("optimise", conditions),
    )
    return Optimised(cuts, found, [*cuts.problems(), *problems])


def optimise_gammaness(
    signal: pl.LazyFrame,
    background: pl.LazyFrame,
    energy: Axis,
    *,
    gammaness_efficiencies: ArrayLike = EFFICIENCIES,
    initial_efficiency: float = 0.4,
    theta_efficiency: float = 0.68,
    min_theta: float = 0.0,
    max_theta: float = 0.5,
    multiplicity: int | None = None,
    conditions: Conditions = CONDITIONS,
    quality: Mapping[str, str] | None = None,
    models: Mapping[str, str] | None = None,
    max_rows: int | None = None,
) -> Optimised:
    """Cuts in gammaness with the best sensitivity; theta keeps a fraction of what passes.

    The search uses the cuts in theta that belong to a smoothed first cut in gammaness, of
    `initial_efficiency`; those of the result are derived again with the best cuts in gammaness.

    Parameters
    ----------
    signal, background, energy, conditions, quality, models, max_rows
        As for `optimise_cuts`.
    gammaness_efficiencies : float64
        Fractions to try, increasing.
    initial_efficiency, theta_efficiency : float
    min_theta, max_theta : float
        Limits of the cut in theta, deg; bins with few events have `max_theta`.
    multiplicity : int, optional
        Least number of telescopes, the same for all energies.

    Raises
    ------
    InputError, OptionError
        As for `optimise_cuts`.
    """
    by_gammaness = check_fractions("gammaness efficiencies", gammaness_efficiencies)
    check_fractions("initial efficiency", [initial_efficiency])
    check_fractions("theta efficiency", [theta_efficiency])
    least = _multiplicities(None if multiplicity is None else [multiplicity])
    extra = [] if multiplicity is None else ["multiplicity"]
    rays, hadrons = _events(signal, background, energy, extra, conditions, quality, max_rows)
    some = None if multiplicity is None else np.asarray(rays["multiplicity"]) >= multiplicity

    def theta_of(kept: NDArray[np.bool_]) -> Floats:
        found, _ = binned_percentiles(
            rays, "theta", 100 * theta_efficiency, fill=max_theta, limits=(min_theta, max_theta),
            min_events=conditions.min_events, some=kept,
        )  # fmt: skip
        return found

    first, _ = binned_percentiles(
        rays, "gammaness", 100 * (1 - initial_efficiency), fill=0.0, some=some
    )
    theta = theta_of(passing(rays, "gammaness", smoothed(first, 1.0), some, strictly=True))
    gammaness, counts = binned_percentiles(
        rays, "gammaness", 100 * (1 - by_gammaness), fill=rays.largest["gammaness"],
        min_events=conditions.min_events, some=some,
    )  # fmt: skip
    grid = CutGrid(energy, least, gammaness[None], theta[None, :, None])
    best, found, problems = grid.best(rays, hadrons, conditions)
    there = best >= 0
    chosen = gammaness[np.arange(energy.n_bins), np.maximum(best, 0)]
    theta = theta_of(passing(rays, "gammaness", chosen, some))
    cuts = CutTable(
        energy,
        np.where(there, chosen, np.nan),
        np.where(there, theta, np.nan),
        None if multiplicity is None else np.full(energy.n_bins, multiplicity),
        quality or {},
        _span(energy, there),
        counts,
        by_gammaness[np.maximum(best, 0)],
        np.full(energy.n_bins, theta_efficiency),
        models or {},
        _info("optimise_gammaness", conditions),
    )
    return Optimised(cuts, found, [*cuts.problems(), *problems])


def _events(
    signal: pl.LazyFrame,
    background: pl.LazyFrame,
    energy: Axis,
    extra: list[str],
    conditions: Conditions,
    quality: Mapping[str, str] | None,
    max_rows: int | None,
) -> tuple[BinnedEvents, BinnedEvents]:
    columns = ["gammaness", "weight", *extra]
    rays = bin_events(
        signal, energy, [*columns, "theta"], quality=quality, max_rows=max_rows, label="signal"
    )
    ring = conditions.background_offset
    conditions.off_scale(np.zeros(1))  # refuses what is no ring
    hadrons = bin_events(
        background, energy, columns, quality=quality, within=("reco_offset", *ring),
        max_rows=max_rows, label="background",
    )  # fmt: skip
    if rays.n_events == 0:
        raise InputError(
            f"no signal event meets all criteria with {_range_of(energy)}: there is nothing to keep"
        )
    if hadrons.n_events == 0:
        raise InputError(
            f"no background event meets all criteria with {_range_of(energy)} at {ring[0]:g} to "
            f"{ring[1]:g} deg from the pointing: cuts cannot be optimised without background. "
            "Percentile cuts need none"
        )
    return rays, hadrons


def _range_of(energy: Axis) -> str:
    return f"{energy.edges[0]:.4g} to {energy.edges[-1]:.4g} TeV"


def _multiplicities(numbers: Sequence[int] | None) -> NDArray[np.int64]:
    """Cuts in multiplicity; a single one at 0 if there is none."""
    found = np.array([0] if numbers is None else numbers)
    whole = found.astype(np.int64)
    if found.ndim != 1 or not len(found) or (whole != found).any() or (np.diff(whole) <= 0).any():
        raise OptionError(f"multiplicities must be increasing whole numbers, not {numbers}")
    return whole


def _span(energy: Axis, there: NDArray[np.bool_]) -> tuple[float, float]:
    """From the first to the last bin with cuts; gaps inside are reported, not refused."""
    if not there.any():
        raise InputError(
            "in no energy bin can a source be detected with any of the cuts: there is no weighted "
            "signal. Check the weights and the energies of the signal events"
        )
    first, last = np.flatnonzero(there)[[0, -1]]
    return float(energy.lo[first]), float(energy.hi[last])


def _info(method: str, conditions: Conditions) -> dict[str, str]:
    ring = conditions.background_offset
    found = {
        "method": method,
        "alpha": repr(conditions.alpha),
        "background_offset": f"{ring[0]!r} to {ring[1]!r} deg",
        "min_events": str(conditions.min_events),
        "min_background_events": str(conditions.min_background_events),
    }
    return found | {name: repr(value) for name, value in conditions.detection().items()}
