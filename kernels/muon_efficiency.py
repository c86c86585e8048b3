"""Optical efficiency of a telescope from a muon's ring: fit of impact, width and efficiency.

Source: G. Vacanti et al., Astropart. Phys. 2, 1 (1994).
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .muon_descent import LEAST_LOG, MOST_LOG, descend
from .muon_likelihood import (
    LOG_EFFICIENCY,
    LOG_WIDTH,
    MIRROR,
    N_PARAMETERS,
    SOFTNESS,
    X,
    Y,
    muon_likelihood,
    set_shares,
)
from .muon_search import search

#: What a fit gives, in this order.
COLUMNS = (
    "impact",
    "impact_x",
    "impact_y",
    "width",
    "optical_efficiency",
    "likelihood_value",
    "is_valid",
    "parameters_at_limit",
)
#: Places of no and yes.
FLAGS = slice(6, 8)
#: Softness of the mirror's rim in its radii, before the sharp one.
_SOFT = (0.1, 0.02, 0.0)
#: Decrease of the likelihood that makes another minimum the better one: half a unit is one standard
#: deviation. Impacts near the rim of the hole have several minima, with less between them.
_MUCH = 0.5
#: Expected decrease of the likelihood at which the minimum counts as reached, and a real decrease
#: that is worth another search.
_ENOUGH, _GAIN = 1e-6, 1e-3
_MAX_ROUNDS = 8
#: Directions of the impact that are tried for a start, half a mirror radius from the centre.
_N_STARTS = 8
#: A parameter is at its limit if it is nearer than this many standard deviations.
_NEAR = 0.5


@kernel
def fit_muon(
    start_width: float,
    start_efficiency: float,
    pixels: np.ndarray,
    constants: np.ndarray,
    directions: np.ndarray,
    oversampling: int,
    out: np.ndarray,
) -> None:
    """Fit one image.

    Parameters
    ----------
    start_width : float, rad
    start_efficiency : float
    pixels, constants, directions, oversampling
        As for `muon_likelihood`.
    out : float64 array of shape (8,)
        Written: `COLUMNS`, lengths in m, width in deg, 0 or 1 for no and yes. Impact is the offset
        of the mirror's centre from where the muon hits, along fov_lon and fov_lat. Its limits are
        0 and those of width and efficiency too. NaN and not valid if a charge is NaN or infinite.
    """
    out[:] = math.nan
    out[6], out[7] = 0.0, 0.0
    profiles = np.empty((6, directions.shape[0]))
    point, trial = np.empty(N_PARAMETERS), np.empty(N_PARAMETERS)
    inverse = np.empty((N_PARAMETERS, N_PARAMETERS))
    constants[SOFTNESS] = constants[MIRROR] * _SOFT[0]
    trial[LOG_WIDTH], trial[LOG_EFFICIENCY] = math.log(start_width), math.log(start_efficiency)
    set_shares(trial[LOG_WIDTH], pixels, constants)
    value = math.inf
    for k in range(_N_STARTS):
        angle = 2.0 * math.pi * k / _N_STARTS
        trial[X] = 0.5 * constants[MIRROR] * math.cos(angle)
        trial[Y] = 0.5 * constants[MIRROR] * math.sin(angle)
        new = muon_likelihood(trial, pixels, constants, directions, oversampling, profiles)
        if new < value:
            value, point[:] = new, trial
    if not abs(value) < math.inf:
        return
    trial[:] = point
    constants[SOFTNESS] = 0.0
    value, reached = _settle(point, pixels, constants, directions, oversampling, profiles, inverse)
    # a rim may bar the way: on another one it is soft at first
    for soft in _SOFT:
        constants[SOFTNESS] = constants[MIRROR] * soft
        other, _ = descend(
            trial, 1e-2, pixels, constants, directions, oversampling, profiles, inverse
        )
    if other < value - _MUCH:
        point[:] = trial
    value, reached = _settle(point, pixels, constants, directions, oversampling, profiles, inverse)
    impact = math.hypot(point[X], point[Y])
    out[0], out[1], out[2] = impact, point[X], point[Y]
    out[3], out[4] = math.degrees(math.exp(point[LOG_WIDTH])), math.exp(point[LOG_EFFICIENCY])
    out[5], out[6] = value, 1.0 if reached and LEAST_LOG < point[LOG_WIDTH] < MOST_LOG else 0.0
    spread = inverse[X, X] * point[X] ** 2 + inverse[Y, Y] * point[Y] ** 2
    spread += 2.0 * inverse[X, Y] * point[X] * point[Y]
    # the error of a logarithm is the relative error
    if (
        impact * impact < _NEAR * math.sqrt(max(0.0, spread))
        or 1.0 < _NEAR * math.sqrt(max(0.0, inverse[LOG_WIDTH, LOG_WIDTH]))
        or 1.0 < _NEAR * math.sqrt(max(0.0, inverse[LOG_EFFICIENCY, LOG_EFFICIENCY]))
    ):
        out[7] = 1.0


@kernel
def _settle(
    point: np.ndarray,
    pixels: np.ndarray,
    constants: np.ndarray,
    directions: np.ndarray,
    oversampling: int,
    profiles: np.ndarray,
    covariance: np.ndarray,
) -> tuple[float, bool]:
    """Newton steps and searches in turn until neither goes down any more."""
    value = math.inf
    for _ in range(_MAX_ROUNDS):
        before = value
        value, reached = descend(
            point, _ENOUGH, pixels, constants, directions, oversampling, profiles, covariance
        )
        if not reached:
            value = search(
                point, value, pixels, constants, directions, oversampling, profiles, covariance
            )
        if reached or before - value < _GAIN:
            return value, True
    return value, False
