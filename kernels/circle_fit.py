"""A circle through weighted points, in closed form.

Source: B. B. Chaudhuri and P. Kundu, Pattern Recognition Letters 14, 1 (1993), eqs. 5 to 8: the
centre has the least weighted sum of squared deviations of squared distances from their mean.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Places of what a fit gives.
CENTER_X, CENTER_Y, RADIUS, CENTER_X_ERR, CENTER_Y_ERR, RADIUS_ERR = range(6)
N_NUMBERS = 6
#: Fewer points are no circle.
MIN_POINTS = 3
#: Points are on a line if their covariance has no more determinant, in units of its squared trace.
_FLAT = 1e-10


@kernel
def kundu_chaudhuri(x: np.ndarray, y: np.ndarray, weight: np.ndarray, out: np.ndarray) -> None:
    """Fit a circle.

    Parameters
    ----------
    x, y : float64 arrays of shape (n_points,), any unit of length
    weight : float64 array of shape (n_points,)
        Charges; some may be negative.
    out : float64 array of shape (6,)
        Written: centre, radius, and their uncertainties, see `spread_errors`. All NaN for fewer
        than three points, points on a line, weights that sum to 0, and NaN; the radius is NaN
        where negative charges make its square negative.

    Notes
    -----
    With positions from the weighted mean, S_ab = sum(w a b) and z = x^2 + y^2 the centre is
    (S_yy S_xz - S_xy S_yz, S_xx S_yz - S_xy S_xz) / 2 (S_xx S_yy - S_xy^2), and the squared radius
    is the weighted mean of squared distances from it.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty(6)
    >>> kundu_chaudhuri(np.array([3.0, 1, 1, -1]), np.array([0.0, 2, -2, 0]), np.ones(4), out)
    >>> out[:3].tolist()
    [1.0, 0.0, 2.0]
    """
    out[:] = math.nan
    if x.size < MIN_POINTS:
        return
    total, mean_x, mean_y = 0.0, 0.0, 0.0
    for i in range(x.size):
        total += weight[i]
        mean_x += weight[i] * x[i]
        mean_y += weight[i] * y[i]
    if not (total != 0.0 and abs(total) < math.inf):
        return
    mean_x, mean_y = mean_x / total, mean_y / total
    xx, xy, yy, xz, yz = 0.0, 0.0, 0.0, 0.0, 0.0
    for i in range(x.size):
        dx, dy, w = x[i] - mean_x, y[i] - mean_y, weight[i]
        z = dx * dx + dy * dy
        xx += w * dx * dx
        xy += w * dx * dy
        yy += w * dy * dy
        xz += w * dx * z
        yz += w * dy * z
    determinant = xx * yy - xy * xy
    if not abs(determinant) > _FLAT * (xx + yy) ** 2:
        return
    cx = 0.5 * (yy * xz - xy * yz) / determinant
    cy = 0.5 * (xx * yz - xy * xz) / determinant
    # Steiner: the weighted mean of the positions is the origin here
    squared = (xx + yy) / total + cx * cx + cy * cy
    out[CENTER_X], out[CENTER_Y] = cx + mean_x, cy + mean_y
    if not squared > 0.0:
        return
    out[RADIUS] = math.sqrt(squared)
    spread_errors(x, y, weight, out)


@kernel
def spread_errors(x: np.ndarray, y: np.ndarray, weight: np.ndarray, circle: np.ndarray) -> None:
    """Estimate uncertainties from the spread of points around a circle.

    Parameters
    ----------
    x, y, weight : float64 arrays of shape (n_points,)
    circle : float64 array of shape (6,)
        Centre and radius r; written: their uncertainties, NaN if a spread is not positive.

    Notes
    -----
    Source: propagation of the residuals d^2 - r^2 without correlations, as in the muon analysis of
    CTAO's DL1 data: std(d^2 - r^2) / std(sqrt(d^2 + r^2 / 4)) / (2 sqrt(2) sum(w)) for the centre,
    half of it for the radius; std are weighted. The result falls with the sum of weights, not with
    its root.
    """
    circle[CENTER_X_ERR], circle[CENTER_Y_ERR], circle[RADIUS_ERR] = math.nan, math.nan, math.nan
    cx, cy, r2 = circle[CENTER_X], circle[CENTER_Y], circle[RADIUS] ** 2
    total, mean_delta, mean_slope = 0.0, 0.0, 0.0
    for i in range(x.size):
        d2 = (x[i] - cx) ** 2 + (y[i] - cy) ** 2
        total += weight[i]
        mean_delta += weight[i] * (d2 - r2)
        mean_slope += weight[i] * math.sqrt(d2 + r2 / 4.0)
    if not (total != 0.0 and abs(total) < math.inf):
        return
    mean_delta, mean_slope = mean_delta / total, mean_slope / total
    delta, slope = 0.0, 0.0
    for i in range(x.size):
        d2 = (x[i] - cx) ** 2 + (y[i] - cy) ** 2
        delta += weight[i] * (d2 - r2 - mean_delta) ** 2
        slope += weight[i] * (math.sqrt(d2 + r2 / 4.0) - mean_slope) ** 2
    if not (delta / total >= 0.0 and slope / total > 0.0):
        return
    error = math.sqrt(delta / slope) / total / 2.0 / math.sqrt(2.0)
    circle[CENTER_X_ERR], circle[CENTER_Y_ERR], circle[RADIUS_ERR] = error, error, error / 2.0
