"""On which side of its image each telescope sees the source: head-tail signs resolved together.

Each telescope of an event offers two directions, one on either side of its image, and the
probability p of the first. With independent Gaussian errors of variance scale^2/weight, the signs s
and the direction m of the event have the negative log likelihood

    cost(s, m) = sum_i  weight_i |x_i(s_i) - m|^2 / (2 scale^2) - log p_i(s_i)
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .sign_search import best_choice

#: Up to this many telescopes the search through all combinations is the faster one.
_ENUMERATED = 11


@kernel
def _tangent_plane(
    plus: np.ndarray,
    minus: np.ndarray,
    rows: np.ndarray,
    rx: float,
    ry: float,
    rz: float,
    unit: float,
    x: np.ndarray,
    y: np.ndarray,
) -> None:
    """Components of the candidates along two axes perpendicular to (rx, ry, rz)."""
    flat, length = math.hypot(rx, ry), math.sqrt(rx * rx + ry * ry + rz * rz)
    cos, sin = (rx / flat, ry / flat) if flat > 0.0 else (1.0, 0.0)
    up, out = (flat / length, rz / length) if length > 0.0 else (1.0, 0.0)
    for k in range(rows.size):
        i = rows[k]
        x[k, 0] = (plus[i, 1] * cos - plus[i, 0] * sin) / unit
        x[k, 1] = (minus[i, 1] * cos - minus[i, 0] * sin) / unit
        y[k, 0] = (plus[i, 2] * up - (plus[i, 0] * cos + plus[i, 1] * sin) * out) / unit
        y[k, 1] = (minus[i, 2] * up - (minus[i, 0] * cos + minus[i, 1] * sin) * out) / unit


@kernel
def resolve_signs(
    offsets: np.ndarray,
    plus: np.ndarray,
    minus: np.ndarray,
    p_plus: np.ndarray,
    valid: np.ndarray,
    weight: np.ndarray,
    scale: float,
    floor: float,
    out: np.ndarray,
) -> None:
    """Choose one of two directions of each telescope so that those of an event agree.

    Parameters
    ----------
    offsets : int64 (n_events + 1,)
    plus, minus : float64 (n, 3)
        The two directions, unit vectors.
    p_plus : float64 (n,)
        Probability of the first, within [0, 1].
    valid : bool (n,)
    weight : float64 (n,)
        Scaled to a largest one of 1 in each event. A row counts if it is valid, all its numbers are
        finite and its weight is positive.
    scale : float, deg
        Error (standard deviation per axis) of the direction of a telescope of weight 1.
    floor : float
        Probabilities are kept within [floor, 1 - floor].
    out : int8 (n,)
        Written: 1 for plus, -1 for minus, 0 for rows that do not count. Events with one row that
        counts, and ties, get the more probable sign (plus at 0.5).

    Notes
    -----
    Source: minimum of the cost in the head of this file in the plane tangent to the sky at the
    mean of all candidates (orthographic: distances 5 deg from there are 0.4 % short).

    Examples
    --------
    >>> import numpy as np
    >>> a, b, c = (np.radians([t, 0, 90.0]) for t in (0.0, 2.0, -2.0))
    >>> up = lambda v: np.array([np.sin(v[0]), 0.0, np.cos(v[0])])
    >>> plus, minus = np.array([up(a), up(a)]), np.array([up(b), up(c)])
    >>> p, one, out = np.array([0.9, 0.4]), np.ones(2), np.empty(2, np.int8)
    >>> resolve_signs(np.array([0, 2]), plus, minus, p, one > 0, one, 0.2, 0.01, out)
    >>> out.tolist()
    [1, 1]
    """
    longest = 0
    for g in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[g + 1] - offsets[g])
    rows, trial = np.empty(longest, np.int64), np.empty(longest, np.int64)
    best, w = np.empty(longest, np.int64), np.empty(longest)
    x, y, c = np.empty((longest, 2)), np.empty((longest, 2)), np.empty((longest, 2))
    lines, unit = np.empty((longest, 3)), math.radians(scale)
    for g in range(offsets.shape[0] - 1):
        n, largest = 0, 0.0
        rx = ry = rz = 0.0
        for i in range(offsets[g], offsets[g + 1]):
            out[i] = 0
            u, v = plus[i, 0] + minus[i, 0], plus[i, 1] + minus[i, 1]
            t = plus[i, 2] + minus[i, 2]
            finite = math.isfinite(u + v + t) and math.isfinite(p_plus[i])
            if not (valid[i] and finite and weight[i] > 0.0 and math.isfinite(weight[i])):
                continue
            rows[n], w[n], best[n] = i, weight[i], 0 if p_plus[i] >= 0.5 else 1
            largest = max(largest, weight[i])
            rx, ry, rz = rx + u, ry + v, rz + t
            n += 1
        if n > 1:
            _tangent_plane(plus, minus, rows[:n], rx, ry, rz, unit, x[:n], y[:n])
            for k in range(n):
                p = min(max(p_plus[rows[k]], floor), 1.0 - floor)
                c[k, 0], c[k, 1] = -math.log(p), -math.log(1.0 - p)
                w[k] /= largest
            best_choice(x[:n], y[:n], c[:n], w[:n], _ENUMERATED, lines[:n], trial[:n], best[:n])
        for k in range(n):
            out[rows[k]] = 1 - 2 * best[k]
