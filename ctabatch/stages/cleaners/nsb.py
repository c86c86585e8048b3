"""Cleaning against bright night sky: thresholds by pixel, times and the brightest pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.coincidence_cleaning import bright_cleaning, coincidence_cleaning
from ctabatch.kernels.island_choice import largest_islands
from ctabatch.kernels.islands import label_islands
from ctabatch.kernels.pixel_tailcuts import pixel_tailcuts
from ctabatch.kernels.tailcuts import tailcuts
from ctabatch.stages.component import option

from .thresholds import PictureBoundary, checked


@dataclass(frozen=True)
class NSBImageCleaner(PictureBoundary):
    """Two-threshold cleaning, then what is early, late, faint or apart may be dropped.

    Attributes
    ----------
    keep_isolated_pixels : bool
        Keep picture pixels whatever their neighbours are.
    time_limit : float or None
        Selected neighbours are near if their times differ by less, ns. None: times do not matter.
    time_num_neighbors : int
        Selected neighbours near in time that a pixel needs.
    bright_cleaning_n_pixels : int
        Number of brightest pixels of the image whose mean charge counts.
    bright_cleaning_fraction : float
        Pixels below this fraction of that mean are dropped from bright images.
    bright_cleaning_threshold : float or None
        Mean of an image that counts as bright, p.e. None: no image does.
    largest_island_only : bool
    pedestal_factor : float
        Where the noise of pixels is known: at least so many standard deviations are the picture
        threshold.
    """

    keep_isolated_pixels: bool = option(
        False, "keep pixels above the picture threshold whatever their neighbours are"
    )
    time_limit: float | None = option(
        2.0, "difference in time below which neighbours are near; none: no limit", unit="ns", ge=0
    )
    time_num_neighbors: int = option(
        1, "selected neighbours near in time that a pixel needs", ge=0
    )  # fmt: skip
    bright_cleaning_n_pixels: int = option(
        3, "brightest pixels of an image whose mean charge counts", ge=1
    )
    bright_cleaning_fraction: float = option(
        0.03, "fraction of that mean below which pixels of bright images are dropped", ge=0
    )
    bright_cleaning_threshold: float | None = option(
        267.0, "mean that makes an image bright; none: no image is", unit="p.e."
    )
    largest_island_only: bool = option(False, "keep only the island of most pixels")
    pedestal_factor: float = option(
        2.5, "standard deviations of the pedestal that the picture threshold is at least", ge=0
    )

    def clean(
        self,
        image: NDArray[np.float32],
        peak_time: NDArray[np.float32],
        geometry: CameraGeometry,
        pedestal_std: NDArray[Any] | None = None,
    ) -> NDArray[np.bool_]:
        """Select pixels, as `ImageCleaner.clean` says.

        Parameters
        ----------
        image : (n_images, n_pixels) float32, p.e.
        peak_time : (n_images, n_pixels) float32, ns
            A pixel without a time is near to no other.
        geometry : CameraGeometry
        pedestal_std : (n_pixels,) or (n_images, n_pixels) float, p.e., optional
            Standard deviation of the charge of each pixel without light of a shower; where it is
            NaN, no pixel is in the picture.

        Returns
        -------
        (n_images, n_pixels) bool

        Raises
        ------
        InputError
            Charges, times, deviations and camera do not fit together.
        """
        image = checked(image, geometry)
        peak_time = checked(peak_time, geometry, len(image))
        mask = np.empty(image.shape, np.bool_)
        picture, boundary = float(self.picture_threshold_pe), float(self.boundary_threshold_pe)
        least, isolated = int(self.min_picture_neighbors), bool(self.keep_isolated_pixels)
        if pedestal_std is None:
            tailcuts(image, *geometry.neighbors, picture, boundary, least, isolated, mask)
        else:
            threshold = self._thresholds(pedestal_std, image.shape)
            pixel_tailcuts(image, threshold, *geometry.neighbors, boundary, least, isolated, mask)
        if self.time_limit is not None:
            coincidence_cleaning(
                mask, peak_time, *geometry.neighbors, int(self.time_num_neighbors),
                float(self.time_limit),
            )  # fmt: skip
        if self.bright_cleaning_threshold is not None:
            bright_cleaning(
                image, float(self.bright_cleaning_threshold), float(self.bright_cleaning_fraction),
                int(self.bright_cleaning_n_pixels), mask,
            )  # fmt: skip
        if self.largest_island_only:
            labels, n_islands = np.empty(mask.shape, np.int32), np.empty(len(mask), np.int32)
            label_islands(mask, *geometry.neighbors, labels, n_islands)
            largest_islands(labels, n_islands, mask)
        return mask

    def _thresholds(self, pedestal_std: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any]:
        """Picture thresholds, (1 or n_images, n_pixels), in the precision of the deviations."""
        std = np.atleast_2d(np.asarray(pedestal_std))
        if std.dtype not in (np.float32, np.float64):
            std = std.astype(np.float64)
        if std.shape not in ((1, shape[1]), shape):
            raise InputError(
                f"pedestal deviations of shape {np.shape(pedestal_std)} for images of shape {shape}"
            )
        return np.ascontiguousarray(
            np.maximum(std * self.pedestal_factor, self.picture_threshold_pe)
        )
