"""Significance after Li & Ma, and the faintest flux that is detected with a given one.

Sources: Li & Ma 1983, ApJ 272, 317, equation 17 (https://doi.org/10.1086/161295); the conditions on
signal and systematics are those of the CTA requirements as used by pyirf (`pyirf.sensitivity`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import Axis, cone_solid_angle

Floats = NDArray[np.float64]
#: erg in a TeV, exact by the definition of the electron volt.
ERG_PER_TEV = 1.602176634
_STEPS = 60  # of Newton's method; some ten are enough


class Flux(Protocol):
    """What a spectrum must do: flux in 1/(TeV s cm2) at energies in TeV."""

    def flux(self, energy: Floats, /) -> Floats: ...


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Sensitivity in each bin of reconstructed energy.

    Attributes
    ----------
    energy : Axis
    relative : float64 (n_energy,)
        Flux that is just detected over the flux of the weights. NaN: there is none; infinite: no
        signal.
    n_signal, n_signal_weighted : float64
        Simulated, and expected, signal events at that flux; NaN where there is none.
    n_background, n_background_weighted : float64
        Simulated, and expected, events in the off region.
    significance : float64
        At that flux: the wanted one, or more if another condition decides.
    """

    energy: Axis
    relative: Floats
    n_signal: Floats
    n_signal_weighted: Floats
    n_background: Floats
    n_background_weighted: Floats
    significance: Floats

    @property
    def centers(self) -> Floats:
        """Where the flux is stated: the arithmetic middle of each bin (TeV), as pyirf does."""
        return 0.5 * (self.energy.lo + self.energy.hi)

    def flux(self, spectrum: Flux) -> Floats:
        """Flux that is just detected, in 1/(TeV s cm2), if the weights are those of `spectrum`."""
        return self.relative * np.asarray(spectrum.flux(self.centers))

    def energy_flux(self, spectrum: Flux) -> Floats:
        """E^2 F at the `centers`, in erg/(s cm2)."""
        return self.centers**2 * self.flux(spectrum) * ERG_PER_TEV


def li_ma_significance(
    n_on: ArrayLike, n_off: ArrayLike, alpha: ArrayLike = 0.2
) -> NDArray[np.float64]:
    """Significance of an excess in standard deviations; 0 without an excess.

    Parameters
    ----------
    n_on, n_off : float64
        Events in the on and the off region; any shapes that fit together.
    alpha : float64
        Size of the on region over that of the off region.

    Returns
    -------
    float64
        NaN where a number of events is NaN.

    Notes
    -----
    Equation 17 of Li & Ma, with the logarithms written as log1p of the excess x over N = on + off:
    on ln(1 + x / (alpha N)) + off ln(1 - x / N), which keeps small excesses exact.
    """
    on, off, a = np.broadcast_arrays(
        *(np.asarray(number, dtype=np.float64) for number in (n_on, n_off, alpha))
    )
    return np.sqrt(2 * _log_likelihood_ratio(on - a * off, off, a))


def relative_sensitivity(
    n_on: ArrayLike,
    n_off: ArrayLike,
    alpha: ArrayLike = 0.2,
    *,
    min_significance: float = 5.0,
    min_signal_events: float = 10.0,
    min_excess_over_background: float = 0.05,
    bounded: bool = True,
) -> NDArray[np.float64]:
    """Factor on the signal with which it is just detected.

    The signal must have the significance, the number of events, and the share of the background.

    Parameters
    ----------
    n_on, n_off : float64
        Expected events in the on region (signal and background) and in the off region; any shapes
        that fit together.
    alpha : float64
        Size of the on region over that of the off region.
    min_significance, min_signal_events, min_excess_over_background : float
    bounded : bool
        No value (NaN) where pyirf's search has none: the factor is outside 0.0001 to 100 with at
        most one off event, or outside 0.01 to 10 times min_significance sqrt(background) / signal
        with more. False gives the factor there too.

    Returns
    -------
    float64
        Infinite without a signal, NaN where a number of events is NaN.

    Raises
    ------
    InputError
        Numbers of events are negative.
    OptionError
        `alpha` or `min_significance` is not above 0.
    """
    on, off, a = np.broadcast_arrays(
        *(np.asarray(number, dtype=np.float64) for number in (n_on, n_off, alpha))
    )
    return scale_of_signal(
        on - a * off, off, a, on=on, min_significance=min_significance,
        min_signal_events=min_signal_events,
        min_excess_over_background=min_excess_over_background, bounded=bounded,
    )  # fmt: skip


