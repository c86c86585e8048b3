"""The ground and the plane tilted to the array pointing.

The tilted frame is the ground frame (x north, y west, z up) turned so that z points to where the
array looks; its x axis stays in the vertical plane of the pointing, its y axis stays horizontal.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel


@kernel
def tilted(x: float, y: float, z: float, alt: float, az: float) -> tuple[float, float, float]:
    """Position in the frame tilted to a pointing (rad) of a position in the ground frame."""
    level = x * math.cos(az) - y * math.sin(az)
    return (
        level * math.sin(alt) - z * math.cos(alt),
        x * math.sin(az) + y * math.cos(az),
        level * math.cos(alt) + z * math.sin(alt),
    )


@kernel
def untilted(x: float, y: float, z: float, alt: float, az: float) -> tuple[float, float, float]:
    """Position in the ground frame of a position in the frame tilted to a pointing (rad)."""
    level = x * math.sin(alt) + z * math.cos(alt)
    return (
        level * math.cos(az) + y * math.sin(az),
        y * math.cos(az) - level * math.sin(az),
        z * math.sin(alt) - x * math.cos(alt),
    )


@kernel
def _root(variance: float) -> float:
    """Square root; rounding may leave less than nothing of terms that cancel."""
    return 0.0 if variance < 0.0 else math.sqrt(variance)


@kernel
def tilted_of_ground(position: np.ndarray, pointing: np.ndarray, out: np.ndarray) -> None:
    """Positions in the frame tilted to a pointing.

    Parameters
    ----------
    position : float64 (n, 3), m
        In the ground frame.
    pointing : float64 (n, 2), rad
        Altitude, azimuth.
    out : float64 (n, 3), m
        Written: positions in the tilted frame; NaN where an input is.

    Notes
    -----
    Source: rotation about the vertical by the azimuth, then about the horizontal y axis by the
    zenith angle.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 3))
    >>> tilted_of_ground(np.array([[3.0, 4.0, 5.0]]), np.array([[np.pi / 2, 0.0]]), out)
    >>> out.round(9).tolist()
    [[3.0, 4.0, 5.0]]
    """
    for i in range(out.shape[0]):
        out[i, 0], out[i, 1], out[i, 2] = tilted(
            position[i, 0], position[i, 1], position[i, 2], pointing[i, 0], pointing[i, 1]
        )


@kernel
def ground_of_tilted(position: np.ndarray, pointing: np.ndarray, out: np.ndarray) -> None:
    """Positions in the ground frame: the inverse of `tilted_of_ground`.

    Parameters
    ----------
    position : float64 (n, 3), m
        In the tilted frame.
    pointing : float64 (n, 2), rad
        Altitude, azimuth.
    out : float64 (n, 3), m
        Written: positions in the ground frame; NaN where an input is.

    Notes
    -----
    Source: transpose of the rotation in `tilted_of_ground`.

    Examples
    --------
    >>> import numpy as np
    >>> out = np.empty((1, 3))
    >>> ground_of_tilted(np.array([[3.0, 4.0, 5.0]]), np.array([[np.pi / 2, 0.0]]), out)
    >>> out.round(9).tolist()
    [[3.0, 4.0, 5.0]]
    """
    for i in range(out.shape[0]):
        out[i, 0], out[i, 1], out[i, 2] = untilted(
            position[i, 0], position[i, 1], position[i, 2], pointing[i, 0], pointing[i, 1]
        )


@kernel
def ground_of_tilted_plane(
    core: np.ndarray,
    covariance: np.ndarray,
    pointing: np.ndarray,
    out: np.ndarray,
    out_uncert: np.ndarray,
) -> None:
    """Follow the pointing from points of the tilted plane z = 0 to the ground z = 0.

    Parameters
    ----------
    core : float64 (n, 2), m
        x, y in the tilted frame.
    covariance : float64 (n, 3), m²
        Variance of x, of y, covariance of both.
    pointing : float64 (n, 2), rad
        Altitude, azimuth.
    out, out_uncert : float64 (n, 2), m
        Written: x, y in the ground frame and their standard deviations; NaN where an input is, and
        for a pointing along the horizon.

    Notes
    -----
    Source: x = x' cos(az) / sin(alt) + y' sin(az), y = y' cos(az) - x' sin(az) / sin(alt), from
    the rotation in `ground_of_tilted` and a step along the pointing.

    Examples
    --------
    >>> import numpy as np
    >>> out, uncert = np.empty((2, 1, 2))
    >>> core, pointing = np.array([[1.0, 2.0]]), np.array([[np.pi / 6, 0.0]])
    >>> ground_of_tilted_plane(core, np.array([[1.0, 4.0, 0.0]]), pointing, out, uncert)
    >>> out.round(9).tolist(), uncert.round(9).tolist()
    ([[2.0, 2.0]], [[2.0, 2.0]])
    """
    for i in range(out.shape[0]):
        height, c, s = math.sin(pointing[i, 0]), math.cos(pointing[i, 1]), math.sin(pointing[i, 1])
        if height == 0.0:
            out[i], out_uncert[i] = math.nan, math.nan
            continue
        a, b = c / height, s / height
        out[i, 0] = a * core[i, 0] + s * core[i, 1]
        out[i, 1] = c * core[i, 1] - b * core[i, 0]
        xx, yy, xy = covariance[i, 0], covariance[i, 1], covariance[i, 2]
        out_uncert[i, 0] = _root(a * a * xx + s * s * yy + 2.0 * a * s * xy)
        out_uncert[i, 1] = _root(b * b * xx + c * c * yy - 2.0 * b * c * xy)
