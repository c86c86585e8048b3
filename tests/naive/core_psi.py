"""Core orientation of one image with rotation matrices; angles in deg."""

import numpy as np


def _rotation(alt, az):
    """Rows: pointing, direction of growing azimuth, direction of growing altitude."""
    return np.array(
        [
            [np.cos(alt) * np.cos(az), np.cos(alt) * np.sin(az), np.sin(alt)],
            [-np.sin(az), np.cos(az), 0],
            [-np.sin(alt) * np.cos(az), -np.sin(alt) * np.sin(az), np.cos(alt)],
        ]
    )


def core_psi(lon, lat, psi, telescope, array, radius):
    """Pointings are pairs of altitude and azimuth in deg."""
    telescope, array = (_rotation(*np.radians(p)) for p in (telescope, array))
    seen = []
    for step in (0.0, 0.1 * radius):
        u = np.radians(lon + step * np.cos(np.radians(psi)))
        v = np.radians(lat + step * np.sin(np.radians(psi)))
        direction = np.array([np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)])
        x, y, z = array @ telescope.T @ direction
        seen.append((np.arctan2(y, x), np.arcsin(z)))
    (lon1, lat1), (lon2, lat2) = seen
    return np.degrees(np.arctan((lon2 - lon1) / (lat2 - lat1)))
