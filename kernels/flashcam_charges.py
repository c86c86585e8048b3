"""Charges of deconvolved and upsampled traces, around the peak of the neighbours."""

from __future__ import annotations

import numpy as np

from .clipped_phases import clipped_phases
from .deconvolution import centroid, phase_weights, upsampled_between, without_pole
from .jit import kernel
from .maxima_lanes import first_weighted_maxima
from .peak_lanes import LANES
from .trace_window import window_of_trace

#: Columns of the parameters of a telescope, from its reference pulse.
PARAMETERS = ("pole_zero", "gain", "time_shift_ns", "leading_edge_shift")
POLE_ZERO, GAIN, TIME_SHIFT, LEADING_EDGE_SHIFT = range(4)


@kernel
def clipped_peaks(
    short: np.ndarray,
    broken: np.ndarray,
    weights: np.ndarray,
    neighbor_table: np.ndarray,
    n_samples: int,
    local_weight: int,
    clipping: float,
    clipped: np.ndarray,
    highest: np.ndarray,
    peak: np.ndarray,
) -> None:
    """First maximum of the neighbours' clipped, upsampled traces, of every pixel of one event.

    One phase of all pixels at a time, whose traces stay in the second-level cache.

    Parameters
    ----------
    short : float64 (n_pixels, stride + 2)
        From `deconvolution.without_pole`.
    broken : bool (n_pixels,)
    weights : float64 (3, upsampling)
        From `deconvolution.phase_weights`.
    neighbor_table : uint32 (n_pixels, 6)
    n_samples, local_weight : int
    clipping : float
    clipped : float64 (n_pixels + 1, stride)
        Scratch, padded to a multiple of `peak_lanes.LANES`; the last row is zero.
    highest : float64 (n_pixels,)
        Written: the maximum.
    peak : int64 (n_pixels,)
        Written, in upsampled samples; 0 if no sum is a number.
    """
    n_pixels, stride = peak.shape[0], clipped.shape[1]
    values, numbers = clipped.reshape(-1), neighbor_table.reshape(-1)
    weight, upsampling = np.float64(local_weight), weights.shape[1]
    sample, found = np.empty(n_pixels, np.int64), np.empty(n_pixels, np.float64)
    highest[:] = -np.inf
    peak[:] = 0
    for phase in range(upsampling):
        of_phase = weights[:, phase : phase + 1]
        for p in range(n_pixels):
            if broken[p]:
                clipped[p, :] = 0.0
            else:
                clipped_phases(short[p], of_phase, clipping, n_samples, clipped[p])
        first_weighted_maxima(values, stride, numbers, weight, n_samples, sample, found)
        for p in range(n_pixels):
            place = sample[p] * upsampling + phase
            if found[p] > highest[p] or (found[p] == highest[p] and place < peak[p]):
                highest[p], peak[p] = found[p], place


@kernel
def flashcam_charges(
    samples: np.ndarray,
    rows: np.ndarray,
    broken: np.ndarray,
    neighbor_table: np.ndarray,
    parameters: np.ndarray,
    sampling_rate: np.ndarray,
    upsampling: int,
    width: int,
    shift: int,
    local_weight: int,
    clipping: float,
    leading_edge: bool,
    descend_limit: float,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """Charge and time of every pixel of a batch.

    Parameters
    ----------
    samples : float32 (n_events, n_pixels, n_samples), photo-electrons
    rows : int64 (n_events,)
        Row of each event's telescope in `parameters` and `sampling_rate`.
    broken : bool (n_events, n_pixels)
        Pixels that count in no sum of neighbours.
    neighbor_table : uint32 (n_pixels, 6)
        Neighbours of each pixel, filled up with n_pixels.
    parameters : float64 (n_telescopes, 4)
        `PARAMETERS`; the same for all gains.
    sampling_rate : float64 (n_telescopes,), GHz
    upsampling : int
    width, shift : int
        Window in upsampled samples: from ``peak - shift``, `width` long.
    local_weight : int
        How often the pixel itself counts when its peak is sought.
    clipping : float
        See `clipped_phases`.
    leading_edge : bool
        Take the time from the differences of the samples.
    descend_limit : float
        See `deconvolution.centroid`.
    image, peak_time : float32 (n_events, n_pixels)
        Written, photo-electrons and ns after the first sample.

    Notes
    -----
    Source: ctapipe's definition (FlashCamExtractor); A. Gadola et al., JINST 10 (2015) C01014.
    """
    n_events, n_pixels, n_samples = samples.shape
    n_fine = n_samples * upsampling
    stride = (n_samples + LANES - 1) // LANES * LANES
    weights = phase_weights(upsampling)
    short = np.empty((n_pixels, stride + 2), np.float64)
    clipped = np.zeros((n_pixels + 1, stride), np.float64)
    highest, peaks = np.empty(n_pixels, np.float64), np.empty(n_pixels, np.int64)
    fine, difference = np.empty(n_fine, np.float64), np.empty(n_samples + 2, np.float64)
    for k in range(n_events):
        row = rows[k]
        gain = parameters[row, GAIN]
        rate = sampling_rate[row] * upsampling
        for p in range(n_pixels):
            without_pole(samples[k, p], parameters[row, POLE_ZERO], short[p])
        clipped_peaks(
            short, broken[k], weights, neighbor_table, n_samples, local_weight, clipping, clipped,
            highest, peaks,
        )  # fmt: skip
        for p in range(n_pixels):
            peak = peaks[p]
            begin, end = max(peak - shift, 0), min(peak - shift + width, n_fine)
            upsampled_between(short[p], weights, begin, end, fine)
            charge, time = window_of_trace(fine, peak, width, shift)
            if leading_edge:
                without_pole(samples[k, p], 1.0, difference)
                edge = np.rint(np.float64(peak) - parameters[row, LEADING_EDGE_SHIFT])
                place = np.int64(min(max(edge, 0.0), np.float64(n_fine - 1)))
                time = centroid(difference, weights, n_fine, place, descend_limit)
            ns = np.float32(np.float64(time) / rate)
            image[k, p] = np.float32(np.float64(charge) / gain) if gain != 0.0 else charge
            peak_time[k, p] = np.float32(np.float64(ns) - parameters[row, TIME_SHIFT])


__all__ = ["PARAMETERS", "flashcam_charges"]
