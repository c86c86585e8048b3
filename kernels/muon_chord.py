"""Cherenkov angle of a muon, and the mirror its light crosses.

Source: G. Vacanti et al., Astropart. Phys. 2, 1 (1994), eqs. 4 to 7.
"""

from __future__ import annotations

import math

from .atmosphere import REFRACTIVITY_PER_DENSITY, density_at
from .jit import kernel

#: Mass of the muon, TeV.
_MASS = 105.658e-6


@kernel
def ring_angle(energy: float, height: float) -> float:
    """Cherenkov angle (rad) of a muon of this energy (TeV); 0 below its threshold.

    Examples
    --------
    >>> import math
    >>> round(math.degrees(ring_angle(1.0, 2150.0)), 2), ring_angle(1e-3, 2150.0)
    (1.23, 0.0)
    """
    gamma = energy / _MASS
    if gamma <= 1.0:
        return 0.0
    beta = math.sqrt(1.0 - 1.0 / gamma**2)
    cosine = 1.0 / (beta * (1.0 + REFRACTIVITY_PER_DENSITY * density_at(height)))
    return math.acos(cosine) if cosine < 1.0 else 0.0


@kernel
def chord(impact: float, radius: float, azimuth: float, reach: float) -> float:
    """Length of mirror (m) crossed in a direction from a point at `impact` m from its centre.

    `azimuth` is the angle to the direction of the centre; mirror farther away than `reach` m does
    not count.

    Examples
    --------
    >>> chord(0.0, 5.0, 1.0, 99.0), chord(5.0, 5.0, 0.0, 99.0), chord(9.0, 5.0, 3.14, 99.0)
    (5.0, 10.0, 0.0)
    """
    across, along = impact * math.sin(azimuth), impact * math.cos(azimuth)
    if abs(across) >= radius:
        return 0.0
    half = math.sqrt(radius * radius - across * across)
    return max(0.0, min(along + half, reach) - max(along - half, 0.0))
