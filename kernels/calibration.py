"""From ADC counts to photo-electrons: gain selection, pedestal and conversion factor.

r1[p, s] = (adc[g, p, s] - pedestal[g, p]) * factor[g, p] in single precision, as sim_telarray's and
ctapipe's category-A calibration; g is the low gain (1) where any raw high-gain sample exceeds the
threshold.

Waveforms that are calibrated already pass through unchanged: single-precision samples of the
selected gain alone, with the gains given (`KNOWN`), pedestal 0 and factor 1.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .trace_lanes import calibrated_traces, traces_above

HIGH_GAIN, LOW_GAIN = 0, 1
#: In place of a threshold: the gains are known already, and the waveform is that of these.
KNOWN = -(1 << 40)


@kernel
def select_gain(waveform: np.ndarray, threshold: int, gain: np.ndarray) -> None:
    """Choose the gain channel of each pixel of one event.

    Parameters
    ----------
    waveform : uint16, uint32 or float32 (n_gains, n_pixels, n_samples), ADC counts
    threshold : int
        Highest raw high-gain sample for which the high gain is kept; `KNOWN` if gains are given.
    gain : int8 (n_pixels,)
        Written, unless they are given; always 0 for cameras of one gain.
    """
    if threshold <= KNOWN:  # times the samples of a sum
        return
    gain[:] = HIGH_GAIN
    if waveform.shape[0] > 1:
        samples = np.ascontiguousarray(waveform).reshape(-1)
        traces_above(samples, waveform.shape[2], threshold, gain)  # 1 is the low gain


@kernel
def calibrate_event(
    waveform: np.ndarray, pedestal: np.ndarray, factor: np.ndarray, gain: np.ndarray, r1: np.ndarray
) -> None:
    """Calibrate the selected gain of one event.

    Parameters
    ----------
    waveform : uint16 or float32 (n_gains or 1, n_pixels, n_samples), ADC counts
        Of one gain if it is that of the selected gain.
    pedestal : float32 (n_gains, n_pixels), ADC counts per sample
    factor : float32 (n_gains, n_pixels), photo-electrons per ADC count
    gain : int8 (n_pixels,)
    r1 : float32 (m, n_samples), m >= n_pixels
        Written in its first n_pixels rows, photo-electrons per sample.
    """
    samples = np.ascontiguousarray(waveform).reshape(-1)
    n_samples, stride = waveform.shape[2], r1.shape[1]
    calibrated_traces(samples, n_samples, pedestal, factor, gain, r1.reshape(-1), stride)


@kernel
def calibrate_samples(
    waveform: np.ndarray,
    rows: np.ndarray,
    pedestal: np.ndarray,
    factor: np.ndarray,
    threshold: int,
    gain: np.ndarray,
    r1: np.ndarray,
) -> None:
    """Gain-select and calibrate a batch of waveforms.

    Parameters
    ----------
    waveform : uint16 (n_events, n_gains, n_pixels, n_samples), ADC counts
    rows : int64 (n_events,)
        Row of each event's telescope in the calibration arrays.
    pedestal, factor : float32 (n_telescopes, n_gains, n_pixels)
    threshold : int
    gain : int8 (n_events, n_pixels)
        Written.
    r1 : float32 (n_events, n_pixels, n_samples)
        Written, photo-electrons per sample.
    """
    for k in range(rows.shape[0]):
        select_gain(waveform[k], threshold, gain[k])
        calibrate_event(waveform[k], pedestal[rows[k]], factor[rows[k]], gain[k], r1[k])


@kernel
def calibrate_sums(
    sums: np.ndarray,
    rows: np.ndarray,
    pedestal: np.ndarray,
    factor: np.ndarray,
    n_summed: np.ndarray,
    threshold: int,
    gain: np.ndarray,
    image: np.ndarray,
) -> None:
    """Gain-select and calibrate sums of samples: their charge needs no extraction.

    Parameters
    ----------
    sums : uint32 or float32 (n_events, n_gains or 1, n_pixels, 1), ADC counts
    rows : int64 (n_events,)
    pedestal, factor : float32 (n_telescopes, n_gains, n_pixels)
    n_summed : int64 (n_telescopes,)
        Samples in a sum: pedestal and threshold count that many times.
    threshold : int
        As for a single sample.
    gain : int8 (n_events, n_pixels)
        Written.
    image : float32 (n_events, n_pixels)
        Written, photo-electrons.
    """
    for k in range(rows.shape[0]):
        row = rows[k]
        select_gain(sums[k], threshold * n_summed[row], gain[k])
        for p in range(sums.shape[2]):
            g = np.intp(gain[k, p])
            stored = min(g, sums.shape[1] - 1)
            base = np.float64(pedestal[row, g, p] * np.float32(n_summed[row]))
            image[k, p] = (np.float64(sums[k, stored, p, 0]) - base) * np.float64(factor[row, g, p])
