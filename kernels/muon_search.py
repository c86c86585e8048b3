"""A search over finite distances, which passes the cusps of `muon_likelihood`."""

from __future__ import annotations

import numpy as np

from .cholesky import cholesky
from .jit import kernel
from .muon_descent import LEAST_LOG, MOST_LOG
from .muon_likelihood import (
    LOG_EFFICIENCY,
    LOG_WIDTH,
    N_PARAMETERS,
    X,
    Y,
    muon_likelihood,
    set_shares,
)

#: First and last distance of the search, standard deviations.
_FIRST, _LAST = 2.0, 0.03
_MAX_SWEEPS = 40
#: The width comes first: what follows in a triangular root leaves it alone.
_ORDER = np.array([LOG_WIDTH, X, Y, LOG_EFFICIENCY])


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
    """Look around for a lower value, and give the one that was found.

    Parameters
    ----------
    point : float64 array of shape (4,)
        Start; written: the end.
    value : float
        At the start.
    pixels, constants, directions, oversampling, profiles, covariance
        As for `muon_descent.descend`.

    Notes
    -----
    Source: compass search, T. G. Kolda et al., SIAM Review 45, 385 (2003), section 1.1, along the
    axes of the covariance.
    """
    n = N_PARAMETERS
    trial, root, turned = np.empty(n), np.zeros((n, n)), np.empty((n, n))
    for j in range(n):
        for k in range(n):
            turned[j, k] = covariance[_ORDER[j], _ORDER[k]]
    if not cholesky(turned, root):
        return value
    size = _FIRST
    for _ in range(_MAX_SWEEPS):
        if size <= _LAST:
            break
        found = False
        for k in range(2 * n):
            trial[:] = point
            for j in range(n):
                trial[_ORDER[j]] += (size if k % 2 else -size) * root[j, k // 2]
            trial[LOG_WIDTH] = min(MOST_LOG, max(LEAST_LOG, trial[LOG_WIDTH]))
            if k <= 2:  # the first axis changes the width, the others have that of the point
                set_shares(trial[LOG_WIDTH], pixels, constants)
            new = muon_likelihood(trial, pixels, constants, directions, oversampling, profiles)
            if new < value:
                value, point[:], found = new, trial, True
        if not found:
            size *= 0.5
    return value
