"""Cleaning with charges and times of neighbours in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.fact_cleaning import fact_cleaning
from ctabatch.stages.component import option

from .thresholds import PictureBoundary, checked


@dataclass(frozen=True)
class FACTImageCleaner(PictureBoundary):
    """Two-threshold cleaning that asks for neighbours near in time.

    Isolated pixels cannot be kept: the option of ctapipe's class has no effect, so it is not here.

    Attributes
    ----------
    min_picture_neighbors : int
        Neighbours that a pixel needs in every step; if 0, times do not matter.
    time_limit_ns : float
        Neighbours are near if their times differ by less, ns.
    """

    time_limit_ns: float = option(
        5.0, "difference in time below which neighbours are near", unit="ns", ge=0
    )

    def clean(
        self, image: NDArray[np.float32], peak_time: NDArray[np.float32], geometry: CameraGeometry
    ) -> NDArray[np.bool_]:
        """Select pixels, as `ImageCleaner.clean` says; a pixel without a time is near to none."""
        image = checked(image, geometry)
        peak_time = checked(peak_time, geometry, len(image))
        mask = np.empty(image.shape, np.bool_)
        fact_cleaning(
            image, peak_time, *geometry.neighbors, float(self.picture_threshold_pe),
            float(self.boundary_threshold_pe), int(self.min_picture_neighbors),
            float(self.time_limit_ns), mask,
        )  # fmt: skip
        return mask
