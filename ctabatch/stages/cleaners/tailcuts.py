"""Two-threshold cleaning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.tailcuts import tailcuts
from ctabatch.stages.component import option


@dataclass(frozen=True)
class TailcutsImageCleaner:
    """Pixels above a high threshold, and their neighbours above a lower one."""

    picture_threshold_pe: float = option(10.0, "Charge of a core pixel", unit="p.e.")
    boundary_threshold_pe: float = option(5.0, "Charge of a border pixel", unit="p.e.")
    min_picture_neighbors: int = option(2, "Core neighbours that a core pixel needs", ge=0)
    keep_isolated_pixels: bool = option(False, "Keep core pixels whatever their neighbours are")

    def clean(
        self, image: NDArray[np.float32], peak_time: NDArray[np.float32], geometry: CameraGeometry
    ) -> NDArray[np.bool_]:
        """Select the pixels of the shower in every image.

        Parameters
        ----------
        image : (n_images, n_pixels) float32, p.e.
        peak_time : (n_images, n_pixels) float32, ns
        geometry : CameraGeometry

        Returns
        -------
        (n_images, n_pixels) bool
        """
        del peak_time
        image = np.ascontiguousarray(image, dtype=np.float32)
        mask = np.empty(image.shape, dtype=np.bool_)
        tailcuts(
            image, *geometry.neighbors, float(self.picture_threshold_pe),
            float(self.boundary_threshold_pe), int(self.min_picture_neighbors),
            bool(self.keep_isolated_pixels), mask,
        )  # fmt: skip
        return mask


__all__ = ["TailcutsImageCleaner"]
