"""Saturated pixels: samples of the selected gain at the end of the converter's range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.kernels.saturation import saturated_pixels

from .component import option


@dataclass(frozen=True)
class SaturationFlags:
    """Flag pixels that reach the highest value of the converter of their selected gain.

    No object of a sim_telarray file tells that value per telescope. It stands in the text of the
    configuration in the file's history, as FADC_MAX_SIGNAL and FADC_LG_MAX_SIGNAL, and is to be
    taken from there. It need not be a power of two less one: where pedestals are brought to a
    common value after digitisation, a converter of 12 bit ends elsewhere (some LSTs: at 4249 in
    the high and 4288 in the low gain).
    """

    max_signal: int | None = option(
        None, "Highest high-gain sample of the converter; null if unknown", unit="ADC count", ge=1
    )
    low_gain_max_signal: int | None = option(
        None, "Highest low-gain sample; null if as for the high gain", unit="ADC count", ge=1
    )

    def find(
        self,
        waveform: NDArray[Any],
        gain: NDArray[np.int8],
        n_summed: int | NDArray[np.int64] = 1,
        read_out: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Saturated pixels.

        Parameters
        ----------
        waveform : (n, n_gains, n_pixels, n_samples) uint16, or uint32 for sums
            Raw samples.
        gain : (n, n_pixels) int8
            Selected gain channel.
        n_summed : int or (n,) int64
            Samples in a sum, for sums. A sum of several hides single saturated samples.
        read_out : (n, n_pixels) bool, optional
            Pixels with data; others are not saturated.

        Returns
        -------
        is_saturated : (n, n_pixels) bool
        is_known : (n,) bool
            False where that cannot be told, and `is_saturated` is false: the highest value is not
            given, or only sums of several samples are there.
        """
        n = len(waveform)
        saturated = np.zeros(gain.shape, np.bool_)
        if self.max_signal is None:
            return saturated, np.zeros(n, np.bool_)
        low = self.max_signal if self.low_gain_max_signal is None else self.low_gain_max_signal
        highest = np.array([self.max_signal, low], np.int64)
        known = np.ones(n, np.bool_)
        if waveform.dtype == np.uint32:
            known = np.broadcast_to(np.asarray(n_summed) == 1, (n,)).copy()
        saturated_pixels(waveform, gain, highest[: waveform.shape[1]], saturated)
        saturated &= known[:, np.newaxis]
        if read_out is not None:
            saturated &= read_out
        return saturated, known


__all__ = ["SaturationFlags"]
