"""A circle through weighted points that does not shrink or grow with their scatter.

Source: G. Taubin, IEEE Trans. Pattern Anal. Mach. Intell. 13, 1115 (1991), section 6, with the
weights of CTAO's muon analysis: minimise U / |D|, U = sum(w^2 (d^2 - r^2)^2), D = sum(w d^2), with
the distances d of the points from the centre (a, b). Once r^2 is the mean of d^2 with weights w^2,
both U and D are quadratic forms of (1, a, b), so the minimum is an eigenvector of the pair: no
iteration that could stop early.
"""

from __future__ import annotations

import math

import numpy as np

from .cholesky import invert
from .circle_fit import (
    CENTER_X,
    CENTER_X_ERR,
    CENTER_Y,
    MIN_POINTS,
    RADIUS,
)
from .form_ratio import least_ratio
from .jit import kernel

#: Circles so much larger than their points are spread are lines.
_LINE = 1e-6


@kernel
def taubin(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, start: np.ndarray, out: np.ndarray
) -> None:
    """Fit a circle.

    Parameters
    ----------
    x, y : float64 arrays of shape (n_points,), any unit of length
    weight : float64 array of shape (n_points,)
        Charges; some may be negative.
    start : float64 array of shape (2,)
        A centre, which matters only if negative charges outweigh others: the minimum is sought
        among centres for which D has the sign it has there.
    out : float64 array of shape (6,)
        Written: centre, radius, and their uncertainties (the change that raises the minimised ratio
        by 1, from its second derivatives). All NaN for fewer than three points, points on a line,
        weights without any, and NaN.

    Examples
    --------
    >>> import numpy as np
    >>> x, y, out = np.array([3.0, 1, 1, -1]), np.array([0.0, 2, -2, 0]), np.empty(6)
    >>> taubin(x, y, np.ones(4), np.zeros(2), out)
    >>> np.round(out[:3], 9).tolist()
    [1.0, 0.0, 2.0]
    """
    out[:] = math.nan
    if x.size < MIN_POINTS:
        return
    # positions in units of their spread from their mean
    mean_x, mean_y, spread = 0.0, 0.0, 0.0
    for i in range(x.size):
        mean_x += x[i] / x.size
        mean_y += y[i] / x.size
    for i in range(x.size):
        spread += (x[i] - mean_x) ** 2 + (y[i] - mean_y) ** 2
    spread = math.sqrt(spread / x.size)
    if not (spread > 0.0 and spread < math.inf):
        return
    upper, lower, mean = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros(3)
    term, total2 = np.empty(3), 0.0
    for i in range(x.size):
        _terms(x[i] - mean_x, y[i] - mean_y, spread, term)
        w, w2 = weight[i], weight[i] ** 2
        total2 += w2
        lower[0, 0] += w * term[0]
        for j in range(3):
            mean[j] += w2 * term[j]
        for j in range(1, 3):
            lower[j, 0] += 0.5 * w * term[j]
            lower[j, j] += w
    if not (total2 > 0.0 and total2 < math.inf):
        return
    lower[0, 1], lower[0, 2] = lower[1, 0], lower[2, 0]
    for j in range(3):
        mean[j] /= total2
    for i in range(x.size):
        _terms(x[i] - mean_x, y[i] - mean_y, spread, term)
        for j in range(3):
            for k in range(3):
                upper[j, k] += (term[j] - mean[j]) * (term[k] - mean[k]) * weight[i] ** 2
    u, v = (start[0] - mean_x) / spread, (start[1] - mean_y) / spread
    d = lower[0, 0] + 2.0 * (lower[1, 0] * u + lower[2, 0] * v) + lower[1, 1] * (u * u + v * v)
    if d < 0.0:
        for j in range(3):
            for k in range(3):
                lower[j, k] = -lower[j, k]
    vector = np.empty(3)
    if not least_ratio(upper, lower, vector):
        return
    if not abs(vector[0]) > _LINE * (abs(vector[1]) + abs(vector[2])):
        return
    a, b = vector[1] / vector[0], vector[2] / vector[0]
    squared = a * a + b * b + mean[0] + a * mean[1] + b * mean[2]
    if not squared > 0.0:
        return
    out[CENTER_X], out[CENTER_Y] = a * spread + mean_x, b * spread + mean_y
    out[RADIUS] = math.sqrt(squared) * spread
    _curvature_errors(x, y, weight, out)


@kernel
def _terms(dx: float, dy: float, spread: float, out: np.ndarray) -> None:
    """Factors of 1, a and b in d^2 - a^2 - b^2."""
    u, v = dx / spread, dy / spread
    out[0], out[1], out[2] = u * u + v * v, -2.0 * u, -2.0 * v


@kernel
def _curvature_errors(x: np.ndarray, y: np.ndarray, weight: np.ndarray, circle: np.ndarray) -> None:
    """Write the uncertainties sqrt(2 (H^-1)_ii), H the second derivatives of U / |D| at the circle.

    There U' = (U / D) D', so H = (U'' - (U / D) D'') / |D|; U = sum(w^2 e^2), e = d^2 - r^2.
    """
    hessian, inverse, slope = np.zeros((3, 3)), np.empty((3, 3)), np.empty(3)
    upper, lower, total, bend = 0.0, 0.0, 0.0, 0.0
    for i in range(x.size):
        dx, dy = x[i] - circle[CENTER_X], y[i] - circle[CENTER_Y]
        d2, w2 = dx * dx + dy * dy, weight[i] ** 2
        e = d2 - circle[RADIUS] ** 2
        upper += w2 * e * e
        lower += weight[i] * d2
        total += weight[i]
        bend += w2 * e
        slope[0], slope[1], slope[2] = -2.0 * dx, -2.0 * dy, -2.0 * circle[RADIUS]
        for j in range(3):
            for k in range(3):
                hessian[j, k] += 2.0 * w2 * slope[j] * slope[k]
    if lower == 0.0:
        return
    value = upper / lower
    for j in range(3):
        hessian[j, j] += 4.0 * bend * (1.0 if j < 2 else -1.0)
        hessian[j, j] -= 2.0 * value * total if j < 2 else 0.0
    if not invert(hessian, inverse):
        return
    for j in range(3):
        variance = 2.0 * abs(lower) * inverse[j, j]
        circle[CENTER_X_ERR + j] = math.sqrt(variance) if variance > 0.0 else math.nan
