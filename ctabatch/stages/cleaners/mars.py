"""Cleaning with two thresholds and one more row of pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.mars_cleaning import mars_cleaning
from ctabatch.stages.component import option

from .thresholds import PictureBoundary, checked


@dataclass(frozen=True)
class MARSImageCleaner(PictureBoundary):
    """The pixels of two-threshold cleaning, and their neighbours above the boundary threshold.

    Attributes
    ----------
    keep_isolated_pixels : bool
        Keep picture pixels whatever their neighbours are. ctapipe's class has this option but
        makes no use of it; here it does what its function `mars_cleaning_1st_pass` does.
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
        mars_cleaning(
            image, *geometry.neighbors, float(self.picture_threshold_pe),
            float(self.boundary_threshold_pe), int(self.min_picture_neighbors),
            bool(self.keep_isolated_pixels), mask,
        )  # fmt: skip
        return mask
