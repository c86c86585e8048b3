"""Images of waveforms that are calibrated already, as data-volume reduction needs them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels import waveform_charges as wc
from ctabatch.stages.extractors.window import WindowSum

_METHODS = {
    "neighbors": wc.NEIGHBORS,
    "local": wc.LOCAL,
    "global": wc.GLOBAL,
    "fixed": wc.FIXED,
    "sliding": wc.SLIDING,
}


def waveform_images(
    waveform: NDArray[np.float32],
    selected_gain_channel: NDArray[np.int8],
    rows: NDArray[np.int64],
    calibration: CameraCalibration,
    geometry: CameraGeometry,
    extractor: WindowSum,
) -> NDArray[np.float32]:
    """Charge of every pixel; unlike for images that are analysed, no pixel is taken for broken.

    Parameters
    ----------
    waveform : (n_events, n_pixels, n_samples) float32
        Photo-electrons per sample of the selected gain.
    selected_gain_channel : (n_events, n_pixels) int8
    rows : (n_events,) int64
        Row of each event's telescope in `calibration`; none may be -1.
    calibration : CameraCalibration
        The shape of its pulses corrects for the charge outside the window.
    geometry : CameraGeometry
    extractor : WindowSum

    Returns
    -------
    (n_events, n_pixels) float32
        Photo-electrons.

    Raises
    ------
    InputError
        Waveforms, gains, rows and camera do not fit together.
    """
    correction = extractor.correction(calibration)
    shape = (len(waveform), geometry.n_pixels)
    if (
        waveform.ndim != 3
        or waveform.shape[:2] != shape
        or selected_gain_channel.shape != shape
        or rows.shape != shape[:1]
    ):
        raise InputError(
            f"waveforms of shape {waveform.shape}, gains of shape {selected_gain_channel.shape} "
            f"and {rows.shape} rows for camera {geometry.name!r} of {geometry.n_pixels} pixels"
        )
    for what, numbers, n in (
        ("gain", selected_gain_channel, correction.shape[1]),
        ("row of the calibration", rows, len(correction)),
    ):
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < n):
            raise InputError(f"{what} {numbers.min()} to {numbers.max()}: expected 0 to {n - 1}")
    image = np.empty(shape, np.float32)
    window = extractor.window(waveform.shape[2])
    if waveform.shape[2]:
        wc.waveform_charges(
            np.ascontiguousarray(waveform, np.float32), selected_gain_channel, rows, correction,
            geometry.neighbor_table, _METHODS[window.around], window.peak_index,
            window.width, window.shift, window.fraction, image,
        )  # fmt: skip
    else:
        image[:] = 0
    return image


__all__ = ["waveform_images"]
