"""The fit of `muon_efficiency` for every ring of a batch."""

from __future__ import annotations

import math

import numpy as np

from .circle_fit import CENTER_X, CENTER_Y
from .circle_fit import RADIUS as RING_RADIUS
from .jit import kernel
from .muon_efficiency import fit_muon
from .muon_likelihood import (
    CELL,
    CHARGE,
    DISTANCE,
    FRACTION,
    HOLE,
    MIRROR,
    N_CONSTANTS,
    N_KNOWN,
    PEDESTAL,
    PHOTONS,
    PIXEL_WIDTH,
    RADIUS,
    SPE_WIDTH,
)
from .ring_model import count_directions, photons_per_metre

#: Fewer directions are no profile.
_MIN_DIRECTIONS = 3


@kernel
def fit_muons(
    image: np.ndarray,
    ring_mask: np.ndarray,
    fov_lon: np.ndarray,
    fov_lat: np.ndarray,
    ring: np.ndarray,
    pixel_width: float,
    shape: float,
    mirror_radius: float,
    hole_radius: float,
    shortest: float,
    longest: float,
    spe_width: float,
    pedestal: float,
    oversampling: int,
    start_width: float,
    start_efficiency: float,
    out: np.ndarray,
) -> None:
    """Fit impact, width and efficiency to every image.

    Parameters
    ----------
    image : float array of shape (n_images, n_pixels), p.e.
    ring_mask : bool array of shape (n_images, n_pixels)
        Pixels near the ring, which are fitted.
    fov_lon, fov_lat : float64 arrays of shape (n_pixels,), deg
    ring : float64 array of shape (n_images, 8)
        From `muon_rings.fit_rings`; centre and radius are kept.
    pixel_width : float, deg
    shape : float
        Area of the pixel's inner circle in units of the pixel's.
    mirror_radius, hole_radius : float, m
    shortest, longest : float, m
        Wavelengths.
    spe_width, pedestal : float, p.e.
        Standard deviations of the charge of a photo-electron and of noise.
    oversampling : int
        Directions per pixel on the ring.
    start_width, start_efficiency : float
        In deg, and photo-electrons per photon.
    out : float64 array of shape (n_images, 8)
        Written: `muon_efficiency.COLUMNS`; NaN and not valid where there is no ring, or one that is
        not larger than a pixel.
    """
    n_pixels = fov_lon.size
    pixels, constants = np.empty((n_pixels, N_KNOWN)), np.empty(N_CONSTANTS)
    constants[MIRROR], constants[HOLE] = mirror_radius, hole_radius
    constants[SPE_WIDTH], constants[PEDESTAL] = spe_width, pedestal
    constants[PIXEL_WIDTH] = math.radians(pixel_width)
    for i in range(image.shape[0]):
        out[i, :6] = math.nan
        out[i, 6:] = 0.0
        x, y, radius = ring[i, CENTER_X], ring[i, CENTER_Y], ring[i, RING_RADIUS]
        if not (radius > 0.0 and radius < math.inf):
            continue
        n = count_directions(radius, pixel_width, oversampling)
        if n < _MIN_DIRECTIONS:
            continue
        directions = np.empty((n, 2))
        for k in range(n):
            angle = -math.pi + 2.0 * math.pi * k / (n - 1)
            directions[k, 0], directions[k, 1] = math.cos(angle), math.sin(angle)
        n_near = 0
        for p in range(n_pixels):
            if ring_mask[i, p]:
                dx, dy = fov_lon[p] - x, fov_lat[p] - y
                place = (math.atan2(dy, dx) + math.pi) / (2.0 * math.pi) * (n - 1)
                cell = min(int(place), n - 2)
                pixels[n_near, DISTANCE] = math.radians(math.hypot(dx, dy))
                pixels[n_near, CELL], pixels[n_near, FRACTION] = cell, place - cell
                pixels[n_near, CHARGE] = image[i, p]
                n_near += 1
        constants[RADIUS] = math.radians(radius)
        constants[PHOTONS] = photons_per_metre(
            constants[RADIUS], constants[PIXEL_WIDTH], shortest, longest, shape
        )
        width = math.radians(start_width)
        fit_muon(
            width, start_efficiency, pixels[:n_near], constants, directions, oversampling, out[i]
        )
