"""Images of muon rings in a hexagonal camera, drawn from the naive prediction."""

import math

import numpy as np

from tests.naive import muons as naive
from tests.toy_images import read_only, toy_camera

MIRROR, HOLE = 6.0, 0.6
SHAPE = math.pi / (2 * math.sqrt(3))
#: 1519 pixels of 0.1 deg.
CAMERA = toy_camera(rings=22)
PIXEL = math.radians(float(CAMERA.pixel_width_deg[0]))


def toy_rings(n, seed=0, noise=1.0):
    """Images, masks of bright pixels, and the truth: centre, radius, width (deg), impact, yield."""
    rng = np.random.default_rng(seed)
    lon, lat = np.radians(CAMERA.fov_lon), np.radians(CAMERA.fov_lat)
    images, truths = [], []
    for _ in range(n):
        x, y = rng.uniform(-0.5, 0.5, 2)
        radius, width = rng.uniform(0.9, 1.25), rng.uniform(0.04, 0.09)
        distance, angle = rng.uniform(1.5, 0.9 * MIRROR), rng.uniform(-np.pi, np.pi)
        impact = distance * np.cos(angle), distance * np.sin(angle)
        efficiency = rng.uniform(0.15, 0.3)
        truth = [x, y, radius, width, *impact, efficiency]
        light = efficiency * naive.predict(
            lon, lat, np.radians(truth[:3]), math.radians(width), *impact, MIRROR, HOLE, PIXEL,
            SHAPE,
        )  # fmt: skip
        images.append(rng.poisson(light) + rng.normal(0, noise, len(lon)))
        truths.append(truth)
    image = read_only(images, np.float32)
    return image, read_only(image > 6, bool), np.array(truths)
