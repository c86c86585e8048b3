"""Derivatives of `muon_likelihood`."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .muon_likelihood import (
    CELL,
    CHARGE,
    DISTANCE,
    FRACTION,
    HOLE,
    LOG_EFFICIENCY,
    LOG_WIDTH,
    MIRROR,
    N_PARAMETERS,
    PEDESTAL,
    PHOTONS,
    PIXEL_WIDTH,
    RADIUS,
    SHARE,
    SOFTNESS,
    SPE_WIDTH,
    X,
    Y,
)
from .ring_model import mirror_profile, radial_share_slope

#: Difference in impact for derivatives, in mirror radii. They are infinite where a direction just
#: touches the hole; differences smooth that.
_STEP = 2e-3


@kernel
def muon_likelihood_slopes(
    point: np.ndarray,
    pixels: np.ndarray,
    constants: np.ndarray,
    directions: np.ndarray,
    oversampling: int,
    profiles: np.ndarray,
    gradient: np.ndarray,
    information: np.ndarray,
) -> None:
    """Derivatives of the negative logarithm of the likelihood.

    Parameters
    ----------
    point, pixels, constants, directions, oversampling, profiles
        As for `muon_likelihood`.
    gradient : float64 array of shape (4,)
        Written: first derivatives.
    information : float64 array of shape (4, 4)
        Written: expectation of the second derivatives (Fisher's information of a normal
        distribution whose mean and variance both depend on the parameters).
    """
    raw, profile = profiles[0], profiles[1]
    x, y, mirror, hole = point[X], point[Y], constants[MIRROR], constants[HOLE]
    step = _STEP * mirror
    soft = constants[SOFTNESS]
    mirror_profile(x, y, mirror, hole, soft, directions, oversampling, raw, profile)
    for axis in range(2):
        dx, dy = (step, 0.0) if axis == 0 else (0.0, step)
        ahead, slope = profiles[4 + axis], profiles[2 + axis]
        mirror_profile(x + dx, y + dy, mirror, hole, soft, directions, oversampling, raw, ahead)
        mirror_profile(x - dx, y - dy, mirror, hole, soft, directions, oversampling, raw, slope)
        for i in range(slope.size):
            slope[i] = (ahead[i] - slope[i]) / (2.0 * step)
    width, scale = math.exp(point[LOG_WIDTH]), constants[PHOTONS] * math.exp(point[LOG_EFFICIENCY])
    per_photon, noise = 1.0 + constants[SPE_WIDTH] ** 2, constants[PEDESTAL] ** 2
    gradient[:] = 0.0
    information[:, :] = 0.0
    change = np.empty(N_PARAMETERS)
    for i in range(pixels.shape[0]):
        share = pixels[i, SHARE]
        if share == 0.0:
            continue
        k, t, d = int(pixels[i, CELL]), pixels[i, FRACTION], pixels[i, DISTANCE]
        length = profile[k] + t * (profile[k + 1] - profile[k])
        slope = radial_share_slope(d, constants[RADIUS], width, constants[PIXEL_WIDTH])
        expected = scale * length * share
        for axis in range(2):
            towards = profiles[2 + axis]
            change[axis] = scale * share * (towards[k] + t * (towards[k + 1] - towards[k]))
        change[LOG_WIDTH], change[LOG_EFFICIENCY] = scale * length * slope, expected
        variance = noise + per_photon * expected
        residual = pixels[i, CHARGE] - expected
        pull = per_photon / variance
        first = 0.5 * pull * (1.0 - residual * residual / variance) - residual / variance
        second = 1.0 / variance + 0.5 * pull * pull
        for j in range(N_PARAMETERS):
            gradient[j] += first * change[j]
            for m in range(j + 1):
                information[j, m] += second * change[j] * change[m]
    for j in range(N_PARAMETERS):
        for m in range(j):
            information[m, j] = information[j, m]
