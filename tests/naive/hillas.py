"""Hillas parameters of one image by way of numpy's eigenvectors; angles in deg."""

import numpy as np


def hillas(charge, lon, lat, area):
    missing = np.full(14, np.nan)
    if len(charge) < 2 or not charge.sum() > 0:
        return missing
    size = charge.sum()
    cog = np.average([lon, lat], axis=1, weights=charge)
    d = np.array([lon, lat]) - cog[:, None]
    covariance = (charge * d) @ d.T / size
    values, vectors = np.linalg.eigh(covariance)
    values[np.abs(values) <= 2.3e-16] = 0
    width, length = np.sqrt(values)
    out = missing.copy()
    out[[0, 3, 4, 5]] = size, *cog, np.linalg.norm(cog)
    out[6] = np.degrees(np.arctan2(cog[1], cog[0]))
    out[[7, 9]] = length, width
    if length == 0:
        return out
    major = vectors[:, 1]
    psi = np.arctan(major[1] / major[0]) if major[0] != 0 else np.pi / 2
    axes = np.array([[np.cos(psi), np.sin(psi)], [-np.sin(psi), np.cos(psi)]])
    along, across = axes @ d
    out[11] = np.degrees(psi)
    out[1] = np.average((along / length) ** 3, weights=charge)
    out[2] = np.average((along / length) ** 4, weights=charge)
    # Change of a variance with the charge of one pixel, summed in squares over Poisson errors.
    for column, axis, extent in ((8, axes[0], length), (10, axes[1], width)):
        if extent > 0:
            variance = axis @ covariance @ axis
            change = ((axis @ d) ** 2 - variance) / size
            out[column] = np.sqrt(np.sum(charge * change**2)) / (2 * extent)
    weight = charge / area
    design = np.column_stack([along, np.ones_like(along)])
    inverse = np.linalg.inv(design.T @ (weight[:, None] * design))
    tilt = (inverse @ design.T @ (weight * across))[0]
    round_image = 1 + np.tan(np.pi / 2 * width / length) ** 2
    out[12] = np.degrees(np.sqrt(inverse[0, 0] + tilt**2) * round_image)
    out[13] = np.sqrt(inverse[1, 1] * (1 + np.sin(tilt) ** 2))
    return out
