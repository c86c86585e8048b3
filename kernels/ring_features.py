"""How complete, how bright and how sharp the ring of a muon is."""

from __future__ import annotations

import math

import numpy as np

from .circle_fit import CENTER_X, CENTER_Y, RADIUS
from .jit import kernel
from .muon_rings import CENTER_DISTANCE

#: Columns of the output, in this order.
COLUMNS = (
    "containment",
    "completeness",
    "intensity_ratio",
    "mean_squared_error",
    "ring_intensity",
    "intensity_outside_ring",
    "n_pixels_in_ring",
    "mean_intensity_outside_ring",
)
CONTAINMENT = 0
#: Parts of the circle for the completeness.
_N_PARTS = 30


@kernel
def containment(distance: float, radius: float, camera_radius: float) -> float:
    """Part of a circle's circumference inside the camera, taken as a circle too.

    Notes
    -----
    Source: the law of cosines in the triangle of both centres and a crossing. One circle inside the
    other counts as contained, whichever is the larger.

    Examples
    --------
    >>> containment(0.0, 1.0, 2.0), containment(4.0, 1.0, 2.0)
    (1.0, 0.0)
    >>> round(containment(2.0, 1.0, 2.0), 4)
    0.4196
    """
    if not (distance >= 0.0 and radius > 0.0 and camera_radius > 0.0):
        return math.nan
    if distance <= abs(camera_radius - radius):
        return 1.0
    if distance >= radius + camera_radius:
        return 0.0
    along = (radius**2 - camera_radius**2 + distance**2) / (2.0 * distance)
    return math.acos(min(1.0, max(-1.0, along / radius))) / math.pi


@kernel
def ring_features(
    image: np.ndarray,
    mask: np.ndarray,
    fov_lon: np.ndarray,
    fov_lat: np.ndarray,
    pixel_width: np.ndarray,
    ring: np.ndarray,
    camera_radius: float,
    threshold: float,
    ratio_width: float,
    ring_width: float,
    outer_width: float,
    out: np.ndarray,
) -> None:
    """Measure the light on and around the ring of every image.

    Parameters
    ----------
    image : float array of shape (n_images, n_pixels), p.e.
    mask : bool array of shape (n_images, n_pixels)
        Pixels that passed the cleaning.
    fov_lon, fov_lat, pixel_width : float64 arrays of shape (n_pixels,), deg
    ring : float64 array of shape (n_images, 8)
        From `muon_rings.fit_rings`.
    camera_radius : float, deg
    threshold : float, p.e.
        A part of the ring counts for the completeness if it has more.
    ratio_width : float
        Full width of the band of intensity_ratio, in pixel widths.
    ring_width, outer_width : float
        Half width of the ring, and width of the bands on both sides of it, in radii.
    out : float64 array of shape (n_images, 8)
        Written: `COLUMNS`; NaN where there is no ring, or no charge to divide by.

    Notes
    -----
    Source: the definitions of CTAO's DL1 muon parameters. completeness, ring_intensity and
    mean_intensity_outside_ring are of all pixels, the others of those that passed the cleaning.
    """
    parts = np.empty(_N_PARTS)
    for i in range(image.shape[0]):
        x, y, radius = ring[i, CENTER_X], ring[i, CENTER_Y], ring[i, RADIUS]
        out[i, :] = math.nan
        if not (radius > 0.0 and radius < math.inf):
            continue
        parts[:] = 0.0
        total, inside, squares, on_ring, off_ring, outer = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        n_on_ring, n_outer = 0, 0
        for p in range(fov_lon.size):
            charge = float(image[i, p])
            dx, dy = fov_lon[p] - x, fov_lat[p] - y
            angle = math.atan2(dy, dx)
            part = int((angle + math.pi) / (2.0 * math.pi) * _N_PARTS)
            parts[min(part, _N_PARTS - 1)] += charge
            deviation = math.hypot(dx, dy) - radius
            is_on_ring = abs(deviation) < radius * ring_width
            if is_on_ring:
                on_ring += charge
            elif abs(deviation) < radius * (ring_width + outer_width):
                outer += charge
                n_outer += 1
            if mask[i, p]:
                total += charge
                squares += charge * deviation**2
                if abs(deviation) <= 0.5 * ratio_width * pixel_width[p]:
                    inside += charge
                if is_on_ring:
                    n_on_ring += 1
                else:
                    off_ring += charge
        n_bright = 0
        for part in range(_N_PARTS):
            n_bright += 1 if parts[part] > threshold else 0
        out[i, 0] = containment(ring[i, CENTER_DISTANCE], radius, camera_radius)
        out[i, 1] = n_bright / _N_PARTS
        if total != 0.0:
            out[i, 2], out[i, 3] = inside / total, squares / total
        out[i, 4], out[i, 5], out[i, 6] = on_ring, off_ring, n_on_ring
        if n_outer:
            out[i, 7] = outer / n_outer
