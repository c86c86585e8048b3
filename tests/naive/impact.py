"""Distance of a point from a line: remove the component along the line."""

import numpy as np


def impact_distance(position, core, altitude, azimuth):
    east_free = [np.cos(azimuth), -np.sin(azimuth)]
    direction = np.array([*(np.cos(altitude) * np.array(east_free)), np.sin(altitude)])
    offset = position - np.array([*core, 0.0])
    return np.linalg.norm(offset - offset @ direction * direction)
