"""Data-volume reducers: which pixels keep their waveforms.

Names, options and their defaults are those of ctapipe's classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.volume_reduction import dilate, grow_above
from ctabatch.stages.cleaners.tailcuts import TailcutsImageCleaner
from ctabatch.stages.cleaners.thresholds import PictureBoundary
from ctabatch.stages.component import option
from ctabatch.stages.extractors.neighbor_peak import NeighborPeakWindowSum
from ctabatch.stages.extractors.window import WindowSum
from ctabatch.stages.extractors.windows import (
    FixedWindowSum,
    FullWaveformSum,
    GlobalPeakWindowSum,
    LocalPeakWindowSum,
    SlidingWindowMaxSum,
)

WindowSumName = Literal[
    "NeighborPeakWindowSum",
    "LocalPeakWindowSum",
    "GlobalPeakWindowSum",
    "FixedWindowSum",
    "SlidingWindowMaxSum",
    "FullWaveformSum",
]
#: Extractors that can decide, by name.
WINDOW_SUMS: dict[str, type[WindowSum]] = {
    "NeighborPeakWindowSum": NeighborPeakWindowSum,
    "LocalPeakWindowSum": LocalPeakWindowSum,
    "GlobalPeakWindowSum": GlobalPeakWindowSum,
    "FixedWindowSum": FixedWindowSum,
    "SlidingWindowMaxSum": SlidingWindowMaxSum,
    "FullWaveformSum": FullWaveformSum,
}


class DataVolumeReducer(Protocol):
    """Selects the pixels whose waveforms are kept."""

    def select_pixels(
        self,
        waveform: NDArray[np.float32],
        image: NDArray[np.float32] | None,
        geometry: CameraGeometry,
    ) -> NDArray[np.bool_]:
        """Select the pixels of every event.

        Parameters
        ----------
        waveform : (n_events, n_pixels, n_samples) float32
            Photo-electrons per sample of the selected gain.
        image : (n_events, n_pixels) float32 or None, p.e.
            Charges of these waveforms, from `waveform_images` with the extractor of the reducer.
            They need not be those that are analysed later: no pixel is taken for broken.
        geometry : CameraGeometry
            Camera of all events; neighbours are those of the camera frame.

        Returns
        -------
        (n_events, n_pixels) bool
            True for pixels that are kept.

        Raises
        ------
        InputError
            Waveforms, images and camera do not fit together.
        """
        ...


@dataclass(frozen=True)
class NullDataVolumeReducer:
    """Keeps all pixels."""

    def select_pixels(
        self,
        waveform: NDArray[np.float32],
        image: NDArray[np.float32] | None,  # noqa: ARG002 - all reducers have one signature
        geometry: CameraGeometry,
    ) -> NDArray[np.bool_]:
        """Select all pixels; the image does not matter."""
        _check(waveform, geometry)
        return np.ones(waveform.shape[:2], np.bool_)


@dataclass(frozen=True)
class TailCutsDataVolumeReducer(PictureBoundary):
    """Keeps the cleaned image, what is above the boundary threshold beside it, and rows around.

    Attributes
    ----------
    keep_isolated_pixels : bool
        Keep picture pixels whatever their neighbours are.
    image_extractor_type : str
        Extractor of the images that the reducer works on, with its default options.
    n_end_dilates : int
        Rows of neighbours that are added in the end.
    do_boundary_dilation : bool
        Add neighbours above the boundary threshold, and theirs, until there are no more; pixels
        below that threshold are dropped.
    """

    keep_isolated_pixels: bool = option(
        False, "keep pixels above the picture threshold whatever their neighbours are"
    )
    image_extractor_type: WindowSumName = option(
        "NeighborPeakWindowSum", "extractor of the charges that decide"
    )
    n_end_dilates: int = option(1, "rows of neighbours that are added in the end", ge=0)
    do_boundary_dilation: bool = option(
        True, "add neighbours above the boundary threshold until there are no more"
    )

    @property
    def extractor(self) -> WindowSum:
        """Extractor of the images that the reducer works on."""
        return WINDOW_SUMS[self.image_extractor_type]()

    def select_pixels(
        self,
        waveform: NDArray[np.float32],
        image: NDArray[np.float32] | None,
        geometry: CameraGeometry,
    ) -> NDArray[np.bool_]:
        """Select pixels, as `DataVolumeReducer.select_pixels` says; waveforms do not matter."""
        _check(waveform, geometry)
        if image is None or image.shape != waveform.shape[:2]:
            found = "no images" if image is None else f"images of shape {image.shape}"
            raise InputError(f"{found} for waveforms of shape {waveform.shape}")
        image = np.ascontiguousarray(image, np.float32)
        cleaner = TailcutsImageCleaner(
            self.picture_threshold_pe, self.boundary_threshold_pe, self.min_picture_neighbors,
            self.keep_isolated_pixels,
        )  # fmt: skip
        mask = cleaner.clean(image, image, geometry)
        if self.do_boundary_dilation:
            boundary = float(self.boundary_threshold_pe)
            grow_above(image, *geometry.neighbors, boundary, mask)
        dilate(*geometry.neighbors, int(self.n_end_dilates), mask)
        return mask


def _check(waveform: NDArray[Any], geometry: CameraGeometry) -> None:
    if waveform.ndim != 3 or waveform.shape[1] != geometry.n_pixels:
        raise InputError(
            f"waveforms of shape {waveform.shape} for camera {geometry.name!r}: expected (events, "
            f"{geometry.n_pixels}, samples)"
        )


__all__ = ["DataVolumeReducer", "NullDataVolumeReducer", "TailCutsDataVolumeReducer"]
