"""Frames with rotation matrices, point by point; angles in rad."""

import numpy as np


def axes(alt, az):
    """Rows in the ground frame: pointing, growing azimuth, growing altitude."""
    pointing = [np.cos(alt) * np.cos(az), -np.cos(alt) * np.sin(az), np.sin(alt)]
    east = [-np.sin(az), -np.cos(az), 0]
    up = [-np.sin(alt) * np.cos(az), np.sin(alt) * np.sin(az), np.cos(alt)]
    return np.array([pointing, east, up])


def direction(lon, lat, alt, az):
    """Unit vector in the ground frame."""
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)]) @ axes(
        alt, az
    )


def field(vector, alt, az):
    """Longitude and latitude of a ground vector."""
    x, y, z = axes(alt, az) @ vector / np.linalg.norm(vector)
    return np.arctan2(y, x), np.arcsin(np.clip(z, -1, 1))


def sky(vector):
    """Altitude and azimuth of a ground vector."""
    x, y, z = vector / np.linalg.norm(vector)
    return np.arcsin(np.clip(z, -1, 1)), np.arctan2(-y, x) % (2 * np.pi)


def tilted(position, alt, az):
    """Position in the frame tilted to a pointing: x falls with altitude, y to the west."""
    pointing, east, up = axes(alt, az)
    return np.array([-up, -east, pointing]) @ position


def ground_point(core, alt, az):
    """Ground point of a point of the tilted plane, stepping along the pointing."""
    pointing, east, up = axes(alt, az)
    position = -core[0] * up - core[1] * east
    return (position - position[2] / pointing[2] * pointing)[:2]
