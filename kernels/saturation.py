"""Pixels whose signal was beyond the range of the converter."""

from __future__ import annotations

import numpy as np

from .jit import kernel


@kernel
def saturated_pixels(
    waveform: np.ndarray, gain: np.ndarray, highest: np.ndarray, saturated: np.ndarray
) -> None:
    """Find pixels with a raw sample of the selected gain at the highest value, or above.

    Parameters
    ----------
    waveform : uint16 or uint32 (n, n_gains, n_pixels, n_samples), ADC counts
    gain : int8 (n, n_pixels)
    highest : int64 (n_gains,)
        Highest value of the converter of each gain.
    saturated : bool (n, n_pixels)
        Written; false for pixels without samples.
    """
    for k in range(gain.shape[0]):
        for p in range(gain.shape[1]):
            g = np.intp(gain[k, p])
            found = False
            for s in range(waveform.shape[3]):
                found |= waveform[k, g, p, s] >= highest[g]
            saturated[k, p] = found
