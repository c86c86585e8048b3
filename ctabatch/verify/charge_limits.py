"""What a charge resolution is compared with: the Poisson limit and the former CTA requirement."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Photo-electrons of the night sky per ns, and ns in which they are integrated.
NIGHT_SKY, WINDOW = 0.125, 15.0
#: Electronic noise in the window, p.e.
ELECTRONIC_NOISE = 0.87
#: Standard deviation of the gain, and excess of the photosensor's noise.
GAIN_SPREAD, EXCESS_NOISE = 0.1, 0.2
#: The requirement ends here, p.e.
REQUIRED_UP_TO = 1000.0


def poisson_limit(charge: Array) -> Array:
    """Relative resolution of a perfect camera: 1 / sqrt(Q).

    Parameters
    ----------
    charge : (n,) float64
        Expected photo-electrons, above 0.
    """
    return np.asarray(1 / np.sqrt(charge))


def requirement(charge: Array) -> Array:
    """Relative charge resolution that CTA required of its cameras; NaN above 1000 p.e.

    Parameters
    ----------
    charge : (n,) float64
        Photo-electrons, above 0.

    Notes
    -----
    sqrt(s0^2 + (1 + ENF)^2 Q + (sg Q)^2) / Q with s0^2 = 0.125 / ns * 15 ns + 0.87^2 (night sky and
    electronics), ENF = 0.2 and sg = 0.1. Source: CTA document SCI-MC/121113, as published in
    ctapipe until 2021 (`ChargeResolutionPlotter.requirement`, removed with its issue 1634). Before
    2018 ctapipe had sqrt(4 + 3) = 2.646 for s0^2 = 2.632. CTA has since replaced the requirement
    by one on photons (cta-benchmarks, issue 8).
    """
    values = np.sqrt(requirement_square(1 / charge, 1 / charge**2))
    return np.where(charge > REQUIRED_UP_TO, np.nan, values)


def requirement_square(inverse: Array, inverse_square: Array) -> Array:
    """Square of the requirement, from means of 1 / Q and 1 / Q^2 over pixels.

    Parameters
    ----------
    inverse, inverse_square : (n,) float64
    """
    at_zero = NIGHT_SKY * WINDOW + ELECTRONIC_NOISE**2
    return at_zero * inverse_square + (1 + EXCESS_NOISE) ** 2 * inverse + GAIN_SPREAD**2


__all__ = ["poisson_limit", "requirement", "requirement_square"]
