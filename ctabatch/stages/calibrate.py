"""From raw samples to calibrated waveforms of the selected gain."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.kernels.calibration import calibrate_samples, calibrate_sums


class GainThreshold(Protocol):
    """Options that hold the threshold of the gain selection."""

    @property
    def gain_threshold(self) -> int:
        """Highest raw high-gain sample, in ADC counts, for which the high gain is used."""
        ...


def calibrate(
    waveform: NDArray[Any],
    rows: NDArray[np.int64],
    calibration: CameraCalibration,
    options: GainThreshold,
    known: NDArray[np.int8] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Calibrated waveforms (n_events, n_pixels, n_samples) in photo-electrons, and selected gains.

    Sums come back as waveforms of one sample. Those whose gains are known are calibrated already.
    """
    if known is not None:
        return np.ascontiguousarray(waveform[:, 0]), known  # as kernels take them
    n_events, _, n_pixels, n_samples = waveform.shape
    r1 = np.empty((n_events, n_pixels, n_samples), np.float32)
    gain = np.empty((n_events, n_pixels), np.int8)
    if waveform.dtype == np.uint32:
        calibrate_sums(
            waveform, rows, calibration.pedestal, calibration.dc_to_pe, calibration.n_summed,
            options.gain_threshold, gain, r1[..., 0],
        )  # fmt: skip
    else:
        calibrate_samples(
            waveform, rows, calibration.pedestal, calibration.dc_to_pe,
            options.gain_threshold, gain, r1,
        )  # fmt: skip
    return r1, gain


__all__ = ["GainThreshold", "calibrate"]
