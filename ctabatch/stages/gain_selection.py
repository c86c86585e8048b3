"""Which gain channel of a pixel is used, or both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.kernels.both_gains import calibrate_all_gains, calibrate_all_sums, select_gains

from .component import option

#: Thresholds that no value exceeds, and that every value does: raw samples are below 2**16, sums
#: below 2**32. Kernels multiply the threshold by the samples in a sum, below 2**16, so neither the
#: sign nor the size of an int64 is in danger.
KEEP_HIGH, KEEP_LOW = 1 << 40, -1


class GainSelector(Protocol):
    """What calibration and extraction ask for: the threshold that their kernels compare with."""

    @property
    def gain_threshold(self) -> int:
        """Highest raw high-gain sample, in ADC counts, for which the high gain is used."""
        ...


@dataclass(frozen=True)
class ThresholdGainSelector:
    """The low gain where any raw high-gain sample exceeds a threshold; as ctapipe's class."""

    threshold: float = option(
        4000.0, "Highest raw high-gain sample for which the high gain is used", unit="ADC count"
    )

    @property
    def gain_threshold(self) -> int:
        """The threshold in whole counts, which samples are: above 4000.5 means above 4000.

        Nothing exceeds NaN.
        """
        if math.isnan(self.threshold):
            return KEEP_HIGH
        return math.floor(min(max(self.threshold, KEEP_LOW), KEEP_HIGH))


@dataclass(frozen=True)
class ManualGainSelector:
    """One gain for all pixels; as ctapipe's class. A camera of one gain keeps it."""

    channel: Literal["HIGH", "LOW"] = option("HIGH", "Gain channel of all pixels: HIGH or LOW")

    def __post_init__(self) -> None:
        """Accept either case, as ctapipe."""
        channel = str(self.channel).upper()
        if channel not in ("HIGH", "LOW"):
            raise OptionError.unknown_name("gain channel", str(self.channel), ("HIGH", "LOW"))
        object.__setattr__(self, "channel", channel)

    @property
    def gain_threshold(self) -> int:
        """A threshold that no value exceeds, or every one."""
        return KEEP_HIGH if self.channel == "HIGH" else KEEP_LOW


def selected_gains(
    waveform: NDArray[Any],
    rows: NDArray[np.int64],
    calibration: CameraCalibration,
    selector: GainSelector,
) -> NDArray[np.int8]:
    """Gain channel of every pixel, (n, n_pixels): 0 high, 1 low; 0 for cameras of one gain.

    Parameters
    ----------
    waveform : (n, n_gains, n_pixels, n_samples) uint16, or uint32 for sums
        A sum is compared with the threshold times the number of samples in it.
    rows : (n,) int64
        Row of each event's telescope in `calibration`; none may be -1.
    calibration : CameraCalibration
    selector : GainSelector
    """
    gain = np.zeros((waveform.shape[0], waveform.shape[2]), np.int8)
    threshold = np.full(len(waveform), selector.gain_threshold, np.int64)
    if waveform.dtype == np.uint32:
        threshold *= calibration.n_summed[rows]
    if waveform.shape[3]:
        select_gains(waveform, threshold, gain)
    return gain


def calibrate_both_gains(
    waveform: NDArray[Any], rows: NDArray[np.int64], calibration: CameraCalibration
) -> NDArray[np.float32]:
    """Calibrated waveforms of every gain, (n, n_gains, n_pixels, n_samples), photo-electrons.

    Parameters
    ----------
    waveform : (n, n_gains, n_pixels, n_samples) uint16, or uint32 for sums
        Sums come back as waveforms of one sample.
    rows : (n,) int64
        Row of each event's telescope in `calibration`; none may be -1.
    calibration : CameraCalibration
        A gain without coefficients (NaN) gives NaN.
    """
    r1 = np.empty(waveform.shape, np.float32)
    coefficients = (waveform, rows, calibration.pedestal, calibration.dc_to_pe)
    if waveform.dtype == np.uint32:
        calibrate_all_sums(*coefficients, calibration.n_summed, r1)
    else:
        calibrate_all_gains(*coefficients, r1)
    return r1


__all__ = [
    "GainSelector",
    "ManualGainSelector",
    "ThresholdGainSelector",
    "calibrate_both_gains",
    "selected_gains",
]
