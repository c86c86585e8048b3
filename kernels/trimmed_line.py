"""Least trimmed squares: the straight line that fits most points best and ignores the rest."""

from __future__ import annotations

import math

import numpy as np

from .best_subset import MOST_LEFT_OUT, best_subset
from .jit import kernel
from .pair_slopes import pair_slopes
from .residual_window import NO_LINE, ROUNDING, best_window, is_better
from .sorting import sorted_order

#: Fraction of the points that the line has to fit.
KEPT_FRACTION = 0.85
#: Local minima up to this factor above the best are followed to their bottom.
_FOLLOWED = 1.5
_MAX_STEPS = 30


@kernel
def _add(x: np.ndarray, y: np.ndarray, sums: np.ndarray) -> None:
    for k in range(x.size):
        u, v = x[k], y[k]
        sums[0], sums[1] = sums[0] + u, sums[1] + v
        sums[2], sums[3], sums[4] = sums[2] + u * u, sums[3] + u * v, sums[4] + v * v


@kernel
def trimmed_line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Fit the line with the smallest sum of the ``int(0.85 n)`` smallest squared residuals.

    The search is deterministic and looks at these points alone. For up to 20 points it is exact. Of
    lines that fit equally well (every line through two of three points does) the one with the
    smallest sum over all points is taken.

    Parameters
    ----------
    x, y : float64 arrays of shape (n,)
        Points, finite.

    Returns
    -------
    slope, intercept : float
        NaN for fewer than 3 points (a line through one of two is no fit) and for equal x.

    Notes
    -----
    Source: P. J. Rousseeuw, K. Van Driessen, Data Min. Knowl. Disc. 12 (2006) 29.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.arange(8.0)
    >>> y = 2.0 * x + 1.0
    >>> y[3] = 100.0
    >>> slope, intercept = trimmed_line(x, y)
    >>> round(slope, 6), round(intercept, 6)
    (2.0, 1.0)
    """
    n = x.size
    n_kept = int(KEPT_FRACTION * n)
    if n_kept < 2:
        return math.nan, math.nan
    mean_x, mean_y = np.sum(x) / n, np.sum(y) / n
    sums = np.zeros(5)
    if n - n_kept <= MOST_LEFT_OUT:
        x, y = x - mean_x, y - mean_y
        _add(x, y, sums)
        best = best_subset(x, y, n_kept, sums)
        return best[0], best[1] + mean_y - best[0] * mean_x
    # Stable, so that equal x have one order. It is also the order of the
    # residuals for slopes far below all others, where the sweep begins.
    order = sorted_order(x)
    x, y = x[order] - mean_x, y[order] - mean_y
    slopes = pair_slopes(x, y)
    residual = np.empty(n)
    _add(x, y, sums)
    rounding = ROUNDING * sums[4]
    found = np.empty((slopes.size, 4))
    best = NO_LINE
    for s in range(slopes.size):
        line = best_window(x, y, slopes[s], n_kept, sums, residual)
        found[s, 0], found[s, 1], found[s, 2], found[s, 3] = line
        if is_better(line, best, rounding):
            best = line
    if slopes.size == 0 or math.isnan(best[2]):
        return math.nan, math.nan
    limit = _FOLLOWED * best[2]
    # Downwards, back from the last slope: the order then changes little again.
    for s in range(slopes.size - 1, -1, -1):
        trimmed = found[s, 2]
        # Comparisons are written so that a NaN neighbour does not hide a minimum.
        if (
            not trimmed <= limit
            or (s > 0 and found[s - 1, 2] <= trimmed)
            or (s + 1 < slopes.size and found[s + 1, 2] < trimmed)
        ):
            continue
        bottom = (found[s, 0], found[s, 1], trimmed, found[s, 3])
        for _ in range(_MAX_STEPS):
            line = best_window(x, y, bottom[0], n_kept, sums, residual)
            if not line[2] < bottom[2] - rounding:
                break
            bottom = line
        if is_better(bottom, best, rounding):
            best = bottom
    return best[0], best[1] + mean_y - best[0] * mean_x
