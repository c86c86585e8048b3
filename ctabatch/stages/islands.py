"""Islands of the selected pixels of every image: their numbers, sizes and a choice of one."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.island_choice import brightest_islands, island_sizes, largest_islands
from ctabatch.kernels.islands import label_islands

#: Islands that stay.
Keep = Literal["all", "largest", "brightest"]
_CHOICES = ("all", "largest", "brightest")


class Islands(NamedTuple):
    """Islands of a batch.

    Attributes
    ----------
    n_islands : (n_images,) int32
    labels : (n_images, n_pixels) int32
        0 outside of islands; islands are numbered from 1 by their pixel of lowest index.
    sizes : (sum of n_islands,) int32
        Pixels of every island, image after image; see `offsets`.
    """

    n_islands: NDArray[np.int32]
    labels: NDArray[np.int32]
    sizes: NDArray[np.int32]

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Image ``i`` owns ``sizes[offsets[i]:offsets[i + 1]]``, (n_images + 1,)."""
        return _offsets(self.n_islands)


def islands(mask: NDArray[np.bool_], geometry: CameraGeometry) -> Islands:
    """Find the connected groups of selected pixels.

    Parameters
    ----------
    mask : (n_images, n_pixels) bool
        Selected pixels.
    geometry : CameraGeometry
        Neighbours are those of the telescope frame, as for the parameters morphology_*.

    Raises
    ------
    InputError
        The mask is not of this camera.
    """
    if mask.ndim != 2 or mask.shape[1] != geometry.n_pixels:
        raise InputError(
            f"mask of shape {mask.shape} for camera {geometry.name!r}: expected (images, "
            f"{geometry.n_pixels})"
        )
    mask = np.ascontiguousarray(mask, np.bool_)
    labels, n_islands = np.empty(mask.shape, np.int32), np.empty(len(mask), np.int32)
    label_islands(mask, *geometry.neighbors_telescope_frame, labels, n_islands)
    offsets = _offsets(n_islands)
    sizes = np.empty(int(offsets[-1]), np.int32)
    island_sizes(labels, offsets, sizes)
    return Islands(n_islands, labels, sizes)


def largest_island(found: Islands) -> NDArray[np.bool_]:
    """Mask of the island with most pixels, the first of equal ones; (n_images, n_pixels)."""
    mask = np.empty(found.labels.shape, np.bool_)
    largest_islands(found.labels, found.n_islands, mask)
    return mask


def brightest_island(found: Islands, image: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Mask of the island with most charge, the first of equal ones; (n_images, n_pixels).

    Parameters
    ----------
    found : Islands
    image : (n_images, n_pixels) float32, p.e.
        An island that contains NaN is darker than any other. An island may have negative charge
        (where ctapipe selects the pixels outside of all islands, if there is no brighter one).
    """
    if image.shape != found.labels.shape:
        raise InputError(f"images of shape {image.shape}, islands of {found.labels.shape}")
    mask = np.empty(image.shape, np.bool_)
    image = np.ascontiguousarray(image, np.float32)
    brightest_islands(image, found.labels, found.n_islands, mask)
    return mask


def keep_islands(
    mask: NDArray[np.bool_], image: NDArray[np.float32], geometry: CameraGeometry, keep: Keep
) -> NDArray[np.bool_]:
    """Mask of all islands, of the largest or of the brightest of every image.

    Parameters
    ----------
    mask : (n_images, n_pixels) bool
    image : (n_images, n_pixels) float32, p.e.
    geometry : CameraGeometry
    keep : {"all", "largest", "brightest"}

    Raises
    ------
    OptionError
        `keep` is none of these.
    """
    if keep not in _CHOICES:
        raise OptionError.unknown_name("choice of islands", keep, _CHOICES)
    if keep == "all":
        return mask
    found = islands(mask, geometry)
    return largest_island(found) if keep == "largest" else brightest_island(found, image)


def _offsets(n_islands: NDArray[np.int32]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(n_islands, dtype=np.int64)])


__all__ = ["Islands", "Keep", "brightest_island", "islands", "keep_islands", "largest_island"]
