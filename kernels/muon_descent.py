"""The minimum of `muon_likelihood`: Newton steps, and search where it has no derivatives.

The likelihood has a cusp wherever a direction of the profile just touches the rim of the mirror or
of its hole. Newton steps stop there, a search over finite distances does not.
"""

from __future__ import annotations

import math

import numpy as np

from .cholesky import cholesky, invert
from .jit import kernel
from .muon_likelihood import (
    LOG_EFFICIENCY,
    LOG_WIDTH,
    MIRROR,
    N_PARAMETERS,
    X,
    Y,
    muon_likelihood,
    muon_likelihood_slopes,
    set_shares,
)

_MAX_STEPS = 100
_LEAST_DAMPING, _MOST_DAMPING = 1e-7, 1e3
#: Largest change of a logarithm, and of the impact in mirror radii, in one step.
_LARGEST = 0.5
#: A ring may become so thin that its width is 0 in all but name.
_LEAST_LOG = -30.0
#: First and last distance of the search, standard deviations.
_FIRST, _LAST = 1.0, 0.03
#: The parameters that move the rims, and the one that balances them.
_SEARCHED = np.array([X, Y, LOG_EFFICIENCY])


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
            trial[LOG_WIDTH] = max(trial[LOG_WIDTH], _LEAST_LOG)
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
def search(
    point: np.ndarray,
    value: float,
    pixels: np.ndarray,
    constants: np.ndarray,
    directions: np.ndarray,
    oversampling: int,
    profiles: np.ndarray,
    covariance: np.ndarray,
) -> float:
    """Look around for a lower value at the same width; the value that was found.

    Parameters
    ----------
    point : float64 array of shape (4,)
        Start; written: the end.
    value : float
        At the start.
    pixels, constants, directions, oversampling, profiles, covariance
        As for `descend`, with the shares of the point's width.

    Notes
    -----
    Source: compass search, T. G. Kolda et al., SIAM Review 45, 385 (2003), section 1.1, along the
    axes of the covariance.
    """
    n = N_PARAMETERS
    trial, root, rest = np.empty(n), np.zeros((n, n)), np.empty((n - 1, n - 1))
    for j in range(n - 1):
        for k in range(n - 1):
            rest[j, k] = covariance[_SEARCHED[j], _SEARCHED[k]]
    if not cholesky(rest, root):
        return value
    size = _FIRST
    while size > _LAST:
        found = False
        for k in range(2 * (n - 1)):
            trial[:] = point
            for j in range(n - 1):
                trial[_SEARCHED[j]] += (size if k % 2 else -size) * root[j, k // 2]
            new = muon_likelihood(trial, pixels, constants, directions, oversampling, profiles)
            if new < value:
                value, point[:], found = new, trial, True
        if not found:
            size *= 0.5
    return value


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