def scale_of_signal(
    signal: Floats,
    off: Floats,
    alpha: ArrayLike,
    *,
    on: Floats | None = None,
    min_significance: float = 5.0,
    min_signal_events: float = 10.0,
    min_excess_over_background: float = 0.05,
    bounded: bool = True,
) -> NDArray[np.float64]:
    """`relative_sensitivity` of a known signal; where a number decides, exactly the same one.

    Parameters
    ----------
    signal, off : float64, one shape
    alpha : float64
    on : float64, optional
        Checked not to be negative.
    """
    a = np.broadcast_to(np.asarray(alpha, dtype=np.float64), signal.shape)
    if not (min_significance > 0 and np.all(a > 0)):
        raise OptionError("alpha and the significance of a detection must be above 0")
    if (off < 0).any() or (on is not None and (on < 0).any()):
        raise InputError("numbers of events in the on or the off region are negative")
    wanted = np.isfinite(signal) & np.isfinite(off) & (signal > 0)
    found = np.where(np.isnan(signal) | np.isnan(off), np.nan, np.inf)
    s, n_off, ratio = signal[wanted], off[wanted], a[wanted]
    excess = _excess(n_off, ratio, min_significance)
    if bounded:
        excess = np.where(_in_search(excess, s, n_off, ratio, min_significance), excess, np.nan)
    least = np.maximum(min_signal_events, min_excess_over_background * ratio * n_off)
    found[wanted] = np.maximum(excess, least) / s
    return found


def sensitivity(
    energy: Axis,
    n_signal: ArrayLike,
    n_signal_weighted: ArrayLike,
    n_background: ArrayLike,
    n_background_weighted: ArrayLike,
    alpha: float = 0.2,
    *,
    min_significance: float = 5.0,
    min_signal_events: float = 10.0,
    min_excess_over_background: float = 0.05,
    bounded: bool = True,
) -> Sensitivity:
    """Sensitivity from the events that pass all cuts.

    Parameters
    ----------
    energy : Axis
        Of reconstructed energy.
    n_signal, n_signal_weighted : float64 (n_energy,)
        Simulated, and expected, signal events in the on region.
    n_background, n_background_weighted : float64 (n_energy,)
        The same of the background in the off region; see `off_region_scale`.
    alpha, min_significance, min_signal_events, min_excess_over_background, bounded
        As for `relative_sensitivity`.
    """
    counts, signal, background, off = (
        np.asarray(number, dtype=np.float64)
        for number in (n_signal, n_signal_weighted, n_background, n_background_weighted)
    )
    relative = relative_sensitivity(
        signal + alpha * off, off, alpha, min_significance=min_significance,
        min_signal_events=min_signal_events,
        min_excess_over_background=min_excess_over_background, bounded=bounded,
    )  # fmt: skip
    with np.errstate(invalid="ignore"):  # no signal times infinity
        detected = signal * relative
        n_detected = counts * relative
    significance = li_ma_significance(detected + alpha * off, off, alpha)
    return Sensitivity(energy, relative, n_detected, detected, background, off, significance)


def off_region_scale(
    theta_cut: ArrayLike, offset_min: float, offset_max: float, alpha: float = 0.2
) -> NDArray[np.float64]:
    """Factor from the background events in a ring of the field of view to those in the off region.

    The off region is 1 / alpha times the cone of the theta cut. Few simulated background events
    pass a theta cut, so those of the whole ring are taken as evenly spread.

    Parameters
    ----------
    theta_cut : float64
        deg.
    offset_min, offset_max : float
        The ring, distances from the pointing in deg.
    alpha : float
    """
    if not 0 <= offset_min < offset_max:
        raise OptionError(f"background from {offset_min} to {offset_max} deg is no ring")
    ring = float(cone_solid_angle(offset_max) - cone_solid_angle(offset_min))
    return np.asarray(cone_solid_angle(theta_cut) / ring / alpha)


def _log_likelihood_ratio(excess: Floats, off: Floats, alpha: Floats) -> Floats:
    """Logarithm of the likelihood ratio of Li & Ma; 0 without an excess."""
    total = off + excess + alpha * off
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.where(total > 0, excess / total, 0.0)
        first = (excess + alpha * off) * np.log1p(part / alpha)
        # 1 - x / N again from its parts where little is left of it
        rest = np.where(part > 0.5, np.log((1 + alpha) * off / total), np.log1p(-part))
        second = np.where(off > 0, off * rest, 0.0)
        ratio = np.maximum(first + second, 0.0)
    return np.where(excess < 0, 0.0, np.where(np.isnan(excess + off), np.nan, ratio))


def _excess(off: Floats, alpha: Floats, significance: float) -> Floats:
    """Excess that has a significance: Newton's method from above on a convex function.

    The derivative of the log likelihood ratio is ln(1 + x / (alpha N)) alone, as the ratio is at
    its minimum in the other terms.
    """
    wanted = 0.5 * significance**2
    excess = significance * np.sqrt(alpha * off) + wanted / np.log1p(1 / alpha)
    for _ in range(_STEPS):
        slope = np.log1p(excess / (alpha * (off + excess + alpha * off)))
        step = (_log_likelihood_ratio(excess, off, alpha) - wanted) / slope
        excess = np.maximum(excess - step, 0.01 * excess)
        if not (np.abs(step) > 1e-14 * excess).any():
            break
    return excess


def _in_search(
    excess: Floats, signal: Floats, off: Floats, alpha: Floats, significance: float
) -> NDArray[np.bool_]:
    naive = significance * np.sqrt(alpha * off)
    low = np.where(off > 1, 0.01 * naive, 1e-4 * signal)
    high = np.where(off > 1, 10 * naive, 100 * signal)
    return (excess >= low) & (excess <= high)
