"""Concentration of one image from its covariance: distances in units of the ellipse."""

import numpy as np


def concentration(charge, lon, lat, pixel_width):
    if len(charge) < 2 or not charge.sum() > 0:
        return np.full(3, np.nan)
    cog = np.average([lon, lat], axis=1, weights=charge)
    d = np.array([lon, lat]) - cog[:, None]
    near = np.hypot(*d) < pixel_width
    covariance = np.atleast_2d(np.cov(d, aweights=charge, ddof=0))
    if np.linalg.eigvalsh(covariance)[0] <= 2.3e-16:
        inside = np.zeros(len(charge), dtype=bool)
    else:
        inside = np.einsum("ip,ij,jp->p", d, np.linalg.inv(covariance), d) <= 1 + 1e-9
    return np.array([charge[near].sum(), charge[inside].sum(), charge.max()]) / charge.sum()
