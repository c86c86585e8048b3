"""First pass of the two-pass extraction: every pixel by itself."""

from __future__ import annotations

import numpy as np

from .charge_lanes import block_charges
from .jit import kernel
from .maxima_lanes import first_row_maxima
from .peak_lanes import LANES

#: Samples of the window and of its part before the peak: one on each side of the best three.
WIDTH, SHIFT = 5, 2


@kernel
def best_triples(
    samples: np.ndarray, broken: np.ndarray, sums: np.ndarray, highest: np.ndarray, peak: np.ndarray
) -> None:
    """Middle of the three neighbouring samples that hold most, of every pixel of one event.

    Parameters
    ----------
    samples : float32 (n_pixels, n_samples), photo-electrons
    broken : bool (n_pixels,)
    sums : float32 (n_pixels, stride)
        Scratch, -inf in the first and last `SHIFT` samples and behind them; the stride is a
        multiple of `peak_lanes.LANES`.
    highest : float32 (n_pixels,)
        Scratch.
    peak : int64 (n_pixels,)
        Written; `SHIFT` if the pixel is broken, there are too few samples, or none of the sums is
        a number.
    """
    n_pixels, n_samples = samples.shape
    one = np.uint64(1)
    for p in range(n_pixels):
        own, three = samples[p], sums[p]
        for s in range(np.uint64(SHIFT), np.uint64(max(n_samples - SHIFT, SHIFT))):
            outer = np.float64(own[s - one]) + np.float64(own[s + one])
            three[s] = np.float32(np.float64(own[s]) + outer)
    first_row_maxima(sums.reshape(-1), sums.shape[1], n_samples, peak, highest)
    for p in range(n_pixels):
        peak[p] = SHIFT if broken[p] else max(peak[p], SHIFT)


@kernel
def first_pass(
    samples: np.ndarray,
    rows: np.ndarray,
    broken: np.ndarray,
    gain: np.ndarray,
    correction: np.ndarray,
    sampling_rate: np.ndarray,
    charge: np.ndarray,
    time: np.ndarray,
) -> None:
    """Charge and time in the window around the three neighbouring samples that hold most.

    Parameters
    ----------
    samples : float32 (n_events, n_pixels, n_samples), photo-electrons
    rows : int64 (n_events,)
        Row of each event's telescope in the calibration arrays.
    broken : bool (n_events, n_pixels)
        Pixels that get charge and time 0.
    gain : int8 (n_events, n_pixels)
    correction : float64 (n_telescopes, n_gains)
    sampling_rate : float64 (n_telescopes,), GHz
    charge : float64 (n_events, n_pixels)
        Written, photo-electrons.
    time : float32 (n_events, n_pixels)
        Written, ns after the first sample.

    Notes
    -----
    Source: ctapipe's definition (TwoPassWindowSum). The window lies in the readout; traces shorter
    than it are summed whole. Sums that decide on the peak are rounded to single precision, so
    that equal ones are equal.
    """
    n_events, n_pixels, n_samples = samples.shape
    stride = (n_samples + LANES - 1) // LANES * LANES
    # of one event, which stays in the cache
    sums = np.full((n_pixels, stride), -np.inf, np.float32)
    highest, peak = np.empty(n_pixels, np.float32), np.empty(n_pixels, np.int64)
    whole = np.ones(correction.shape[1])
    no_shift = np.zeros((correction.shape[1], n_pixels), np.float32)
    value = np.empty(n_pixels, np.float32)
    for k in range(n_events):
        best_triples(samples[k], broken[k], sums, highest, peak)
        # windows lie in the readout: nothing is read behind the last trace
        block_charges(
            samples[k].reshape(-1), n_samples, n_samples, peak, gain[k], whole, no_shift,
            sampling_rate[rows[k]], WIDTH, SHIFT, 0.0, value, time[k],
        )  # fmt: skip
        for p in range(n_pixels):
            charge[k, p] = np.float64(value[p]) * correction[rows[k], np.intp(gain[k, p])]
            if broken[k, p]:
                charge[k, p] = 0.0
                time[k, p] = 0.0


__all__ = ["SHIFT", "WIDTH", "first_pass"]
