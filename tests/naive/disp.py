"""Disp with rotation matrices."""

import numpy as np


def vector(lon, lat):
    """Unit vector of spherical coordinates in deg."""
    a, b = np.radians(lon), np.radians(lat)
    return np.array([np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b)])


def to_sky(pointing_alt, pointing_az):
    """Matrix that turns field-of-view vectors into horizontal ones; pointing in rad."""
    c, s = np.cos(pointing_alt), np.sin(pointing_alt)
    up = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    c, s = np.cos(pointing_az), np.sin(pointing_az)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]]) @ up


def angles(v):
    """Longitude and latitude in deg."""
    return np.degrees(np.arctan2(v[1], v[0])), np.degrees(np.arctan2(v[2], np.hypot(v[0], v[1])))


def true_disp(alt, az, fov_lon, fov_lat, psi, pointing_alt, pointing_az, project=False):
    lon, lat = angles(to_sky(pointing_alt, pointing_az).T @ vector(az, alt))
    delta = np.array([lon - fov_lon, lat - fov_lat])
    along = delta @ [np.cos(np.radians(psi)), np.sin(np.radians(psi))]
    return along if project else np.copysign(np.linalg.norm(delta), along)


def disp_vector(disp, fov_lon, fov_lat, psi, pointing_alt, pointing_az):
    lon = fov_lon + disp * np.cos(np.radians(psi))
    lat = fov_lat + disp * np.sin(np.radians(psi))
    return to_sky(pointing_alt, pointing_az) @ vector(lon, lat)
