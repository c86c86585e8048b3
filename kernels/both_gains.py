"""Gain selection alone, and calibration of every gain of a batch."""

from __future__ import annotations

import numpy as np

from .calibration import select_gain
from .jit import kernel


@kernel
def select_gains(waveform: np.ndarray, threshold: np.ndarray, gain: np.ndarray) -> None:
    """Choose the gain channel of each pixel of a batch.

    Parameters
    ----------
    waveform : uint16 or uint32 (n, n_gains, n_pixels, n_samples), ADC counts
    threshold : int64 (n,)
        Highest raw high-gain value for which the high gain is kept.
    gain : int8 (n, n_pixels)
        Written.
    """
    for k in range(gain.shape[0]):
        select_gain(waveform[k], threshold[k], gain[k])


@kernel
def calibrate_all_gains(
    waveform: np.ndarray, rows: np.ndarray, pedestal: np.ndarray, factor: np.ndarray, r1: np.ndarray
) -> None:
    """Calibrate all gains of a batch of waveforms.

    Parameters
    ----------
    waveform : uint16 (n, n_gains, n_pixels, n_samples), ADC counts
    rows : int64 (n,)
        Row of each event's telescope in the calibration arrays.
    pedestal, factor : float32 (n_telescopes, n_gains, n_pixels)
    r1 : float32 (n, n_gains, n_pixels, n_samples)
        Written, photo-electrons per sample; NaN where a gain has no calibration (NaN).

    Notes
    -----
    Source: as `calibration.calibrate_event`, in single precision.
    """
    _, n_gains, n_pixels, n_samples = waveform.shape
    for k in range(rows.shape[0]):
        for g in range(n_gains):
            for p in range(n_pixels):
                base, scale = pedestal[rows[k], g, p], factor[rows[k], g, p]
                for s in range(n_samples):
                    r1[k, g, p, s] = (np.float32(waveform[k, g, p, s]) - base) * scale


@kernel
def calibrate_all_sums(
    sums: np.ndarray,
    rows: np.ndarray,
    pedestal: np.ndarray,
    factor: np.ndarray,
    n_summed: np.ndarray,
    image: np.ndarray,
) -> None:
    """Calibrate all gains of a batch of sums.

    Parameters
    ----------
    sums : uint32 (n, n_gains, n_pixels, 1), ADC counts
    rows : int64 (n,)
    pedestal, factor : float32 (n_telescopes, n_gains, n_pixels)
    n_summed : int64 (n_telescopes,)
        Samples in a sum: the pedestal counts that many times.
    image : float32 (n, n_gains, n_pixels, 1)
        Written, photo-electrons.

    Notes
    -----
    Source: as `calibration.calibrate_sums`, in double precision.
    """
    for k in range(rows.shape[0]):
        row = rows[k]
        for g in range(sums.shape[1]):
            for p in range(sums.shape[2]):
                base = np.float64(pedestal[row, g, p] * np.float32(n_summed[row]))
                charge = (np.float64(sums[k, g, p, 0]) - base) * np.float64(factor[row, g, p])
                image[k, g, p, 0] = charge
