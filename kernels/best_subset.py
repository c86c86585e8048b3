"""The line through all points but a few, for every choice of the few: exact for few points."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .pair_slopes import NO_SPREAD
from .residual_window import NO_LINE, ROUNDING, is_better

#: Most points that can be left out.
MOST_LEFT_OUT = 3


@kernel
def _with_line(
    n: int, n_kept: int, w_x: float, w_y: float, w_xx: float, w_xy: float, w_yy: float,
    sums: np.ndarray, best: tuple[float, float, float, float], rounding: float,
) -> tuple[float, float, float, float]:  # fmt: skip
    """The better of `best` and the line of least squares through the points with these sums."""
    share = 1.0 / n_kept
    c_xx = w_xx - w_x * w_x * share
    if not n_kept * c_xx >= NO_SPREAD:
        return best
    c_xy = w_xy - w_x * w_y * share
    trimmed = max(w_yy - w_y * w_y * share - c_xy * c_xy / c_xx, 0.0)
    if trimmed > best[2] + rounding:  # not of NaN
        return best
    slope = c_xy / c_xx
    intercept = (w_y - slope * w_x) * share
    total = sums[4] - slope * (2.0 * sums[3] - slope * sums[2]) + n * intercept * intercept
    line = (slope, intercept, trimmed, total)
    return line if is_better(line, best, rounding) else best


@kernel
def best_subset(
    x: np.ndarray, y: np.ndarray, n_kept: int, sums: np.ndarray
) -> tuple[float, float, float, float]:
    """The line of least squares through those `n_kept` points that it fits best.

    Parameters
    ----------
    x, y : float64 arrays of shape (n,)
        Points, each coordinate with mean 0.
    n_kept : int
        Less than n, by at most `MOST_LEFT_OUT`.
    sums : float64 array of shape (5,)
        Of x, y, x^2, x y and y^2.

    Returns
    -------
    slope, intercept, trimmed, total : float
        Line, its sum of squares over the points that it fits and over all; of lines that fit
        equally well the one with the smallest total. NaN if no choice has a spread in x.

    Notes
    -----
    Source: P. J. Rousseeuw, J. Am. Stat. Assoc. 79 (1984) 871 (the definition).

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([-1.5, -0.5, 0.5, 1.5]), np.array([-3.0, -2.0, -1.0, 6.0])
    >>> sums = np.array([x.sum(), y.sum(), x @ x, x @ y, y @ y])
    >>> slope, intercept, trimmed, _ = best_subset(x, y, 3, sums)
    >>> round(slope, 6), round(intercept, 6), round(trimmed, 6)
    (1.0, -1.5, 0.0)
    """
    n, n_out = x.size, x.size - n_kept
    rounding = ROUNDING * sums[4]
    best = NO_LINE
    for i in range(n):
        u, v = x[i], y[i]
        i_x, i_y = sums[0] - u, sums[1] - v
        i_xx, i_xy, i_yy = sums[2] - u * u, sums[3] - u * v, sums[4] - v * v
        if n_out == 1:
            best = _with_line(n, n_kept, i_x, i_y, i_xx, i_xy, i_yy, sums, best, rounding)
            continue
        for j in range(i + 1, n):
            u, v = x[j], y[j]
            j_x, j_y = i_x - u, i_y - v
            j_xx, j_xy, j_yy = i_xx - u * u, i_xy - u * v, i_yy - v * v
            if n_out == 2:
                best = _with_line(n, n_kept, j_x, j_y, j_xx, j_xy, j_yy, sums, best, rounding)
                continue
            for k in range(j + 1, n):
                u, v = x[k], y[k]
                best = _with_line(
                    n, n_kept, j_x - u, j_y - v, j_xx - u * u, j_xy - u * v, j_yy - v * v,
                    sums, best, rounding,
                )  # fmt: skip
    return best
