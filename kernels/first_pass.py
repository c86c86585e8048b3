"""First pass of the two-pass extraction: every pixel by itself."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .peak_lanes import LANES, first_of_row
from .window_blocks import block_sums
from .window_lanes import WINDOWS

#: Samples of the window and of its part before the peak: one on each side of the best three.
WIDTH, SHIFT = 5, 2


@kernel
def best_triples(
    samples: np.ndarray, broken: np.ndarray, trace: np.ndarray, peak: np.ndarray
) -> None:
    """Middle of the three neighbouring samples that hold most, of every pixel of one event.

    Parameters
    ----------
    samples : float32 (n_pixels, n_samples), photo-electrons
    broken : bool (n_pixels,)
    trace : float32 (m, stride), m >= n_pixels and stride >= n_samples
        Written: the samples, zero in broken pixels.
    peak : int64 (n_pixels,)
        Written; `SHIFT` if there are too few samples, or none of the sums is a number.
    """
    n_samples = samples.shape[1]
    sums = np.full((n_samples + LANES - 1) // LANES * LANES, -np.inf, np.float32)
    for p in range(samples.shape[0]):
        if broken[p]:
            trace[p, :] = 0.0
            peak[p] = SHIFT
            continue
        for s in range(n_samples):
            trace[p, s] = samples[p, s]
        own = samples[p]
        for s in range(np.uint64(SHIFT), np.uint64(max(n_samples - SHIFT, SHIFT))):
            one = np.uint64(1)
            outer = np.float64(own[s - one]) + np.float64(own[s + one])
            sums[s] = np.float32(np.float64(own[s]) + outer)
        peak[p] = max(first_of_row(sums, 0, n_samples), SHIFT)


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
    # one event at a time, which stays in the cache
    trace = np.zeros((n_pixels + 1, max(n_samples, 1)), np.float32)
    values, peak = trace.reshape(-1), np.empty(n_pixels, np.int64)
    place, first = np.empty(WINDOWS, np.int64), np.empty(WINDOWS, np.float64)
    count, sums = np.empty(WINDOWS, np.int32), np.empty(3 * WINDOWS, np.float64)
    for k in range(n_events):
        rate = sampling_rate[rows[k]]
        best_triples(samples[k], broken[k], trace, peak)
        for block in range(0, n_pixels, WINDOWS):
            block_sums(
                values, trace.shape[1], n_samples, peak, block, WIDTH, SHIFT, place, first, count,
                sums,
            )  # fmt: skip
            for lane in range(min(WINDOWS, n_pixels - block)):
                p = block + lane
                value, positive = np.float32(sums[lane]), sums[WINDOWS + lane]
                when = sums[2 * WINDOWS + lane] / positive if positive > 0 else np.float64(peak[p])
                factor = correction[rows[k], np.intp(gain[k, p])]
                charge[k, p] = np.float64(value) * factor
                time[k, p] = np.float32(np.float64(np.float32(when)) / rate)
                if broken[k, p]:
                    charge[k, p] = 0.0
                    time[k, p] = 0.0


__all__ = ["SHIFT", "WIDTH", "first_pass"]
