"""How probable the charges of an image are for a ring of given impact, width and efficiency.

Source: M. de Naurois and L. Rolland, Astropart. Phys. 32, 231 (2009), section 2.3: charges are
normally distributed around the prediction mu with variance pedestal^2 + mu (1 + spe_width^2).
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .ring_model import mirror_profile, radial_share

#: What is fitted: offset of the mirror's centre from the impact (m), logarithms of the width (rad)
#: and of the efficiency, which keeps both positive.
X, Y, LOG_WIDTH, LOG_EFFICIENCY = range(4)
N_PARAMETERS = 4
#: What is known of a pixel: distance from the ring's centre (rad), its place among the directions
#: of the profile as whole and fractional part, its charge (p.e.), and the part of the ring's width
#: that is in it, which `set_shares` writes.
DISTANCE, CELL, FRACTION, CHARGE, SHARE = range(5)
N_KNOWN = 5
#: What is known of ring and telescope: radii of ring (rad), mirror and hole (m), width of a pixel
#: (rad), photons per metre of mirror in a pixel, widths of one photo-electron and of the pedestal
#: (p.e.); softness of the rims (m).
RADIUS, MIRROR, HOLE, PIXEL_WIDTH, PHOTONS, SPE_WIDTH, PEDESTAL, SOFTNESS = range(8)
N_CONSTANTS = 8
#: Farther from the ring, in its widths, is no light (1e-9 of it).
_FAR = 6.0


@kernel
def set_shares(log_width: float, pixels: np.ndarray, constants: np.ndarray) -> None:
    """Write the part of a ring's width that is in each pixel."""
    width = math.exp(log_width)
    far = _FAR * width + 0.5 * constants[PIXEL_WIDTH]
    for i in range(pixels.shape[0]):
        d = pixels[i, DISTANCE]
        if abs(d - constants[RADIUS]) > far:
            pixels[i, SHARE] = 0.0
        else:
            pixels[i, SHARE] = radial_share(d, constants[RADIUS], width, constants[PIXEL_WIDTH])


@kernel
def muon_likelihood(
    point: np.ndarray,
    pixels: np.ndarray,
    constants: np.ndarray,
    directions: np.ndarray,
    oversampling: int,
    profiles: np.ndarray,
) -> float:
    """Negative logarithm of the likelihood.

    Parameters
    ----------
    point : float64 array of shape (4,)
        Fitted parameters.
    pixels : float64 array of shape (n, 5)
        With the shares of the point's width.
    constants : float64 array of shape (8,)
    directions : float64 array of shape (n_directions, 2)
    oversampling : int
    profiles : float64 array of shape (6, n_directions)
        Scratch memory.

    Returns
    -------
    float
        NaN if a charge is NaN.
    """
    raw, profile = profiles[0], profiles[1]
    mirror_profile(
        point[X], point[Y], constants[MIRROR], constants[HOLE], constants[SOFTNESS],
        directions, oversampling, raw, profile,
    )  # fmt: skip
    scale = constants[PHOTONS] * math.exp(point[LOG_EFFICIENCY])
    per_photon, noise = 1.0 + constants[SPE_WIDTH] ** 2, constants[PEDESTAL] ** 2
    dark, total = math.log(2.0 * math.pi * noise), 0.0
    for i in range(pixels.shape[0]):
        share = pixels[i, SHARE]
        if share == 0.0:
            total += 0.5 * (dark + pixels[i, CHARGE] ** 2 / noise)
            continue
        k, t = int(pixels[i, CELL]), pixels[i, FRACTION]
        expected = scale * (profile[k] + t * (profile[k + 1] - profile[k])) * share
        variance = noise + per_photon * expected
        residual = pixels[i, CHARGE] - expected
        total += 0.5 * (math.log(2.0 * math.pi * variance) + residual * residual / variance)
    return total
