"""Rings of muons in cleaned images: fit, keep the pixels near the ring, fit again."""

from __future__ import annotations

import math

import numpy as np

from .circle_fit import CENTER_X, CENTER_Y, N_NUMBERS, RADIUS, kundu_chaudhuri
from .jit import kernel
from .taubin_fit import taubin

#: Columns of the rings; angles in deg. The first six are what the circle fits write.
COLUMNS = (
    "center_fov_lon",
    "center_fov_lat",
    "radius",
    "center_fov_lon_err",
    "center_fov_lat_err",
    "radius_err",
    "center_phi",
    "center_distance",
)
CENTER_PHI, CENTER_DISTANCE = 6, 7
#: Codes of the fits: closed form; Taubin's with equal weights; Taubin's with charges as weights.
KUNDU_CHAUDHURI, TAUBIN, WEIGHTED_TAUBIN = 0, 1, 2


@kernel
def fit_rings(
    image: np.ndarray,
    mask: np.ndarray,
    fov_lon: np.ndarray,
    fov_lat: np.ndarray,
    method: int,
    n_fits: int,
    reach: float,
    ring_mask: np.ndarray,
    out: np.ndarray,
) -> None:
    """Fit a ring to every image.

    Parameters
    ----------
    image : float array of shape (n_images, n_pixels), p.e.
    mask : bool array of shape (n_images, n_pixels)
        Pixels of the first fit.
    fov_lon, fov_lat : float64 arrays of shape (n_pixels,), deg
    method : int
        `KUNDU_CHAUDHURI`, `TAUBIN` or `WEIGHTED_TAUBIN`.
    n_fits : int
        Number of fits; each but the first has the pixels near the ring of the one before.
    reach : float
        A pixel is near the ring if it is less than `reach` radii away from it.
    ring_mask : bool array of shape (n_images, n_pixels)
        Written: pixels near the last ring.
    out : float64 array of shape (n_images, 8)
        Written: `COLUMNS`; NaN where there is no circle. A centre or radius of Taubin's fit that is
        beyond twice the largest longitude of the camera's pixels is none either.

    Notes
    -----
    Source: the fits as in `circle_fit` and `taubin_fit`, applied as in the muon analysis of CTAO's
    DL1 data.
    """
    n_pixels = fov_lon.size
    x, y, weight = np.empty(n_pixels), np.empty(n_pixels), np.empty(n_pixels)
    start, limit = np.empty(2), 0.0
    for p in range(n_pixels):
        limit = max(limit, 2.0 * fov_lon[p])
    for i in range(image.shape[0]):
        ring = out[i]
        for p in range(n_pixels):
            ring_mask[i, p] = mask[i, p]
        for _ in range(n_fits):
            n = 0
            for p in range(n_pixels):
                if ring_mask[i, p]:
                    x[n], y[n] = fov_lon[p], fov_lat[p]
                    weight[n] = 1.0 if method == TAUBIN else image[i, p]
                    n += 1
            kundu_chaudhuri(x[:n], y[:n], weight[:n], ring[:N_NUMBERS])
            if method != KUNDU_CHAUDHURI:
                start[:] = ring[:2]
                taubin(x[:n], y[:n], weight[:n], start, ring[:N_NUMBERS])
            _select_near(fov_lon, fov_lat, ring, reach, ring_mask[i])
        if method != KUNDU_CHAUDHURI and not (
            abs(ring[CENTER_X]) < limit and abs(ring[CENTER_Y]) < limit and ring[RADIUS] < limit
        ):
            ring[:] = math.nan
            ring_mask[i, :] = False
        ring[CENTER_PHI] = math.degrees(math.atan2(ring[CENTER_Y], ring[CENTER_X]))
        ring[CENTER_DISTANCE] = math.hypot(ring[CENTER_X], ring[CENTER_Y])


@kernel
def _select_near(
    fov_lon: np.ndarray, fov_lat: np.ndarray, ring: np.ndarray, reach: float, near: np.ndarray
) -> None:
    """Mark the pixels near a ring; none if there is no ring."""
    radius = ring[RADIUS]
    for p in range(fov_lon.size):
        dx, dy = fov_lon[p] - ring[CENTER_X], fov_lat[p] - ring[CENTER_Y]
        distance = math.sqrt(dx * dx + dy * dy)
        near[p] = radius > 0.0 and abs(distance - radius) / radius < reach
