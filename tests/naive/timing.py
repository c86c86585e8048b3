"""Timing parameters of one image for a line that is given."""

import numpy as np


def along_axis(lon, lat, hillas):
    """Positions along the axis of an image, from the Hillas columns of the image."""
    psi = np.radians(hillas[11])
    return (lon - hillas[3]) * np.cos(psi) + (lat - hillas[4]) * np.sin(psi)


def deviation(along, time, slope, intercept):
    return np.sqrt(np.mean((time - slope * along - intercept) ** 2))
