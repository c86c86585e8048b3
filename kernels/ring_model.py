"""Light that a muon's ring brings into each pixel.

Source: G. Vacanti et al., Astropart. Phys. 2, 1 (1994), eqs. 4 to 7, for the mirror crossed in each
direction; M. Gaug et al., ApJS 243, 11 (2019), section 2, for the yield; ring of Gaussian width as
in R. Chalme-Calvet et al., arXiv:1403.4550, section 3.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Fine structure constant, CODATA 2022.
_ALPHA = 7.2973525643e-3
_ROOT_2 = math.sqrt(2.0)
_ROOT_2_PI = math.sqrt(2.0 * math.pi)


@kernel
def crossed(across: float, along: float, radius: float, softness: float) -> float:
    """Length of a disc (m) on a ray, from the offset of its centre across and along the ray (m).

    With a `softness` (m) the rim is blurred so that the length has derivatives everywhere.

    Examples
    --------
    >>> crossed(0.0, 0.0, 5.0, 0.0), crossed(0.0, 9.0, 5.0, 0.0), crossed(0.0, -9.0, 5.0, 0.0)
    (5.0, 10.0, 0.0)
    """
    inside = radius * radius - across * across
    if softness > 0.0:
        half = math.sqrt(0.5 * (inside + math.hypot(inside, 2.0 * radius * softness)))
        start, stop = along - half, along + half
        return 0.5 * (
            2.0 * half + math.sqrt(stop * stop + softness**2) - math.sqrt(start**2 + softness**2)
        )
    if inside <= 0.0:
        return 0.0
    half = math.sqrt(inside)
    return max(0.0, along + half) - max(0.0, along - half)


@kernel
def count_directions(radius: float, pixel_width: float, oversampling: int) -> int:
    """Number of directions in a profile: pixels on the ring times `oversampling`.

    Examples
    --------
    >>> count_directions(1.0, 0.5, 3), count_directions(0.01, 0.5, 3)
    (36, 0)
    """
    return int(2.0 * math.pi * radius / pixel_width) * oversampling


@kernel
def mirror_profile(
    x: float,
    y: float,
    mirror_radius: float,
    hole_radius: float,
    softness: float,
    directions: np.ndarray,
    oversampling: int,
    raw: np.ndarray,
    out: np.ndarray,
) -> None:
    """Mirror crossed per direction, averaged over the directions in a pixel.

    Parameters
    ----------
    x, y : float, m
        Impact: offset of the mirror's centre from where the muon hits.
    mirror_radius, hole_radius, softness : float, m
        Softness of the rims, see `crossed`.
    directions : float64 array of shape (n, 2)
        Cosine and sine of angles from -pi to pi, both included.
    oversampling : int
        Neighbouring directions in a mean, around the circle.
    raw : float64 array of shape (n,)
        Written: lengths, m.
    out : float64 array of shape (n,)
        Written: their means, m.
    """
    n = directions.shape[0]
    for i in range(n):
        c, s = directions[i, 0], directions[i, 1]
        across, along = x * s - y * c, x * c + y * s
        raw[i] = crossed(across, along, mirror_radius, softness)
        if hole_radius > 0.0:
            raw[i] -= crossed(across, along, hole_radius, softness)
    for i in range(n):
        total = 0.0
        for j in range(i - oversampling // 2, i - oversampling // 2 + oversampling):
            total += raw[j % n if j < 0 or j >= n else j]
        out[i] = total / oversampling


@kernel
def radial_share(distance: float, radius: float, width: float, pixel_width: float) -> float:
    """Part of a Gaussian ring within half a pixel of a distance from its centre; all one unit.

    Examples
    --------
    >>> round(radial_share(1.0, 1.0, 0.5, 1.0), 4)
    0.6827
    """
    upper = math.erf((distance + 0.5 * pixel_width - radius) / (_ROOT_2 * width))
    lower = math.erf((distance - 0.5 * pixel_width - radius) / (_ROOT_2 * width))
    return 0.5 * (upper - lower)


@kernel
def radial_share_slope(distance: float, radius: float, width: float, pixel_width: float) -> float:
    """Derivative of `radial_share` by the logarithm of the width."""
    upper = (distance + 0.5 * pixel_width - radius) / width
    lower = (distance - 0.5 * pixel_width - radius) / width
    return (
        lower * math.exp(-0.5 * lower * lower) - upper * math.exp(-0.5 * upper * upper)
    ) / _ROOT_2_PI


@kernel
def photons_per_metre(
    radius: float, pixel_width: float, shortest: float, longest: float, shape: float
) -> float:
    """Photons in a pixel on the ring per metre of mirror, all of the ring's width in it.

    Parameters
    ----------
    radius, pixel_width : float, rad
    shortest, longest : float, m
        Wavelengths.
    shape : float
        Area of the pixel's inner circle in units of the pixel's.

    Notes
    -----
    alpha (1/shortest - 1/longest) sin(2 radius) / 2 photons per radian and metre, times the angle
    pixel_width / radius that a pixel fills.

    Examples
    --------
    >>> round(photons_per_metre(0.02, 0.002, 300e-9, 600e-9, 1.0), 2)
    24.32
    """
    spectrum = _ALPHA * (1.0 / shortest - 1.0 / longest)
    return spectrum * pixel_width / radius * 0.5 * math.sin(2.0 * radius) * shape
