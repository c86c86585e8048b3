"""Crossing of image axes as lines in a plane, and the height of the shower along its axis."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Two lines at a smaller angle (its sine) are taken as parallel: rounding alone would decide.
_PARALLEL = 1e-10


@kernel
def _pair(
    x: np.ndarray, y: np.ndarray, psi: np.ndarray, intensity: np.ndarray, i: int, j: int
) -> tuple[float, float, float]:
    """Crossing of two lines, from point i, and its weight; (0, 0, 0) if they are parallel."""
    c1, s1, c2, s2 = math.cos(psi[i]), math.sin(psi[i]), math.cos(psi[j]), math.sin(psi[j])
    sine = c1 * s2 - s1 * c2
    total = intensity[i] + intensity[j]
    if not abs(sine) > _PARALLEL or not total > 0.0:
        return 0.0, 0.0, 0.0
    along = ((x[j] - x[i]) * s2 - (y[j] - y[i]) * c2) / sine
    return along * c1, along * s1, intensity[i] * intensity[j] / total * abs(sine)


@kernel
def axis_crossing(
    offsets: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    psi: np.ndarray,
    intensity: np.ndarray,
    crossing: np.ndarray,
    covariance: np.ndarray,
) -> None:
    """Weighted mean of the crossings of all pairs of lines.

    Parameters
    ----------
    offsets : int64 (n_events + 1,)
        Images of event k: rows offsets[k] to offsets[k + 1].
    x, y : float64 (n,)
        A point of each line, in the unit of the results.
    psi : float64 (n,), rad
        Direction of each line from the x axis.
    intensity : float64 (n,)
        A pair weighs I1 I2 / (I1 + I2) |sin(psi1 - psi2)|.
    crossing : float64 (n_events, 2)
        Written: x, y; NaN for events without two lines that cross.
    covariance : float64 (n_events, 3)
        Written: weighted variance of x, of y, covariance of the crossings; 0 for two lines.

    Notes
    -----
    Source: W. Hofmann et al., Astropart. Phys. 12, 135 (1999), algorithm 1. Parallel lines do not
    cross, their pair is left out.

    Examples
    --------
    >>> import numpy as np
    >>> x, y, psi = np.array([0.0, 3.0]), np.array([4.0, 0.0]), np.array([0.0, np.pi / 2])
    >>> crossing, covariance = np.empty((1, 2)), np.empty((1, 3))
    >>> axis_crossing(np.array([0, 2]), x, y, psi, np.ones(2), crossing, covariance)
    >>> crossing.round(9).tolist()
    [[3.0, 4.0]]
    """
    for k in range(offsets.shape[0] - 1):
        begin, end = offsets[k], offsets[k + 1]
        sum_x, sum_y, total = 0.0, 0.0, 0.0
        for i in range(begin, end):
            for j in range(i + 1, end):
                a, b, w = _pair(x, y, psi, intensity, i, j)
                total += w
                sum_x += w * (x[i] + a)
                sum_y += w * (y[i] + b)
        if not total > 0.0:
            crossing[k], covariance[k] = math.nan, math.nan
            continue
        mean_x, mean_y = sum_x / total, sum_y / total
        xx, yy, xy = 0.0, 0.0, 0.0
        for i in range(begin, end):
            for j in range(i + 1, end):
                a, b, w = _pair(x, y, psi, intensity, i, j)
                a, b = x[i] + a - mean_x, y[i] + b - mean_y
                xx, yy, xy = xx + w * a * a, yy + w * b * b, xy + w * a * b
        crossing[k, 0], crossing[k, 1] = mean_x, mean_y
        covariance[k, 0], covariance[k, 1], covariance[k, 2] = xx / total, yy / total, xy / total


@kernel
def axis_height(
    offsets: np.ndarray,
    centroid: np.ndarray,
    position: np.ndarray,
    intensity: np.ndarray,
    source: np.ndarray,
    core: np.ndarray,
    out: np.ndarray,
) -> None:
    """Distance of the shower maximum from the array along the array pointing.

    Parameters
    ----------
    offsets : int64 (n_events + 1,)
        Images of event k: rows offsets[k] to offsets[k + 1].
    centroid : float64 (n, 2), rad
        Image centroids in the nominal frame.
    position : float64 (n, 3), m
        Telescopes in the tilted frame.
    intensity : float64 (n,)
        Weights.
    source : float64 (n_events, 2), rad
        Direction of the shower in the nominal frame.
    core : float64 (n_events, 2), m
        Core in the tilted frame.
    out : float64 (n_events,), m
        Written: weighted mean of impact distance over angle between centroid and source; NaN if a
        centroid is at the source, or without images.

    Notes
    -----
    Source: W. Hofmann et al., Astropart. Phys. 12, 135 (1999); small angles.

    Examples
    --------
    >>> import numpy as np
    >>> zero, out = np.zeros((1, 2)), np.empty(1)
    >>> centroid, position = np.array([[0.0, 0.01]]), np.array([[60.0, 80.0, 0.0]])
    >>> axis_height(np.array([0, 1]), centroid, position, np.ones(1), zero, zero, out)
    >>> out.round(6).tolist()
    [10000.0]
    """
    for k in range(offsets.shape[0] - 1):
        weighted, total = 0.0, 0.0
        for i in range(offsets[k], offsets[k + 1]):
            angle = math.hypot(centroid[i, 0] - source[k, 0], centroid[i, 1] - source[k, 1])
            impact = math.hypot(position[i, 0] - core[k, 0], position[i, 1] - core[k, 1])
            weighted += intensity[i] * impact / angle if angle > 0.0 else math.nan
            total += intensity[i]
        out[k] = weighted / total if total > 0.0 else math.nan
