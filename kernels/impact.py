"""Impact distance: how far a telescope is from the axis of a shower."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel


@kernel
def impact_distance(
    position: np.ndarray,
    core_x: np.ndarray,
    core_y: np.ndarray,
    altitude: np.ndarray,
    azimuth: np.ndarray,
    out: np.ndarray,
) -> None:
    """Distance of telescopes from shower axes through (core_x, core_y, 0).

    Parameters
    ----------
    position : float64 (n, 3), m
        Telescope position: x north, y west, z up.
    core_x, core_y : float64 (n,), m
    altitude, azimuth : float64 (n,), rad
        Direction of the shower; azimuth from north through east.
    out : float64 (n,), m
        Written: |(position - core) x direction|; NaN where an input is.

    Notes
    -----
    Source: distance of a point from a line; the ground frame has y to the west, hence the sign of
    the second component of the direction.

    Examples
    --------
    >>> import numpy as np
    >>> one, out = np.ones(1), np.empty(1)
    >>> impact_distance(np.array([[3.0, 4.0, 9.0]]), 0 * one, 0 * one, one * np.pi / 2, one, out)
    >>> round(out[0].item(), 6)
    5.0
    """
    for i in range(out.shape[0]):
        x, y, z = position[i, 0] - core_x[i], position[i, 1] - core_y[i], position[i, 2]
        u = math.cos(altitude[i]) * math.cos(azimuth[i])
        v = -math.cos(altitude[i]) * math.sin(azimuth[i])
        w = math.sin(altitude[i])
        a, b, c = y * w - z * v, z * u - x * w, x * v - y * u
        out[i] = math.sqrt(a * a + b * b + c * c)
