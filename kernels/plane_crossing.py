"""Direction of a shower where the planes of its images cross."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Two planes at a smaller angle (its sine) are taken as one: rounding alone would decide.
_PARALLEL = 1e-10


@kernel
def _crossing(normal: np.ndarray, i: int, j: int) -> tuple[float, float, float, float]:
    """Cross product of two normals, turned upwards, and its length; (0, 0, 0, 0) if parallel."""
    a, b, c = normal[i, 0], normal[i, 1], normal[i, 2]
    d, e, f = normal[j, 0], normal[j, 1], normal[j, 2]
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    length = math.sqrt(x * x + y * y + z * z)
    if not length > _PARALLEL * math.sqrt((a * a + b * b + c * c) * (d * d + e * e + f * f)):
        return 0.0, 0.0, 0.0, 0.0
    if z < 0.0:
        return -x, -y, -z, length
    return x, y, z, length


@kernel
def plane_crossing(
    offsets: np.ndarray,
    normal: np.ndarray,
    weight: np.ndarray,
    direction: np.ndarray,
    spread: np.ndarray,
) -> None:
    """Weighted mean of the directions in which the planes of each pair of images cross.

    Parameters
    ----------
    offsets : int64 (n_events + 1,)
        Images of event k: rows offsets[k] to offsets[k + 1].
    normal : float64 (n, 3)
        Normals of the planes; a pair counts with the lengths of both and the sine of their angle.
    weight : float64 (n,)
        Further weight of each image.
    direction : float64 (n_events, 3)
        Written: unit vector towards the origin of the shower, above the horizon; NaN for events of
        less than two images, without two planes that cross, or without weight.
    spread : float64 (n_events,), rad
        Written: mean angle between the direction and all crossings, 0 for two images.

    Notes
    -----
    Source: algorithm of the ground-parallel frame in W. Hofmann et al., Astropart. Phys. 12, 135
    (1999), with planes instead of lines; the weights are those of ctapipe. Parallel planes do not
    cross, their pair is left out.

    Examples
    --------
    >>> import numpy as np
    >>> normal = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    >>> direction, spread = np.empty((1, 3)), np.empty(1)
    >>> plane_crossing(np.array([0, 2]), normal, np.ones(2), direction, spread)
    >>> direction.tolist(), spread.tolist()
    ([[0.0, 0.0, 1.0]], [0.0])
    """
    for k in range(offsets.shape[0] - 1):
        begin, end = offsets[k], offsets[k + 1]
        x, y, z = 0.0, 0.0, 0.0
        for i in range(begin, end):
            for j in range(i + 1, end):
                a, b, c, _ = _crossing(normal, i, j)
                w = weight[i] * weight[j]
                x, y, z = x + w * a, y + w * b, z + w * c
        length = math.sqrt(x * x + y * y + z * z)
        if not length > 0.0:
            direction[k], spread[k] = math.nan, math.nan
            continue
        x, y, z = x / length, y / length, z / length
        direction[k, 0], direction[k, 1], direction[k, 2] = x, y, z
        total, n = 0.0, 0
        for i in range(begin, end):
            for j in range(i + 1, end):
                a, b, c, length = _crossing(normal, i, j)
                if length > 0.0:
                    sine = math.sqrt(
                        (y * c - z * b) ** 2 + (z * a - x * c) ** 2 + (x * b - y * a) ** 2
                    )
                    # unlike the arc cosine this is exact for small angles
                    total += math.atan2(sine, x * a + y * b + z * c)
                    n += 1
        spread[k] = total / n
