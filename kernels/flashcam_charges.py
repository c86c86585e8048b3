"""Charges of deconvolved and upsampled traces, around the peak of the neighbours."""

from __future__ import annotations

import numpy as np

from .clipped_phases import clipped_phases, first_of_phases
from .deconvolution import centroid, phase_weights, upsampled_at, without_pole
from .jit import kernel
from .neighbor_sum import add_neighbors
from .trace_window import PADDING, window_of_trace

#: Columns of the parameters of a telescope, from its reference pulse.
PARAMETERS = ("pole_zero", "gain", "time_shift_ns", "leading_edge_shift")
POLE_ZERO, GAIN, TIME_SHIFT, LEADING_EDGE_SHIFT = range(4)


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
    Source: PARITY section 3 (FlashCamExtractor); A. Gadola et al., JINST 10 (2015) C01014.
    """
    n_events, n_pixels, n_samples = samples.shape
    n_fine = n_samples * upsampling
    stride = (n_samples + PADDING - 1) // PADDING * PADDING
    weights = phase_weights(upsampling)
    short = np.empty((n_pixels, stride + 2), np.float64)
    clipped = np.zeros((n_pixels + 1, upsampling * stride), np.float64)
    total = np.empty(upsampling * stride, np.float64)
    bits = total.view(np.int64)
    fine, difference = np.empty(n_fine, np.float64), np.empty(n_samples + 2, np.float64)
    for k in range(n_events):
        row = rows[k]
        gain = parameters[row, GAIN]
        rate = sampling_rate[row] * upsampling
        for p in range(n_pixels):
            without_pole(samples[k, p], parameters[row, POLE_ZERO], short[p])
            if broken[k, p]:
                clipped[p, :] = 0.0
            else:
                clipped_phases(short[p], weights, clipping, stride, clipped[p])
        for p in range(n_pixels):
            add_neighbors(clipped, neighbor_table, p, np.float64(local_weight), total)
            peak = first_of_phases(total, bits, stride, n_samples, upsampling)
            for s in range(max(peak - shift, 0), min(peak - shift + width, n_fine)):
                fine[s] = upsampled_at(short[p], weights, s)
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
