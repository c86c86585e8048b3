"""How much of an image's light is close to its centre or in one pixel."""

from __future__ import annotations

import math

import numpy as np

from .hillas import FOV_LAT, FOV_LON, INTENSITY, LENGTH, PSI, WIDTH
from .jit import kernel

#: Columns of the output, in this order; all are fractions of the intensity.
COLUMNS = ("concentration_cog", "concentration_core", "concentration_pixel")

#: A pixel on the ellipse counts as inside. Images of few photoelectrons put pixels exactly there
#: (one of three pixels with half of the light always is), so rounding must not decide.
_ON_THE_ELLIPSE = 1.0 + 1e-9


@kernel
def concentration(
    offsets: np.ndarray,
    pixels: np.ndarray,
    charge: np.ndarray,
    fov_lon: np.ndarray,
    fov_lat: np.ndarray,
    pixel_width: np.ndarray,
    hillas: np.ndarray,
    out: np.ndarray,
) -> None:
    """Compute the fractions of light around the centroid, in the ellipse and in one pixel.

    Parameters
    ----------
    offsets, pixels : arrays of shape (n_images + 1,) and (n_selected,)
        From `selected_pixels`.
    charge : float64 array of shape (n_selected,), p.e.
        Charge of the selected pixels.
    fov_lon, fov_lat : float64 arrays of shape (n_pixels,), deg
        Pixel positions.
    pixel_width : float64 array of shape (n_pixels,), deg
        A pixel is near the centroid if it is closer to it than its own width.
    hillas : float64 array of shape (n_images, 14)
        From `hillas.hillas` for the same pixels.
    out : float64 array of shape (n_images, 3)
        Written: `COLUMNS`. Images without Hillas parameters get NaN; an image of width 0 has no
        ellipse and gets 0 in it.

    Notes
    -----
    Source: the definition of the concentration parameters in CTAO's DL1 data model.

    Examples
    --------
    >>> import numpy as np
    >>> parameters = np.array([[4.0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]])
    >>> out = np.empty((1, 3))
    >>> lon, lat, width = np.array([0.0, 1.0]), np.zeros(2), np.full(2, 0.5)
    >>> charge = np.array([3.0, 1.0])
    >>> concentration(np.array([0, 2]), np.arange(2), charge, lon, lat, width, parameters, out)
    >>> out.tolist()
    [[0.75, 0.0, 0.75]]
    """
    for i in range(offsets.size - 1):
        size = hillas[i, INTENSITY]
        if not size > 0.0:
            out[i, :] = math.nan
            continue
        psi = math.radians(hillas[i, PSI])
        cos_psi, sin_psi = math.cos(psi), math.sin(psi)
        length2, width2 = hillas[i, LENGTH] ** 2, hillas[i, WIDTH] ** 2
        near, inside, brightest = 0.0, 0.0, -math.inf
        for k in range(offsets[i], offsets[i + 1]):
            p = pixels[k]
            d_lon, d_lat = fov_lon[p] - hillas[i, FOV_LON], fov_lat[p] - hillas[i, FOV_LAT]
            if d_lon * d_lon + d_lat * d_lat < pixel_width[p] ** 2:
                near += charge[k]
            if width2 > 0.0:
                along = d_lon * cos_psi + d_lat * sin_psi
                across = d_lat * cos_psi - d_lon * sin_psi
                if along * along / length2 + across * across / width2 <= _ON_THE_ELLIPSE:
                    inside += charge[k]
            brightest = max(brightest, charge[k])
        out[i, 0] = near / size
        out[i, 1] = inside / size
        out[i, 2] = brightest / size
