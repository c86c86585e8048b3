"""The line through the points whose residuals are closest together: one step of a robust fit."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .pair_slopes import NO_SPREAD

#: Rounding error of a trimmed sum, relative to the total sum of squares of y.
ROUNDING = 1e-13
#: Up to so many points all are sorted.
_FEW_POINTS = 16
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
def _sort_nearly_sorted(
    residual: np.ndarray, x: np.ndarray, y: np.ndarray, begin: int, end: int
) -> None:
    """Insertion sort of the points from `begin` to ``end - 1`` by residual."""
    one = np.uint64(1)
    for k in range(np.uint64(begin) + one, np.uint64(end)):
        r = residual[k]
        if not residual[k - one] > r:
            continue
        u, v = x[k], y[k]
        j = k
        while j > begin and residual[j - one] > r:
            residual[j], x[j], y[j] = residual[j - one], x[j - one], y[j - one]
            j -= one
        residual[j], x[j], y[j] = r, u, v


@kernel
def ends_by_residual(
    x: np.ndarray, y: np.ndarray, slope: float, n_ends: int, residual: np.ndarray
) -> None:
    """Bring the points with the lowest and the highest residuals to the ends, in their order.

    Parameters
    ----------
    x, y : float64 arrays of shape (n,)
        Points; exchanged in place. Fast if the ends hold about the same points before.
    slope : float
        What it leaves of y is the residual.
    n_ends : int
        Points at each end that have to be right; fewer than half.
    residual : float64 array of shape (n,)
        Written.
    """
    n, one, m = np.uint64(x.size), np.uint64(1), np.uint64(n_ends)
    if n <= _FEW_POINTS:
        m = n
    for k in range(n):
        residual[k] = y[k] - slope * x[k]
    _sort_nearly_sorted(residual, x, y, 0, m)
    if m == n:
        return
    for k in range(m, n):
        r = residual[k]
        if not r < residual[m - one]:
            continue
        u, v, j = x[k], y[k], m - one
        residual[k], x[k], y[k] = residual[j], x[j], y[j]
        while j > 0 and residual[j - one] > r:
            residual[j], x[j], y[j] = residual[j - one], x[j - one], y[j - one]
            j -= one
        residual[j], x[j], y[j] = r, u, v
    top = n - m
    _sort_nearly_sorted(residual, x, y, top, n)
    for k in range(m, top):
        r = residual[k]
        if not r > residual[top]:
            continue
        u, v, j = x[k], y[k], top
        residual[k], x[k], y[k] = residual[j], x[j], y[j]
        while j + one < n and residual[j + one] < r:
            residual[j], x[j], y[j] = residual[j + one], x[j + one], y[j + one]
            j += one
        residual[j], x[j], y[j] = r, u, v


@kernel
def best_window(
    x: np.ndarray,
    y: np.ndarray,
    slope: float,
    n_kept: int,
    sums: np.ndarray,
    residual: np.ndarray,
) -> tuple[float, float, float, float]:
    """Fit a line to every run of ``n_kept`` points with neighbouring residuals; the best of them.

    For a given slope, the points nearest to a line of any intercept are such a run, so this is the
    concentration step of all intercepts at once. What is summed are the points outside of a run,
    which are few.

    Parameters
    ----------
    x, y : float64 arrays of shape (n,)
        Points, each coordinate with mean 0; exchanged in place, see `ends_by_residual`.
    slope : float
        Slope to which the residuals refer.
    n_kept : int
        Points that the line has to fit.
    sums : float64 array of shape (5,)
        Of x, y, x^2, x y and y^2.
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
    >>> sums = np.array([x.sum(), y.sum(), x @ x, x @ y, y @ y])
    >>> slope, intercept, trimmed, _ = best_window(x, y, 1.0, 3, sums, np.empty(4))
    >>> round(slope, 6), round(intercept, 6), round(trimmed, 6)
    (1.0, -1.5, 0.0)
    """
    ends_by_residual(x, y, slope, x.size - n_kept, residual)
    n, kept = np.uint64(x.size), np.uint64(n_kept)
    s_xx, s_xy, s_yy = sums[2], sums[3], sums[4]
    w_x, w_y, w_xx, w_xy, w_yy = sums[0], sums[1], s_xx, s_xy, s_yy
    for k in range(kept, n):
        u, v = x[k], y[k]
        w_x -= u
        w_y -= v
        w_xx -= u * u
        w_xy -= u * v
        w_yy -= v * v
    share, rounding = 1.0 / n_kept, ROUNDING * s_yy
    smallest, best = math.inf, NO_LINE
    for k in range(n - kept + np.uint64(1)):
        c_xx = w_xx - w_x * w_x * share
        if n_kept * c_xx >= NO_SPREAD:
            c_xy = w_xy - w_x * w_y * share
            trimmed = max(w_yy - w_y * w_y * share - c_xy * c_xy / c_xx, 0.0)
            if trimmed <= smallest:  # `is_better` would refuse others
                line = c_xy / c_xx
                intercept = (w_y - line * w_x) * share
                total = s_yy - line * (2.0 * s_xy - line * s_xx) + n * intercept * intercept
                window = (line, intercept, trimmed, total)
                if is_better(window, best, rounding):
                    best, smallest = window, trimmed + rounding
        if k + kept < n:  # the next run: without the first, with the one behind
            u, v = x[k + kept], y[k + kept]
            w_x += u - x[k]
            w_y += v - y[k]
            w_xx += u * u - x[k] * x[k]
            w_xy += u * v - x[k] * y[k]
            w_yy += v * v - y[k] * y[k]
    return best
