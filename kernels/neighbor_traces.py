"""Charges around the peak of a pixel and its neighbours, from calibrated traces.

Other than `peak_window`, which works on raw samples and is the default: the pixel itself may count,
and a baseline may be subtracted before.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .maxima_lanes import first_weighted_maxima
from .peak_lanes import LANES
from .peak_window import window_charge
from .sum_lanes import trace_sums
from .trace_lanes import calibrated_traces


@kernel
def usable_traces(
    samples: np.ndarray,
    broken: np.ndarray,
    baseline_begin: int,
    baseline_end: int,
    scratch: np.ndarray,
    out: np.ndarray,
) -> None:
    """Traces of one event without their baseline, and zero for broken pixels.

    Parameters
    ----------
    samples : float32 (n_pixels, n_samples), photo-electrons
    broken : bool (n_pixels,)
    baseline_begin, baseline_end : int
        The baseline is the mean of ``samples[:, begin:end]``, NaN if there are none; with a
        negative begin nothing is subtracted.
    scratch : float32 (2, n_pixels)
    out : float32 (m, n), m >= n_pixels and n >= n_samples
        Written where there are pixels and samples.
    """
    n_pixels, n_samples = samples.shape
    traces, baseline, whole = samples.reshape(-1), scratch[:1], scratch[1:]
    n_baseline = max(baseline_end - baseline_begin, 0)
    whole[:] = 1.0
    baseline[:] = 0.0 if baseline_begin < 0 else np.nan
    if baseline_begin >= 0 and n_baseline > 0:
        trace_sums(traces, n_samples, baseline_begin, n_baseline, baseline[0])
        for p in range(n_pixels):
            baseline[0, p] = np.float32(np.float64(baseline[0, p]) / np.float64(n_baseline))
    no_gain = np.zeros(n_pixels, np.int8)
    rows = out.reshape(-1)
    calibrated_traces(traces, n_samples, baseline, whole, no_gain, rows, out.shape[1])
    for p in range(n_pixels):
        if broken[p]:
            out[p, :] = 0.0


@kernel
def neighbor_trace_charges(
    samples: np.ndarray,
    rows: np.ndarray,
    broken: np.ndarray,
    gain: np.ndarray,
    correction: np.ndarray,
    sampling_rate: np.ndarray,
    neighbor_table: np.ndarray,
    baseline_begin: int,
    baseline_end: int,
    local_weight: int,
    width: int,
    shift: int,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """Charge and time of every pixel of a batch.

    The peak is the first maximum of the summed traces of the unbroken neighbours and of the pixel
    itself, `local_weight` times.

    Parameters
    ----------
    samples : float32 (n_events, n_pixels, n_samples), photo-electrons
    rows : int64 (n_events,)
        Row of each event's telescope in the calibration arrays.
    broken : bool (n_events, n_pixels)
    gain : int8 (n_events, n_pixels)
    correction : float64 (n_telescopes, n_gains)
    sampling_rate : float64 (n_telescopes,), GHz
    neighbor_table : uint32 (n_pixels, 6)
        Neighbours of each pixel, filled up with n_pixels.
    baseline_begin, baseline_end : int
        See `usable_traces`.
    local_weight, width, shift : int
        Window in samples: from ``peak - shift``, `width` long.
    image, peak_time : float32 (n_events, n_pixels)
        Written, photo-electrons and ns after the first sample. NaN samples in the window give NaN
        charges.

    Notes
    -----
    Source: ctapipe (NeighborPeakWindowSum, BaselineSubtracted...). Sums of traces are in
    single precision, first the pixel, then its neighbours in their order: where samples are equal
    but for rounding, the order decides on the peak.
    """
    n_events, n_pixels, n_samples = samples.shape
    stride = (n_samples + LANES - 1) // LANES * LANES
    trace = np.zeros((n_pixels + 1, stride), np.float32)
    values, numbers = trace.reshape(-1), neighbor_table.reshape(-1)
    peak, highest = np.empty(n_pixels, np.int64), np.empty(n_pixels, np.float32)
    no_shift = np.zeros((correction.shape[1], n_pixels), np.float32)
    weight, scratch = np.float32(local_weight), np.empty((2, n_pixels), np.float32)
    for k in range(n_events):
        row = rows[k]
        usable_traces(samples[k], broken[k], baseline_begin, baseline_end, scratch, trace)
        first_weighted_maxima(values, stride, numbers, weight, n_samples, peak, highest)
        window_charge(
            trace, n_samples, peak, gain[k], correction[row], no_shift, sampling_rate[row], width,
            shift, image[k], peak_time[k],
        )  # fmt: skip


__all__ = ["neighbor_trace_charges", "usable_traces"]
