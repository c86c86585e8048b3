"""Cleaning: from images to masks of the pixels that belong to the shower."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.tailcuts import tailcuts


@dataclass(frozen=True)
class TailcutsOptions:
    """Options of the two-threshold cleaning; the defaults are ctapipe's.

    Attributes
    ----------
    picture_threshold_pe, boundary_threshold_pe : float
        Thresholds in p.e.
    min_picture_neighbors : int
        Neighbours above the picture threshold that a picture pixel needs.
    keep_isolated_pixels : bool
        Keep picture pixels whatever their neighbours are.
    """

    picture_threshold_pe: float = 10.0
    boundary_threshold_pe: float = 5.0
    min_picture_neighbors: int = 2
    keep_isolated_pixels: bool = False


def clean(
    image: NDArray[np.float32], geometry: CameraGeometry, options: TailcutsOptions
) -> NDArray[np.bool_]:
    """Select the pixels of the shower in every image.

    Parameters
    ----------
    image : float32 array of shape (n_images, n_pixels), p.e.
        Charge.
    geometry : CameraGeometry
        Camera of all images; neighbours are those of the camera frame.
    options : TailcutsOptions
        Thresholds and conditions.

    Returns
    -------
    bool array of shape (n_images, n_pixels)
        True for selected pixels.
    """
    image = np.ascontiguousarray(image, dtype=np.float32)
    mask = np.empty(image.shape, dtype=np.bool_)
    indptr, indices = geometry.neighbors
    tailcuts(
        image,
        indptr,
        indices,
        float(options.picture_threshold_pe),
        float(options.boundary_threshold_pe),
        int(options.min_picture_neighbors),
        bool(options.keep_isolated_pixels),
        mask,
    )
    return mask
