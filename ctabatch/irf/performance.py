"""Benchmarks of a selection of events: resolutions, background rate and sensitivity.

A benchmark has no value (NaN here, null in the long table) where too few events give none: none for
a quantile, one for its error, no signal for a sensitivity. A rate without events is 0, and its
error the upper limit, as of a response.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import OptionError
from ctabatch.irf.axes import Axis
from ctabatch.irf.histograms import Histogram
from ctabatch.irf.products import NO_EVENTS, Product, weights_nearby
from ctabatch.irf.quantiles import quantiles
from ctabatch.irf.ranks import Quantiles, Sample
from ctabatch.irf.sensitivity import (
    ERG_PER_TEV,
    Flux,
    li_ma_significance,
    off_region_scale,
    relative_sensitivity,
)

Floats = NDArray[np.float64]
#: Probability below minus and plus one standard deviation of a normal distribution.
_BELOW = math.erfc(1 / math.sqrt(2)) / 2
_CENTRAL = (_BELOW, 0.5, 1 - _BELOW)
CONTAINMENTS = (25, 50, 68, 95)


def resolutions(
    events: pl.LazyFrame,
    energy: Axis,
    offset: Axis | None = None,
    *,
    by_energy: str = "true",
    containments: Sequence[float] = CONTAINMENTS,
    gammaness: str | None = None,
    theta: str | None = None,
    by: Sequence[str] = (),
    among: pl.LazyFrame | None = None,
    shower: str | None = None,
) -> list[Product]:
    """Bias and resolution of the energy, and angular resolution, from two scans of gammas.

    energy_bias_mean and energy_bias_median are those of reconstructed / true energy - 1;
    energy_resolution is half of its central 68.27 %; theta_68 is the distance from the true
    direction that holds 68 % of the events. Quantiles are exact. Errors are those of order
    statistics (see `ctabatch.irf.quantiles`); that of the resolution takes the correlation of its
    two quantiles into account.

    Parameters
    ----------
    events : polars.LazyFrame
        An event frame with true_energy, reco_energy, theta if there are `containments`, and
        true_offset if there are bins of it.
    energy, offset : Axis
        Without `offset` all events are in one bin, and the products have an axis of energy alone.
    by_energy : {"true", "reco"}
        Which energy is binned. With "reco", the names of the quantities end in ``_reco``.
    containments : sequence of float
        In percent, such as 68 for theta_68.
    gammaness, theta : str, optional
        Boolean columns: what passes the cuts. The theta cut applies to the energy alone: it would
        cut off what the angular resolution tells.
    by, among, shower
        As in `ctabatch.irf.fill.fill`.

    Raises
    ------
    OptionError
        An option, column or expression is unusable.
    """
    if by_energy not in ("true", "reco"):
        raise OptionError.unknown_name("energy to bin", by_energy, ("true", "reco"))
    for containment in containments:
        if not 0 < containment < 100:
            raise OptionError(f"containment of {containment} %: it must be between 0 and 100")
    axes = [(f"{by_energy}_energy", energy), *([("true_offset", offset)] if offset else [])]
    cuts = tuple(cut for cut in (gammaness, theta) if cut is not None)
    samples = [
        Sample("energy", "migra", tuple(axes), _CENTRAL, cuts,
               lowest=2.0**-5, highest=2.0**5, per_octave=256, origin=1.0),
    ]  # fmt: skip
    if containments:
        probabilities = tuple(containment / 100 for containment in containments)
        angular = tuple(cut for cut in (gammaness,) if cut is not None)
        samples.append(Sample("theta", "theta", tuple(axes), probabilities, angular))
    found = quantiles(events, samples, by=by, among=among, shower=shower)
    suffix = "_reco" if by_energy == "reco" else ""
    products = []
    for (group, name), values in found.items():
        arrays = _energy(values) if name == "energy" else _angular(values, containments)
        unit = "deg" if name == "theta" else ""
        for quantity, (value, error) in arrays.items():
            own = tuple(axis for _, axis in axes)
            products.append(
                Product(quantity + suffix, group, own, value, error, unit, values.counts)
            )
    return products


def _energy(found: Quantiles) -> dict[str, tuple[Floats, Floats]]:
    low, median, high = found.value
    low_error, median_error, high_error = found.error
    # order statistics: covariance p (1 - q) / (n f(x_p) f(x_q)), here with q = 1 - p
    correlation = _BELOW / (1 - _BELOW)
    variance = low_error**2 + high_error**2 - 2 * correlation * low_error * high_error
    return {
        "energy_bias_mean": (found.mean - 1, found.mean_error),
        "energy_bias_median": (median - 1, median_error),
        "energy_resolution": ((high - low) / 2, np.sqrt(np.maximum(variance, 0.0)) / 2),
    }


def _angular(found: Quantiles, containments: Sequence[float]) -> dict[str, tuple[Floats, Floats]]:
    pairs = zip(found.value, found.error, strict=True)
    names = [f"theta_{containment:g}" for containment in containments]
    return dict(zip(names, pairs, strict=True))


def theta_cut_at(cut_energy: Axis, theta_cut: ArrayLike, energy: Axis) -> Floats:
    """Theta cuts (deg) at the middle of other bins: linear between the middles of their own."""
    own, wanted = (0.5 * (axis.lo + axis.hi) for axis in (cut_energy, energy))
    return np.interp(wanted, own, np.asarray(theta_cut, dtype=np.float64))


def background_rate(
    background: Histogram, theta_cut: ArrayLike, obs_time: float, group: str = ""
) -> Product:
    """Background events per s within the theta cut, in each bin of energy and ring of offsets.

    Parameters
    ----------
    background : Histogram
        Of the quantity ``background``, weighted for `obs_time`, after the gammaness cut.
    theta_cut : float64 (n_energy,)
        deg, see `theta_cut_at`.
    obs_time : float
        s
    group : str
    """
    if not obs_time > 0:
        raise OptionError(f"observation time must be above 0, not {obs_time} s")
    counts, sums, deviation = _background(background)
    scale = _scales(background, theta_cut, 1.0) / obs_time
    return Product(
        "background_rate",
        group,
        background.axes,
        sums * scale,
        _scaled(deviation, scale),
        "s-1",
        counts,
    )


def point_source_sensitivity(
    signal: Histogram,
    background: Histogram,
    theta_cut: ArrayLike,
    spectrum: Flux,
    *,
    alpha: float = 0.2,
    group: str = "",
    min_significance: float = 5.0,
    min_signal_events: float = 10.0,
    min_excess_over_background: float = 0.05,
) -> list[Product]:
    """Differential sensitivity to a point source at each offset from the pointing.

    sensitivity is E^2 F (erg s-1 cm-2) and flux_sensitivity F (TeV-1 s-1 cm-2) of the faintest
    source that is detected in the bin alone; E is the arithmetic middle of the bin, as in pyirf.
    relative_sensitivity is its share of the spectrum of the weights. n_signal and n_background are
    the expected events at that flux, significance what they give; n_background is that of the off
    region, `alpha` times as many are in the on region. n_signal_unweighted and
    n_background_unweighted are pyirf's columns n_signal and n_background: simulated events, scaled
    the same way.

    Errors propagate those of both sums of weights; where there are no background events, the
    upper limit of their number takes the place of its error.

    Parameters
    ----------
    signal, background : Histogram
        Of the quantities ``signal`` and ``background``, weighted for the same time, after all
        cuts. Their energies must be the same; the background has the offset bins of the signal, or
        one bin whose events stand for all.
    theta_cut : float64 (n_energy,)
        deg, see `theta_cut_at`.
    spectrum : Spectrum
        To which the signal is weighted.
    alpha : float
        Size of the on region over that of the off region.
    group : str
    min_significance, min_signal_events, min_excess_over_background : float
        Conditions of a detection.

    Raises
    ------
    OptionError
        The axes of signal and background do not fit together.
    """
    energy, offset = signal.axes
    _check_axes(signal, background)
    n_signal = signal.counts[signal.inside]
    sums, squares = signal.sums[signal.inside], signal.squares[signal.inside]
    counts, weights, deviation = _background(background)
    scale = _scales(background, theta_cut, alpha)
    n_background: NDArray[np.int64] = np.broadcast_to(counts, n_signal.shape)
    off: Floats = np.broadcast_to(weights * scale, n_signal.shape)
    off_error: Floats = np.broadcast_to(_scaled(deviation, scale), n_signal.shape)
    scale = np.broadcast_to(scale, n_signal.shape)

    def relative(n_off: Floats) -> Floats:
        found = relative_sensitivity(
            sums + alpha * n_off, n_off, alpha, min_significance=min_significance,
            min_signal_events=min_signal_events,
            min_excess_over_background=min_excess_over_background,
        )  # fmt: skip
        return np.where(np.isfinite(found), found, np.nan)

    value = relative(off)
    known = np.isfinite(off_error)
    shift = np.where(known, off_error, 0.0)
    step = (relative(off + shift) - relative(np.maximum(off - shift, 0.0))) / 2
    # without events the limit is one-sided
    step = np.where(n_background > 0, step, relative(off + shift) - value)
    # the needed excess does not depend on the signal: value ~ 1 / signal
    from_signal = np.sqrt(squares) / np.where(sums > 0, sums, np.nan) * value
    error = np.where(known, np.hypot(from_signal, step), np.where(np.isnan(value), np.nan, np.inf))

    middle = 0.5 * (energy.lo + energy.hi)
    flux = np.asarray(spectrum.flux(middle), dtype=np.float64)[:, None]
    energy_flux = flux * middle[:, None] ** 2 * ERG_PER_TEV
    detected = sums * value
    significance = li_ma_significance(detected + alpha * off, off, alpha)
    nothing = np.full(n_signal.shape, np.nan)
    rows: dict[str, tuple[Floats, Floats, str, NDArray[np.int64]]] = {
        "sensitivity": (value * energy_flux, error * energy_flux, "erg s-1 cm-2", n_signal),
        "flux_sensitivity": (value * flux, error * flux, "TeV-1 s-1 cm-2", n_signal),
        "relative_sensitivity": (value, error, "", n_signal),
        "n_signal": (detected, nothing, "", n_signal),
        "n_signal_unweighted": (n_signal * value, nothing, "", n_signal),
        "n_background": (off, off_error, "", n_background),
        "n_background_unweighted": (
            n_background * scale,
            np.sqrt(np.where(n_background > 0, n_background, NO_EVENTS**2)) * scale,
            "",
            n_background,
        ),
        "significance": (significance, nothing, "", n_signal),
    }
    return [
        Product(quantity, group, (energy, offset), value, error, unit, n_events)
        for quantity, (value, error, unit, n_events) in rows.items()
    ]


def _background(histogram: Histogram) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Events, sums of weights, and their deviation or upper limit."""
    inside = histogram.inside
    counts, sums = histogram.counts[inside], histogram.sums[inside]
    squares = histogram.squares[inside]
    limit = NO_EVENTS * weights_nearby(sums, squares)[:, None]
    return counts, sums, np.where(counts > 0, np.sqrt(squares), limit)


def _scaled(error: Floats, scale: Floats) -> Floats:
    """Errors times a scale that may be 0; what is unlimited stays so."""
    known = np.isfinite(error)
    return np.where(known, np.where(known, error, 0.0) * scale, np.inf)


def _scales(background: Histogram, theta_cut: ArrayLike, alpha: float) -> Floats:
    energy, offset = background.axes
    cut = np.asarray(theta_cut, dtype=np.float64)
    if cut.shape != (energy.n_bins,) or not (cut >= 0).all():
        raise OptionError(
            f"theta cuts: expected {energy.n_bins} numbers from 0 on, one for each bin of "
            f"reconstructed energy, found shape {cut.shape}"
        )
    rings = zip(offset.lo.tolist(), offset.hi.tolist(), strict=True)
    return np.stack([off_region_scale(cut, low, high, alpha) for low, high in rings], axis=1)


def _check_axes(signal: Histogram, background: Histogram) -> None:
    for k, name in enumerate(("energy", "offset")):
        own, other = signal.axes[k], background.axes[k]
        if name == "offset" and other.n_bins == 1:
            continue
        if not np.array_equal(own.edges, other.edges):
            raise OptionError(f"sensitivity: signal and background have different bins of {name}")
