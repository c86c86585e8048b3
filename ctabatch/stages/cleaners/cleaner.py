"""What every image cleaner does."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry


class Cleaner(Protocol):
    """Selects the pixels of the shower."""

    def clean(
        self, image: NDArray[np.float32], peak_time: NDArray[np.float32], geometry: CameraGeometry
    ) -> NDArray[np.bool_]:
        """Masks of a batch of images, (n_images, n_pixels)."""


__all__ = ["Cleaner"]
