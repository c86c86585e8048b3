"""Core of a shower: the point next to the image axes in the tilted plane."""

from __future__ import annotations

import math

import numpy as np

from .ground_frames import tilted
from .jit import kernel

#: Lines of which the mean squared sine of the angles is smaller are taken as parallel.
_PARALLEL = 1e-14


@kernel
def core_crossing(
    offsets: np.ndarray,
    position: np.ndarray,
    axis: np.ndarray,
    array_pointing: np.ndarray,
    core: np.ndarray,
    covariance: np.ndarray,
) -> None:
    """Least-squares crossing of the lines through the telescopes along their image axes.

    Parameters
    ----------
    offsets : int64 (n_events + 1,)
        Images of event k: rows offsets[k] to offsets[k + 1].
    position : float64 (n, 3), m
        Telescopes in the ground frame.
    axis : float64 (n, 2)
        Direction of the image axis in the tilted plane (unit vector).
    array_pointing : float64 (n_events, 2), rad
        Altitude and azimuth of the array: normal of the tilted plane.
    core : float64 (n_events, 2), m
        Written: x, y in the tilted frame; NaN for events of less than two images, of parallel axes,
        or of unknown pointing.
    covariance : float64 (n_events, 3), m²
        Written: variance of x, of y, covariance of both, from the scatter of the lines around the
        core; NaN for two images, whose lines always meet.

    Notes
    -----
    Source: normal equations of min Σ |(1 - n nᵀ)(x - p)|² for lines through p along n; covariance
    s² (Σ (1 - n nᵀ))⁻¹ with s² = Σ |...|² / (n_images - 2).

    Examples
    --------
    >>> import numpy as np
    >>> position = np.array([[10.0, 0.0, 0.0], [0.0, 20.0, 0.0]])
    >>> axis = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> core, covariance = np.empty((1, 2)), np.empty((1, 3))
    >>> up = np.array([[np.pi / 2, 0.0]])
    >>> core_crossing(np.array([0, 2]), position, axis, up, core, covariance)
    >>> core.round(9).tolist()
    [[10.0, 20.0]]
    """
    for k in range(offsets.shape[0] - 1):
        begin, end = offsets[k], offsets[k + 1]
        n = end - begin
        core[k], covariance[k] = math.nan, math.nan
        if n < 2:
            continue
        alt, az = array_pointing[k, 0], array_pointing[k, 1]
        # from the first telescope, so that nothing is lost far from the origin
        x0, y0, z0 = position[begin, 0], position[begin, 1], position[begin, 2]
        xx, yy, xy, bx, by = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(begin, end):
            x, y, _ = tilted(position[i, 0] - x0, position[i, 1] - y0, position[i, 2] - z0, alt, az)
            c, s = axis[i, 0], axis[i, 1]
            xx, yy, xy = xx + s * s, yy + c * c, xy - s * c
            away = s * x - c * y
            bx, by = bx + s * away, by - c * away
        determinant = xx * yy - xy * xy
        if not determinant > _PARALLEL * n * n:
            continue
        x1, y1 = (yy * bx - xy * by) / determinant, (xx * by - xy * bx) / determinant
        dx, dy, _ = tilted(x0, y0, z0, alt, az)
        core[k, 0], core[k, 1] = x1 + dx, y1 + dy
        if n < 3:
            continue
        squares = 0.0
        for i in range(begin, end):
            x, y, _ = tilted(position[i, 0] - x0, position[i, 1] - y0, position[i, 2] - z0, alt, az)
            squares += (axis[i, 1] * (x - x1) - axis[i, 0] * (y - y1)) ** 2
        scale = squares / (n - 2) / determinant
        covariance[k, 0], covariance[k, 1] = scale * yy, scale * xx
        covariance[k, 2] = -scale * xy
