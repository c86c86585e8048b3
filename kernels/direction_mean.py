"""Directions as unit vectors, and their weighted mean over groups of telescopes."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel


@kernel
def unit_vectors(alt: np.ndarray, az: np.ndarray, out: np.ndarray) -> None:
    """Unit vectors of horizontal directions.

    Parameters
    ----------
    alt, az : float64 (n,), deg
    out : float64 (n, 3)
        Written: cos(alt) cos(az), cos(alt) sin(az), sin(alt); NaN where an input is.

    Notes
    -----
    Source: spherical coordinates; azimuth as longitude, so the system is left-handed on the ground.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 3))
    >>> unit_vectors(np.array([60.0]), np.array([90.0]), out)
    >>> (out.round(3) + 0.0).tolist()
    [[0.0, 0.5, 0.866]]
    """
    for i in range(out.shape[0]):
        a, b = math.radians(alt[i]), math.radians(az[i])
        out[i, 0], out[i, 1], out[i, 2] = (
            math.cos(a) * math.cos(b),
            math.cos(a) * math.sin(b),
            math.sin(a),
        )


@kernel
def horizontal(vector: np.ndarray, out_alt: np.ndarray, out_az: np.ndarray) -> None:
    """Altitude and azimuth of vectors of any length.

    Parameters
    ----------
    vector : float64 (n, 3)
    out_alt, out_az : float64 (n,), deg
        Written: azimuth in [0, 360); NaN where an input is.

    Notes
    -----
    Source: inverse of `unit_vectors`.

    Examples
    --------
    >>> import numpy as np
    >>> alt, az = np.empty(1), np.empty(1)
    >>> horizontal(np.array([[0.0, -2.0, 0.0]]), alt, az)
    >>> (alt[0].item(), az[0].item())
    (0.0, 270.0)
    """
    for i in range(out_alt.shape[0]):
        x, y, z = vector[i, 0], vector[i, 1], vector[i, 2]
        out_alt[i] = math.degrees(math.atan2(z, math.hypot(x, y)))
        az = math.degrees(math.atan2(y, x))
        if az < 0.0:
            az += 360.0
        out_az[i] = az if az != 360.0 else 0.0  # the sum rounds for tiny negative angles


@kernel
def direction_mean(
    offsets: np.ndarray,
    vector: np.ndarray,
    valid: np.ndarray,
    weight: np.ndarray,
    out_vector: np.ndarray,
    out_spread: np.ndarray,
    out_n: np.ndarray,
) -> None:
    """Weighted mean of directions in each group and their angular spread.

    Parameters
    ----------
    offsets : int64 (n_groups + 1,)
    vector : float64 (n, 3)
        Unit vectors.
    valid : bool (n,)
    weight : float64 (n,)
        A row counts if it is valid, its vector finite and its weight finite and positive.
    out_vector : float64 (n_groups, 3)
        Written: the mean vector, not normalised; NaN if no row counts.
    out_spread : float64 (n_groups,), deg
        Written: sqrt(-2 ln R), R the length of the mean vector; exactly 0 for one row.
    out_n : int32 (n_groups,)
        Written: rows that count.

    Notes
    -----
    Source: K. V. Mardia, P. E. Jupp, Directional Statistics (2000), equation 2.3.11. R is so close
    to 1 that 1 - R would be rounding noise, so R^2 = 1 - variance is used, the variance around
    the mean summed in a second pass.

    Examples
    --------
    >>> import numpy as np
    >>> mean, spread, n = np.empty((1, 3)), np.empty(1), np.empty(1, np.int32)
    >>> vector = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> offsets, one = np.array([0, 2]), np.ones(2)
    >>> direction_mean(offsets, vector, one > 0, one, mean, spread, n)
    >>> mean[0].tolist()
    [0.5, 0.5, 0.0]
    """
    longest = 0
    for g in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[g + 1] - offsets[g])
    rows, scale = np.empty(longest, np.int64), np.empty(longest)
    for g in range(offsets.shape[0] - 1):
        n, largest = 0, 0.0
        for i in range(offsets[g], offsets[g + 1]):
            finite = math.isfinite(vector[i, 0] + vector[i, 1] + vector[i, 2])
            if valid[i] and finite and weight[i] > 0.0 and math.isfinite(weight[i]):
                rows[n], scale[n] = i, weight[i]
                largest = max(largest, weight[i])
                n += 1
        out_n[g] = n
        out_vector[g, 0] = out_vector[g, 1] = out_vector[g, 2] = out_spread[g] = math.nan
        if n == 0:
            continue
        total = x = y = z = variance = 0.0
        for k in range(n):
            i, w = rows[k], scale[k] / largest
            total += w
            x, y, z = x + w * vector[i, 0], y + w * vector[i, 1], z + w * vector[i, 2]
        x, y, z = x / total, y / total, z / total
        for k in range(n):
            a, b, c = vector[rows[k], 0] - x, vector[rows[k], 1] - y, vector[rows[k], 2] - z
            variance += scale[k] / largest * (a * a + b * b + c * c)
        variance /= total
        out_vector[g, 0], out_vector[g, 1], out_vector[g, 2] = x, y, z
        out_spread[g] = math.inf  # directions that cancel each other
        if variance < 1.0:
            out_spread[g] = math.degrees(math.sqrt(-math.log1p(-variance)))
