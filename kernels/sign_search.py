"""Search for the choice of one of two points per telescope that agree best.

Telescope i offers the points x_i(0), x_i(1) of a plane at the costs c_i(0), c_i(1). Wanted are the
choice s and the common point m that minimise

    cost(s, m) = sum_i  w_i |x_i(s_i) - m|^2 / 2 + c_i(s_i)

For a given choice the best m is the weighted mean. For given m each telescope takes its cheaper
point, and the border between the two is a straight line, since the squares of m cancel in the
difference. So the lines of all telescopes divide the plane into cells of equal choice, and the best
choice is that of one cell. Every cell has a corner where two lines cross or, if all lines are
parallel, a line along it. So the choices at a small step from the n^2/2 crossings, in the four
directions between the two lines, contain the optimum of all 2^n. A cell smaller than the step may
be missed, for a choice whose cost is higher by no more than the step times the slopes of the lines.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Step from a crossing into the cells around it, in the unit of the points.
_STEP = 1e-6


@kernel
def _cost_at(lines: np.ndarray, mx: float, my: float, base: tuple[float, ...]) -> float:
    """Cost of the choice that is the cheapest at (mx, my), at its own best point.

    `base` is the sum of the weights, of w x and w y, and of c + w (x^2 + y^2) / 2 over the first
    points; the second points change the latter three by the numbers of `lines`.
    """
    total, sx, sy, cost = base
    for k in range(lines.shape[0]):
        a, b, d = lines[k, 0], lines[k, 1], lines[k, 2]
        s = 1.0 if a * mx + b * my + d > 0.0 else 0.0  # faster than a branch
        sx, sy, cost = sx + s * a, sy + s * b, cost - s * d
    return cost - 0.5 * (sx * sx + sy * sy) / total


@kernel
def _cost_of(lines: np.ndarray, choice: np.ndarray, base: tuple[float, ...]) -> float:
    """Cost of a choice at its best point."""
    total, sx, sy, cost = base
    for k in range(lines.shape[0]):
        if choice[k] == 1:
            sx, sy, cost = sx + lines[k, 0], sy + lines[k, 1], cost - lines[k, 2]
    return cost - 0.5 * (sx * sx + sy * sy) / total


@kernel
def _enumerate(
    lines: np.ndarray, base: tuple[float, ...], trial: np.ndarray, best: np.ndarray
) -> None:
    """All combinations in the order of the Gray code: one telescope changes at each step."""
    n, least, found = best.size, _cost_of(lines, best, base), 0
    total, sx, sy, cost = base
    for i in range(n):
        trial[i] = best[i]
        if best[i] == 1:
            sx, sy, cost = sx + lines[i, 0], sy + lines[i, 1], cost - lines[i, 2]
    for step in range(1, 1 << n):
        i = 0
        while not (step >> i) & 1:
            i += 1
        to = 1.0 - 2.0 * trial[i]
        sx, sy, cost = sx + to * lines[i, 0], sy + to * lines[i, 1], cost - to * lines[i, 2]
        trial[i] = 1 - trial[i]
        now = cost - 0.5 * (sx * sx + sy * sy) / total
        if now < least - 1e-9:
            least, found = now, step
    for i in range(n):
        best[i] ^= ((found ^ (found >> 1)) >> i) & 1


@kernel
def _crossings(lines: np.ndarray, base: tuple[float, ...], best: np.ndarray) -> None:
    """The choices in the cells around the crossings of all border lines."""
    n, least, bx, by = best.size, _cost_of(lines, best, base), math.nan, math.nan
    now = _cost_at(lines, 0.0, 0.0, base)  # all there is without any line
    if now < least - 1e-9:
        least, bx, by = now, 0.0, 0.0
    for i in range(n):
        for j in range(i + 1):
            a, b, d = lines[i, 0], lines[i, 1], lines[i, 2]
            u, v, e = lines[j, 0], lines[j, 1], lines[j, 2]
            if i == j:  # the point of the line nearest to the origin, for parallel lines
                u, v, e = -b, a, 0.0
            determinant = a * v - b * u
            if determinant == 0.0:
                continue
            mx, my = (b * e - v * d) / determinant, (u * d - a * e) / determinant
            along, other = _STEP / math.hypot(a, b), _STEP / math.hypot(u, v)
            for corner in range(4):
                p, q = along * (2 * (corner & 1) - 1), other * ((corner & 2) - 1)
                x, y = mx - p * b - q * v, my + p * a + q * u
                now = _cost_at(lines, x, y, base)
                if now < least - 1e-9:
                    least, bx, by = now, x, y
    if not math.isnan(bx):
        for k in range(n):
            best[k] = 1 if lines[k, 0] * bx + lines[k, 1] * by + lines[k, 2] > 0.0 else 0


@kernel
def best_choice(
    x: np.ndarray,
    y: np.ndarray,
    c: np.ndarray,
    w: np.ndarray,
    enumerated: int,
    lines: np.ndarray,
    trial: np.ndarray,
    best: np.ndarray,
) -> None:
    """Choice of one point per telescope with the least cost.

    Parameters
    ----------
    x, y : float64 (n, 2)
        The two points of each telescope, around the origin.
    c : float64 (n, 2)
        Their own costs.
    w : float64 (n,)
        Weights, positive.
    enumerated : int
        Up to this many telescopes all combinations are tried, above that the crossings.
    lines : float64 (n, 3)
        Work space, like `trial`.
    trial : int64 (n,)
    best : int64 (n,), 0 or 1
        The choice to start from, kept unless another is better by 1e-9; replaced by the best.

    Notes
    -----
    Source: head of this file.

    Examples
    --------
    >>> import numpy as np
    >>> x, y = np.array([[1.0, 9.0], [7.0, 1.2]]), np.zeros((2, 2))
    >>> best, trial, one = np.zeros(2, np.int64), np.zeros(2, np.int64), np.ones(2)
    >>> best_choice(x, y, 0 * x, one, 7, np.empty((2, 3)), trial, best)
    >>> best.tolist()
    [0, 1]
    """
    total = sx = sy = cost = 0.0
    for i in range(w.size):
        # the two points differ in cost by lines[i] . (mx, my, 1) at the point m
        first, second = x[i, 0] ** 2 + y[i, 0] ** 2, x[i, 1] ** 2 + y[i, 1] ** 2
        lines[i, 0], lines[i, 1] = w[i] * (x[i, 1] - x[i, 0]), w[i] * (y[i, 1] - y[i, 0])
        lines[i, 2] = c[i, 0] - c[i, 1] + 0.5 * w[i] * (first - second)
        total, sx, sy = total + w[i], sx + w[i] * x[i, 0], sy + w[i] * y[i, 0]
        cost += c[i, 0] + 0.5 * w[i] * first
    if best.size <= enumerated:
        _enumerate(lines, (total, sx, sy, cost), trial, best)
    else:
        _crossings(lines, (total, sx, sy, cost), best)
