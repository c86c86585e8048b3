"""Slopes between pairs of points: where a search for the best robust line starts."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .sorting import sorted_order

#: Up to this number of points every order that the residuals can have is covered.
EXACT_POINTS = 12
#: Slopes chosen for more points: as many as let points times slopes stay below the work, since
#: the sum of squares gets smoother in the slope the more points there are.
_MIN_SLOPES, _MAX_SLOPES, _WORK = 16, 48, 2000
#: Points this close in x (square of their distance) determine no slope.
NO_SPREAD = 4.440892098500626e-16
#: Distances in rank, as fractions of the number of points, between the points of the pairs; many
#: points need only the first three, and of these at most so many pairs each.
_STRIDES = (0.5, 0.35, 0.65, 0.2, 0.8)
_MANY_POINTS, _MOST_PAIRS = 60, 65


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
        Ascending. For up to `EXACT_POINTS` points one slope between any two neighbouring slopes of
        all pairs, and one beyond both ends: residuals change their order only at the slope of a
        pair. For more points 16 to 48 quantiles of the slopes of pairs with a few distances in
        rank. Empty if all x are equal.

    Notes
    -----
    Source: H. Theil, Proc. K. Ned. Akad. Wet. 53 (1950) 386, complete and incomplete method.

    Examples
    --------
    >>> import numpy as np
    >>> pair_slopes(np.array([0.0, 1.0]), np.array([0.0, 2.0])).tolist()
    [1.0, 3.0]
    """
    n = x.size
    exact = n <= EXACT_POINTS
    slopes = np.empty(n * (n - 1) // 2 if exact else n * len(_STRIDES))
    n_strides = n - 1 if exact else 3 if n > _MANY_POINTS else len(_STRIDES)
    n_slopes = 0
    for s in range(n_strides):
        stride = s + 1 if exact else int(_STRIDES[s] * n)
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
    if exact:
        between = np.empty(n_slopes + 1)
        between[0] = slopes[0] - 1.0
        for i in range(n_slopes - 1):
            between[i + 1] = 0.5 * (slopes[i] + slopes[i + 1])
        between[n_slopes] = slopes[n_slopes - 1] + 1.0
        return between
    n_chosen = min(max(_WORK // n, _MIN_SLOPES), _MAX_SLOPES, n_slopes)
    chosen = np.empty(n_chosen)
    for i in range(n_chosen):
        chosen[i] = slopes[i * (n_slopes - 1) // max(n_chosen - 1, 1)]
    return chosen
