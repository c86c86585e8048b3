"""What all cleaners have in common: two thresholds, and batches of images to masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.stages.component import option


class ImageCleaner(Protocol):
    """Selects the pixels of the shower in every image."""

    def clean(
        self, image: NDArray[np.float32], peak_time: NDArray[np.float32], geometry: CameraGeometry
    ) -> NDArray[np.bool_]:
        """Select the pixels of the shower in every image.

        Parameters
        ----------
        image : (n_images, n_pixels) float32, p.e.
        peak_time : (n_images, n_pixels) float32, ns
        geometry : CameraGeometry
            Camera of all images; neighbours are those of the camera frame.

        Returns
        -------
        (n_images, n_pixels) bool
            True for selected pixels. A pixel with charge NaN is never selected.

        Raises
        ------
        InputError
            Charges, times and camera do not fit together.
        """
        ...


@dataclass(frozen=True)
class PictureBoundary:
    """Options of cleaning with a picture and a boundary threshold; defaults are ctapipe's.

    Attributes
    ----------
    picture_threshold_pe, boundary_threshold_pe : float
        Thresholds in p.e.; a pixel at a threshold passes.
    min_picture_neighbors : int
        Neighbours above the picture threshold that a picture pixel needs.
    """

    picture_threshold_pe: float = option(
        10.0, "charge of a pixel that makes it part of the picture", unit="p.e."
    )
    boundary_threshold_pe: float = option(
        5.0, "charge that a pixel beside the picture needs", unit="p.e."
    )
    min_picture_neighbors: int = option(
        2, "neighbours above the picture threshold that a picture pixel needs", ge=0
    )


def checked(
    values: NDArray[Any], geometry: CameraGeometry, n_images: int | None = None
) -> NDArray[np.float32]:
    """Charges or times as kernels take them: these trust their shapes.

    Raises
    ------
    InputError
        They are not (n_images, n_pixels) of this camera.
    """
    wanted = (len(values) if n_images is None else n_images, geometry.n_pixels)
    if values.shape != wanted:
        raise InputError(
            f"images of shape {values.shape} for camera {geometry.name!r}: expected (images, "
            f"pixels) = {wanted}, the same for charges and times"
        )
    return np.ascontiguousarray(values, dtype=np.float32)
