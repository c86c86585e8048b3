"""Newton steps towards the minimum of `muon_likelihood`.

The likelihood has a cusp wherever a direction of the profile just touches the rim of the mirror or
of its hole. Newton steps stop there; `muon_search` goes on.
"""

from __future__ import annotations

import math

import numpy as np

from .cholesky import invert
from .jit import kernel
from .muon_likelihood import (
    LOG_WIDTH,
    MIRROR,
    N_PARAMETERS,
    muon_likelihood,
    set_shares,
)
from .muon_slopes import muon_likelihood_slopes

_MAX_STEPS = 100
_LEAST_DAMPING, _MOST_DAMPING = 1e-7, 1e3
#: Largest change of a logarithm, and of the impact in mirror radii, in one step.
_LARGEST = 0.5
#: Light that is no ring may want a width (rad) that is 0 in all but name, or a whole sky.
LEAST_LOG, MOST_LOG = -30.0, 0.0


@kernel
def descend(
    point: np.ndarray,
    enough: float,
    pixels: np.ndarray,
    constants: np.ndarray,
    directions: np.ndarray,
    oversampling: int,
    profiles: np.ndarray,
    covariance: np.ndarray,
) -> tuple[float, bool]:
    """Go down by Newton steps until the minimum is reached, or they do not go down any more.

    Parameters
    ----------
    point : float64 array of shape (4,)
        Start; written: the end.
    enough : float
        Expected decrease of the likelihood at which the minimum counts as reached.
    pixels, constants, directions, oversampling, profiles
        As for `muon_likelihood`; the shares are written, those of the end stay.
    covariance : float64 array of shape (4, 4)
        Written: of the parameters at the end.

    Returns
    -------
    value : float
        Negative logarithm of the likelihood.
    reached : bool

    Notes
    -----
    Source: Fisher scoring with the damping of D. W. Marquardt, J. SIAM 11, 431 (1963).
    """
    n = N_PARAMETERS
    trial, gradient, step = np.empty(n), np.empty(n), np.empty(n)
    information = np.empty((n, n))
    set_shares(point[LOG_WIDTH], pixels, constants)
    value = muon_likelihood(point, pixels, constants, directions, oversampling, profiles)
    damping, found = 1e-3, True
    for _ in range(_MAX_STEPS):
        muon_likelihood_slopes(
            point, pixels, constants, directions, oversampling, profiles, gradient, information
        )
        if _newton_step(gradient, information, 0.0, covariance, step) < enough:
            return value, True
        found = False
        while damping <= _MOST_DAMPING and not found:
            _newton_step(gradient, information, damping, covariance, step)
            for j in range(n):
                most = _LARGEST * (constants[MIRROR] if j < LOG_WIDTH else 1.0)
                trial[j] = point[j] + min(most, max(-most, step[j]))
            trial[LOG_WIDTH] = min(MOST_LOG, max(LEAST_LOG, trial[LOG_WIDTH]))
            set_shares(trial[LOG_WIDTH], pixels, constants)
            new = muon_likelihood(trial, pixels, constants, directions, oversampling, profiles)
            found = new < value
            damping = max(_LEAST_DAMPING, damping * (0.1 if found else 10.0))
        if not found:
            break
        value, point[:] = new, trial
    set_shares(point[LOG_WIDTH], pixels, constants)
    _newton_step(gradient, information, 0.0, covariance, step)
    return value, False


@kernel
def _newton_step(
    gradient: np.ndarray,
    information: np.ndarray,
    damping: float,
    inverse: np.ndarray,
    step: np.ndarray,
) -> float:
    """Write the inverse of the damped information and the step; gives the expected decrease.

    A parameter on which nothing depends keeps its value.
    """
    matrix = information.copy()
    for j in range(N_PARAMETERS):
        matrix[j, j] += damping * matrix[j, j] + 1e-12
    if not invert(matrix, inverse):
        step[:] = 0.0
        inverse[:, :] = 0.0
        return math.inf
    decrease = 0.0
    for j in range(N_PARAMETERS):
        step[j] = 0.0
        for k in range(N_PARAMETERS):
            step[j] -= inverse[j, k] * gradient[k]
        decrease -= 0.5 * step[j] * gradient[j]
    return decrease
