"""Cleaning with two thresholds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.tailcuts import tailcuts
from ctabatch.stages.component import option

from .thresholds import PictureBoundary, checked


@dataclass(frozen=True)
class TailcutsImageCleaner(PictureBoundary):
    """Pixels above the picture threshold, and their neighbours above the boundary threshold.

    Attributes
    ----------
    keep_isolated_pixels : bool
        Keep picture pixels whatever their neighbours are.
    """

    keep_isolated_pixels: bool = option(
        False, "keep pixels above the picture threshold whatever their neighbours are"
    )

    def clean(
        self,
        image: NDArray[np.float32],
        peak_time: NDArray[np.float32],  # noqa: ARG002 - all cleaners have one signature
        geometry: CameraGeometry,
    ) -> NDArray[np.bool_]:
        """Select pixels, as `ImageCleaner.clean` says; times do not matter."""
        image = checked(image, geometry)
        mask = np.empty(image.shape, np.bool_)
        tailcuts(
            image, *geometry.neighbors, float(self.picture_threshold_pe),
            float(self.boundary_threshold_pe), int(self.min_picture_neighbors),
            bool(self.keep_isolated_pixels), mask,
        )  # fmt: skip
        return mask
