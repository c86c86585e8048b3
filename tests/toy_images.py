"""A hexagonal camera, read both as ctapipe's geometry and as plain arrays, and images in it."""

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import pairwise

import astropy.units as u
import numpy as np
from ctapipe.instrument import CameraGeometry, PixelShape
from hypothesis import strategies as st


def read_only(array, dtype=None):
    array = np.array(array, dtype=dtype, order="C")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class ToyCamera:
    """What stages need of a camera geometry, taken from ctapipe's geometry in degrees."""

    ctapipe: CameraGeometry
    neighbors: tuple = field(init=False)
    neighbors_telescope_frame: tuple = field(init=False)

    def __post_init__(self):
        matrix = self.ctapipe.neighbor_matrix_sparse
        csr = (read_only(matrix.indptr, np.int32), read_only(matrix.indices, np.int32))
        object.__setattr__(self, "neighbors", csr)
        object.__setattr__(self, "neighbors_telescope_frame", csr)

    name = property(lambda self: self.ctapipe.name)
    n_pixels = property(lambda self: self.ctapipe.n_pixels)
    radius_deg = property(lambda self: float(self.ctapipe.guess_radius().to_value(u.deg)))

    @cached_property
    def fov_lon(self):
        return read_only(self.ctapipe.pix_x.to_value(u.deg))

    @cached_property
    def fov_lat(self):
        return read_only(self.ctapipe.pix_y.to_value(u.deg))

    @cached_property
    def area_deg2(self):
        return read_only(self.ctapipe.pix_area.to_value(u.deg**2))

    @cached_property
    def pixel_width_deg(self):
        return read_only(self.ctapipe.pixel_width.to_value(u.deg))

    @cached_property
    def border1(self):
        return read_only(np.asarray(self.ctapipe.get_border_pixel_mask(1)).ravel())

    @cached_property
    def border2(self):
        return read_only(np.asarray(self.ctapipe.get_border_pixel_mask(2)).ravel())

    @cached_property
    def neighbor_lists(self):
        indptr, indices = self.neighbors
        return [indices[indptr[p] : indptr[p + 1]].tolist() for p in range(self.n_pixels)]


@lru_cache
def toy_camera(rings=9, pitch=0.1):
    """Regular hexagon of pixels, ``3 r (r + 1) + 1`` of them, pitch in deg."""
    q, r = np.meshgrid(np.arange(-rings, rings + 1), np.arange(-rings, rings + 1))
    inside = np.abs(q + r) <= rings
    q, r = q[inside], r[inside]
    return ToyCamera(
        CameraGeometry(
            name="toy",
            pix_id=np.arange(q.size),
            pix_x=(q + r / 2) * pitch * u.deg,
            pix_y=r * np.sqrt(3) / 2 * pitch * u.deg,
            # Not all alike, so that weights by area matter.
            pix_area=np.sqrt(3) / 2 * pitch**2 * (1 + 0.01 * (np.arange(q.size) % 3)) * u.deg**2,
            pix_type=PixelShape.HEXAGON,
        )
    )


def shower_images(camera, n_images, seed):
    """Charges and peak times of elliptical showers on noise; some images are noise alone."""
    rng = np.random.default_rng(seed)
    lon, lat = camera.fov_lon, camera.fov_lat
    image = rng.normal(0, 1.5, (n_images, camera.n_pixels))
    time = rng.uniform(0, 60, image.shape)
    for i in range(n_images):
        if i % 7 == 6:
            continue
        psi, (x, y) = rng.uniform(-np.pi, np.pi), rng.uniform(-0.7, 0.7, 2)
        length, width = rng.uniform(0.08, 0.35), rng.uniform(0.03, 0.12)
        along = (lon - x) * np.cos(psi) + (lat - y) * np.sin(psi)
        across = (lat - y) * np.cos(psi) - (lon - x) * np.sin(psi)
        light = np.exp(-((along / length) ** 2) / 2 - (across / width) ** 2 / 2)
        image[i] += rng.poisson(light * 10 ** rng.uniform(0.7, 2.5))
        shining = rng.random(lon.size) < light * 30
        time[i, shining] = (25 + 15 * along + rng.normal(0, 1, lon.size))[shining]
    return read_only(image, np.float32), read_only(time, np.float32)


def ragged(camera, n_images=30, seed=0, threshold=6.0):
    """Offsets, pixels, charges and times of shower images above a threshold."""
    image, time = shower_images(camera, n_images, seed)
    mask = image > threshold
    mask[0] = False
    mask[1] = np.arange(camera.n_pixels) == 5
    mask[2] = np.arange(camera.n_pixels) < 2
    rows, pixels = np.nonzero(mask)
    offsets = read_only(np.cumsum([0, *mask.sum(axis=1)]), np.int64)
    charge = np.where(mask, np.maximum(image, 0.5), 0)[rows, pixels]
    return (
        offsets,
        read_only(pixels, np.int32),
        read_only(charge, np.float64),
        read_only(time[rows, pixels], np.float64),
    )


def each(offsets):
    """Slices of the images of a ragged list."""
    return [slice(b, e) for b, e in pairwise(offsets)]


@st.composite
def masks(draw, n_pixels):
    """Masks of zero to four images with few or many pixels."""
    rows = draw(st.lists(st.sets(st.integers(0, n_pixels - 1), max_size=n_pixels), max_size=4))
    mask = np.zeros((len(rows), n_pixels), dtype=bool)
    for row, pixels in zip(mask, rows, strict=True):
        row[list(pixels)] = True
    return mask
