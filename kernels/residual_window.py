"""The line through the points whose residuals are closest together: one step of a robust fit."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .pair_slopes import NO_SPREAD

#: Rounding error of a trimmed sum, relative to the total sum of squares of y.
ROUNDING = 1e-13
#: Slope, intercept, trimmed and total sum of squares of no line.
NO_LINE = (math.nan, math.nan, math.nan, math.nan)


@kernel
def is_better(
    line: tuple[float, float, float, float],
    best: tuple[float, float, float, float],
    rounding: float,
) -> bool:
    """Compare trimmed sums; where rounding decides, compare the sums over all points."""
    return (
        math.isnan(best[2])
        or line[2] < best[2] - rounding
        or (line[2] <= best[2] + rounding and line[3] < best[3])
    )


@kernel
def best_window(
    x: np.ndarray,
    y: np.ndarray,
    slope: float,
    n_kept: int,
    order: np.ndarray,
    residual: np.ndarray,
) -> tuple[float, float, float, float]:
    """Fit a line to every run of ``n_kept`` points with neighbouring residuals; the best of them.

    For a given slope, the points nearest to a line of any intercept are such a run, so this is the
    concentration step of all intercepts at once.

    Parameters
    ----------
    x, y : float64 arrays of shape (n,)
        Points, each coordinate with mean 0.
    slope : float
        Slope to which the residuals refer.
    n_kept : int
        Points that the line has to fit.
    order : int64 array of shape (n,)
        Indices of the points; is sorted by residual. Nearly sorted input is fast.
    residual : float64 array of shape (n,)
        Scratch.

    Returns
    -------
    slope, intercept, trimmed, total : float
        Line, its sum of squares over the run and over all points; NaN if no run has a spread in x.

    Notes
    -----
    Source: P. J. Rousseeuw, K. Van Driessen, Data Min. Knowl. Disc. 12 (2006) 29 (the C-step).

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([-1.5, -0.5, 0.5, 1.5]), np.array([-3.0, -2.0, -1.0, 6.0])
    >>> slope, intercept, trimmed, _ = best_window(x, y, 1.0, 3, np.arange(4), np.empty(4))
    >>> round(slope, 6), round(intercept, 6), round(trimmed, 6)
    (1.0, -1.5, 0.0)
    """
    n = x.size
    s_xx, s_xy, s_yy = 0.0, 0.0, 0.0
    for k in range(n):
        # Insertion sort: linear here, because slopes come in ascending order.
        p = order[k]
        r = y[p] - slope * x[p]
        j = k
        while j > 0 and residual[j - 1] > r:
            residual[j] = residual[j - 1]
            order[j] = order[j - 1]
            j -= 1
        residual[j] = r
        order[j] = p
        s_xx += x[p] * x[p]
        s_xy += x[p] * y[p]
        s_yy += y[p] * y[p]
    rounding = ROUNDING * s_yy
    best = NO_LINE
    w_x, w_y, w_xx, w_xy, w_yy = 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(n):
        u, v = x[order[k]], y[order[k]]
        w_x += u
        w_y += v
        w_xx += u * u
        w_xy += u * v
        w_yy += v * v
        if k < n_kept - 1:
            continue
        if k >= n_kept:
            u, v = x[order[k - n_kept]], y[order[k - n_kept]]
            w_x -= u
            w_y -= v
            w_xx -= u * u
            w_xy -= u * v
            w_yy -= v * v
        c_xx = w_xx - w_x * w_x / n_kept
        if n_kept * c_xx < NO_SPREAD:
            continue
        c_xy = w_xy - w_x * w_y / n_kept
        line = c_xy / c_xx
        trimmed = max(w_yy - w_y * w_y / n_kept - line * c_xy, 0.0)
        intercept = (w_y - line * w_x) / n_kept
        total = s_yy - line * (2.0 * s_xy - line * s_xx) + n * intercept * intercept
        window = (line, intercept, trimmed, total)
        if is_better(window, best, rounding):
            best = window
    return best
