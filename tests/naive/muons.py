"""Rings of one image with whole arrays: circle fits, features, prediction and likelihood."""

import math

import numpy as np


def kundu_chaudhuri(x, y, w):
    """Centre and radius from the linear equations of the minimum, as they are derived."""
    total = w.sum()
    dx, dy = x - (w * x).sum() / total, y - (w * y).sum() / total
    matrix = [[(w * dx * x).sum(), (w * dx * y).sum()], [(w * dy * x).sum(), (w * dy * y).sum()]]
    z = x**2 + y**2
    cx, cy = np.linalg.solve(matrix, [(w * dx * z).sum() / 2, (w * dy * z).sum() / 2])
    return cx, cy, math.sqrt((w * ((x - cx) ** 2 + (y - cy) ** 2)).sum() / total)


def taubin_loss(x, y, w, circle):
    """What the fit of Taubin minimises."""
    cx, cy, r = circle
    d2 = (x - cx) ** 2 + (y - cy) ** 2
    return ((w * (d2 - r**2)) ** 2).sum() / abs((w * d2).sum())


def features(image, mask, lon, lat, pixel_width, circle, camera_radius, widths, threshold):
    """Columns of `ring_features`; `widths`: of the ratio (pixels), ring and bands (radii)."""
    x, y, r = circle
    away = np.hypot(lon - x, lat - y) - r
    angle = np.arctan2(lat - y, lon - x)
    sectors, _ = np.histogram(angle, 30, (-np.pi, np.pi), weights=image.astype(float))
    # part of the circle in the camera by looking at many points of it
    phi = np.linspace(0, 2 * np.pi, 400_001)
    contained = np.mean(np.hypot(x + r * np.cos(phi), y + r * np.sin(phi)) < camera_radius)
    ratio, ring, band = widths
    on = np.abs(away) < ring * r
    beside = ~on & (np.abs(away) < (ring + band) * r)
    charge = np.where(mask, image, 0).astype(float)
    close = np.abs(away) <= ratio * pixel_width / 2
    return np.array([
        contained,
        np.mean(sectors > threshold),
        charge[close].sum() / charge.sum(),
        (charge * away**2).sum() / charge.sum(),
        image[on].sum(dtype=float),
        charge[~on].sum(),
        (on & mask).sum(),
        image[beside].mean(dtype=float) if beside.any() else np.nan,
    ])  # fmt: skip


def moments(image, lon, lat, centre):
    """Standard deviation, skewness and excess kurtosis of distances."""
    d = np.hypot(lon - centre[0], lat - centre[1])
    mean = np.average(d, weights=image)
    variance, third, fourth = (np.average((d - mean) ** k, weights=image) for k in (2, 3, 4))
    return np.array([variance**0.5, third / variance**1.5, fourth / variance**2 - 3])


def crossed(x, y, angle, radius):
    """Mirror on a ray from the origin, centre at x, y: the solutions of a quadratic equation."""
    along, square = x * math.cos(angle) + y * math.sin(angle), x * x + y * y - radius**2
    root = along**2 - square
    if root <= 0:
        return 0.0
    far, near = along + math.sqrt(root), along - math.sqrt(root)
    return max(far, 0.0) - max(near, 0.0)


def predict(lon, lat, circle, width, x, y, mirror, hole, pixel_width, shape, oversampling=3):
    """Photo-electrons per pixel for an efficiency of 1; angles in rad, lengths in m."""
    cx, cy, r = circle
    n = int(2 * math.pi * r / pixel_width) * oversampling
    grid = np.linspace(-math.pi, math.pi, n)
    lengths = [crossed(x, y, a, mirror) - crossed(x, y, a, hole) for a in grid]
    half = oversampling // 2
    smooth = [np.mean([lengths[(i + j - half) % n] for j in range(oversampling)]) for i in range(n)]
    length = np.interp(np.arctan2(lat - cy, lon - cx), grid, smooth)
    away = np.hypot(lon - cx, lat - cy) - r
    cdf = np.vectorize(lambda z: 0.5 * (1 + math.erf(z / math.sqrt(2))))
    share = cdf((away + pixel_width / 2) / width) - cdf((away - pixel_width / 2) / width)
    per_metre = (1 / 137.035999) * (1 / 300e-9 - 1 / 600e-9) * math.sin(2 * r) / 2
    return length * share * per_metre * pixel_width / r * shape


def negative_log_likelihood(image, prediction, spe_width, pedestal):
    """Normal distribution with the variance of noise and photo-electrons."""
    variance = pedestal**2 + prediction * (1 + spe_width**2)
    return (0.5 * np.log(2 * np.pi * variance) + (image - prediction) ** 2 / (2 * variance)).sum()
