"""Cleaning with times near that of the main island."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.time_constrained import time_constrained_cleaning
from ctabatch.stages.component import option

from .thresholds import PictureBoundary, checked


@dataclass(frozen=True)
class TimeConstrainedImageCleaner(PictureBoundary):
    """Picture pixels near in time to the main island, and neighbours near in time to those.

    Isolated pixels cannot be kept: the option of ctapipe's class has no effect, so it is not here.

    Attributes
    ----------
    min_picture_neighbors : int
        Picture pixels that a picture pixel needs beside it, and core pixels near in time that a
        boundary pixel needs.
    time_limit_core_ns : float
        Largest difference of a picture pixel from the mean time of the main island, ns; twice as
        much for pixels of twice the picture threshold.
    time_limit_boundary_ns : float
        Largest difference of a boundary pixel from core pixels beside it, ns.
    """

    time_limit_core_ns: float = option(
        4.5, "difference in time from the main island below which the core lies", unit="ns", ge=0
    )
    time_limit_boundary_ns: float = option(
        1.5, "difference in time of a boundary pixel from core pixels beside it", unit="ns", ge=0
    )

    def clean(
        self, image: NDArray[np.float32], peak_time: NDArray[np.float32], geometry: CameraGeometry
    ) -> NDArray[np.bool_]:
        """Select pixels, as `ImageCleaner.clean` says; without a mean time there are none."""
        image = checked(image, geometry)
        peak_time = checked(peak_time, geometry, len(image))
        mask = np.empty(image.shape, np.bool_)
        time_constrained_cleaning(
            image, peak_time, *geometry.neighbors, float(self.picture_threshold_pe),
            float(self.boundary_threshold_pe), int(self.min_picture_neighbors),
            float(self.time_limit_core_ns), float(self.time_limit_boundary_ns), mask,
        )  # fmt: skip
        return mask
