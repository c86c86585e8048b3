"""Cuts that keep a fraction of the signal in each energy bin.

Source: the convention of pyirf (`pyirf.cuts.calculate_percentile_cut`) and ctapipe
(`PercentileCuts`): theta is derived from what passes the cut in gammaness.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import Axis
from ctabatch.irf.binned_events import BinnedEvents, bin_events
from ctabatch.irf.cuts import CutTable

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
#: Gaussian smoothing looks this many standard deviations far, as scipy does.
_TRUNCATE = 4.0


def percentile_cuts(
    signal: pl.LazyFrame,
    energy: Axis,
    *,
    gammaness_efficiency: float = 0.68,
    theta_efficiency: float | None = 0.68,
    min_theta: float = 0.0,
    max_theta: float = 0.5,
    min_events: int = 10,
    multiplicity: int | None = None,
    smoothing: float | None = None,
    quality: Mapping[str, str] | None = None,
    models: Mapping[str, str] | None = None,
    max_rows: int | None = None,
) -> CutTable:
    """Cuts that keep a fraction of the signal events, weighted equally, in each energy bin.

    Parameters
    ----------
    signal : polars.LazyFrame
        Event frame with ``theta`` (deg) if there is to be a cut in theta.
    energy : Axis
        Bins of reconstructed energy.
    gammaness_efficiency : float
        Fraction that the cut in gammaness keeps.
    theta_efficiency : float, optional
        Fraction of these that the cut in theta keeps; without, there is none.
    min_theta, max_theta : float
        Limits of the cut, deg.
    min_events : int
        A bin with fewer gets the largest gammaness of all events and `max_theta`.
    multiplicity : int, optional
        The same cut for all energies, made first.
    smoothing : float, optional
        Standard deviation, in bins, of a Gaussian with which the cuts are smoothed.
    quality, models : mapping, optional
        See `CutTable`.
    max_rows : int, optional
        See `ctabatch.irf.binned_events.bin_events`.

    Raises
    ------
    InputError
        No event is left.
    OptionError
        An option is impossible or a column does not exist.
    """
    check_fractions("gammaness efficiency", [gammaness_efficiency])
    if theta_efficiency is not None:
        check_fractions("theta efficiency", [theta_efficiency])
    columns = ["gammaness"]
    columns += [] if multiplicity is None else ["multiplicity"]
    columns += [] if theta_efficiency is None else ["theta"]
    events = bin_events(signal, energy, columns, quality=quality, max_rows=max_rows, label="signal")
    some = None if multiplicity is None else np.asarray(events["multiplicity"]) >= multiplicity
    if events.n_events == 0 or (some is not None and not some.any()):
        raise InputError("no signal event meets all criteria, so there is nothing to keep")
    above, counts = binned_percentiles(
        events, "gammaness", 100 - 100 * gammaness_efficiency, fill=events.largest["gammaness"],
        min_events=min_events, some=some,
    )  # fmt: skip
    above = smoothed(above, smoothing)
    theta = None
    if theta_efficiency is not None:
        kept = passing(events, "gammaness", above, some)
        theta, _ = binned_percentiles(
            events, "theta", 100 * theta_efficiency, fill=max_theta, limits=(min_theta, max_theta),
            min_events=min_events, some=kept,
        )  # fmt: skip
        theta = smoothed(theta, smoothing)
    info = {
        "method": "percentile",
        "min_events": str(min_events),
        "bins_with_few_events": str(int((counts < min_events).sum())),
        "smoothing": "none" if smoothing is None else str(smoothing),
    }
    return CutTable(
        energy,
        above,
        theta,
        None if multiplicity is None else np.full(energy.n_bins, multiplicity),
        quality or {},
        n_events=counts,
        gammaness_efficiency=np.full(energy.n_bins, gammaness_efficiency),
        theta_efficiency=None if theta is None else np.full(energy.n_bins, theta_efficiency),
        models=models or {},
        info=info,
    )


def binned_percentiles(
    events: BinnedEvents,
    column: str,
    percentile: ArrayLike,
    *,
    fill: float,
    limits: tuple[float, float] | None = None,
    min_events: int = 10,
    some: Mask | None = None,
) -> tuple[Floats, NDArray[np.int64]]:
    """Percentiles of a column in each energy bin, interpolated linearly.

    Parameters
    ----------
    events : BinnedEvents
    column : str
    percentile : float64, any shape
    fill : float
        Value in bins with less than `min_events`.
    limits : (float, float), optional
        Smaller and larger percentiles are set to these; the fill value is not.
    min_events : int
    some : bool (n_events,), optional
        Events that count; all without.

    Returns
    -------
    float64 (n_bins, *percentile.shape)
        Rounded to the type of the column, as in pyirf: what is on a cut then stays on it.
    int64 (n_bins,)
        Number of events.
    """
    wanted = np.asarray(percentile, dtype=np.float64)
    values = np.asarray(events[column])
    found = np.full((events.energy.n_bins, *wanted.shape), fill, dtype=values.dtype)
    counts = np.zeros(events.energy.n_bins, np.int64)
    for number, where in enumerate(events.slices()):
        chosen = values[where] if some is None else values[where][some[where]]
        counts[number] = len(chosen)
        if len(chosen) >= min_events:
            found[number] = np.percentile(chosen, wanted)
            if limits is not None:
                found[number] = np.clip(found[number], *limits)
    return found.astype(np.float64), counts


def passing(
    events: BinnedEvents,
    column: str,
    cut: Floats,
    some: Mask | None = None,
    *,
    strictly: bool = False,
) -> Mask:
    """Whether each event is at or above (strictly: above) the cut of its bin, of some or all."""
    level = np.repeat(cut, np.diff(events.starts))
    values = np.asarray(events[column], dtype=np.float64)
    passes = values > level if strictly else values >= level
    return passes if some is None else passes & some


def smoothed(values: Floats, width: float | None) -> Floats:
    """Values smoothed by a Gaussian; its standard deviation is in bins, the ends are repeated."""
    if width is None or width <= 0:
        return values
    reach = int(_TRUNCATE * width + 0.5)
    steps = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (steps / width) ** 2)
    padded = np.pad(values, reach, mode="edge")
    return np.convolve(padded, kernel / kernel.sum(), mode="valid")


def check_fractions(name: str, fractions: ArrayLike) -> Floats:
    """Increasing fractions above 0 and at most 1; raises OptionError for others."""
    values = np.asarray(fractions, dtype=np.float64).ravel()
    if not (len(values) and (values > 0).all() and (values <= 1).all()
            and (np.diff(values) > 0).all()):  # fmt: skip
        raise OptionError(f"{name}: {values.tolist()} must increase, above 0 and at most 1")
    return values
