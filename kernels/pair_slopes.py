"""Slopes between pairs of points: where a search for the best robust line starts."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .sorting import sorted_order

#: As many slopes are chosen as let points times slopes stay below the work, since the sum of
#: squares gets smoother in the slope the more points there are.
_MIN_SLOPES, _MAX_SLOPES, _WORK = 10, 16, 700
#: Points this close in x (square of their distance) determine no slope.
NO_SPREAD = 4.440892098500626e-16
#: Distances in rank, as fractions of the number of points, between the points of the pairs; many
#: points need only the first three, and of these at most so many pairs each.
_STRIDES = (0.5, 0.35, 0.65, 0.2, 0.8)
_MANY_POINTS, _MOST_PAIRS = 40, 33


@kernel
def pair_slopes(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Choose, from the points alone, slopes that cover the lines through most points.

    Parameters
    ----------
    x, y : float64 arrays of shape (n,)
        Points, sorted by x.

    Returns
    -------
    float64 array of shape (n_slopes,)
        Ascending: 10 to 16 quantiles of the slopes of pairs with a few distances in rank. Empty if
        all x are equal.

    Notes
    -----
    Source: H. Theil, Proc. K. Ned. Akad. Wet. 53 (1950) 386, incomplete method.

    Examples
    --------
    >>> import numpy as np
    >>> pair_slopes(np.arange(4.0), 2 * np.arange(4.0)).tolist()
    [2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0]
    """
    n = x.size
    slopes = np.empty(n * len(_STRIDES))
    n_strides = 3 if n > _MANY_POINTS else len(_STRIDES)
    n_slopes = 0
    for s in range(n_strides):
        stride = int(_STRIDES[s] * n)
        step = 1 if n <= _MANY_POINTS else 1 + (n - stride - 1) // _MOST_PAIRS
        for i in range(0, n - stride, step):
            run = x[i + stride] - x[i]
            if run * run >= NO_SPREAD:
                slopes[n_slopes] = (y[i + stride] - y[i]) / run
                n_slopes += 1
    slopes = slopes[:n_slopes]
    slopes = slopes[sorted_order(slopes)]
    if n_slopes == 0:
        return slopes
    n_chosen = min(max(_WORK // n, _MIN_SLOPES), _MAX_SLOPES, n_slopes)
    chosen = np.empty(n_chosen)
    for i in range(n_chosen):
        chosen[i] = slopes[i * (n_slopes - 1) // max(n_chosen - 1, 1)]
    return chosen
