"""Charges of deconvolved and upsampled traces, around the peak of the neighbours."""

from __future__ import annotations

import math

import numpy as np

from .deconvolution import centroid, phase_weights, upsampled, without_pole
from .jit import kernel
from .trace_window import first_maximum_of, window_of_trace

#: Columns of the parameters of a telescope, from its reference pulse.
PARAMETERS = ("pole_zero", "gain", "time_shift_ns", "leading_edge_shift")
POLE_ZERO, GAIN, TIME_SHIFT, LEADING_EDGE_SHIFT = range(4)


@kernel
def softly_clipped(values: np.ndarray, level: float, out: np.ndarray) -> None:
    """Bound what a pixel can add to the sum of neighbours: x / (1 + x) for x = value / level.

    Parameters
    ----------
    values : float64 (n,), photo-electrons
    level : float
        0 or infinite: values are taken as they are. Otherwise negative values become 0.
    out : float64 (n,)
        Written.
    """
    if level == 0.0 or math.isinf(level):
        out[:] = values
        return
    for s in range(values.shape[0]):
        x = values[s] / level
        x = x / (1.0 + abs(x))
        out[s] = 0.0 if x < 0.0 else x


@kernel
def flashcam_charges(
    samples: np.ndarray,
    rows: np.ndarray,
    broken: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
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
    indptr, indices : int32
        Neighbours, as compressed rows.
    parameters : float64 (n_telescopes, 4)
        `PARAMETERS`; the same for all gains.
    sampling_rate : float64 (n_telescopes,), GHz
    upsampling : int
    width, shift : int
        Window in upsampled samples: from ``peak - shift``, `width` long.
    local_weight : int
        How often the pixel itself counts when its peak is sought.
    clipping : float
        See `softly_clipped`.
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
    weights = phase_weights(upsampling)
    short, fine = np.empty(n_samples, np.float64), np.empty(n_fine, np.float64)
    clipped = np.empty((n_pixels, n_fine), np.float64)
    total = np.empty(n_fine, np.float64)
    for k in range(n_events):
        row = rows[k]
        pole, gain = parameters[row, POLE_ZERO], parameters[row, GAIN]
        rate = sampling_rate[row] * upsampling
        for p in range(n_pixels):
            if broken[k, p]:
                clipped[p, :] = 0.0
                continue
            without_pole(samples[k, p], pole, short)
            upsampled(short, weights, fine)
            softly_clipped(fine, clipping, clipped[p])
        for p in range(n_pixels):
            for s in range(n_fine):
                total[s] = clipped[p, s] * local_weight
            for j in range(indptr[p], indptr[p + 1]):
                neighbor = indices[j]
                for s in range(n_fine):
                    total[s] += clipped[neighbor, s]
            peak = first_maximum_of(total)
            without_pole(samples[k, p], pole, short)
            upsampled(short, weights, fine)
            charge, time = window_of_trace(fine, peak, width, shift)
            if leading_edge:
                without_pole(samples[k, p], 1.0, short)
                upsampled(short, weights, fine)
                edge = np.rint(np.float64(peak) - parameters[row, LEADING_EDGE_SHIFT])
                place = np.int64(min(max(edge, 0.0), np.float64(n_fine - 1)))
                time = centroid(fine, place, descend_limit)
            ns = np.float32(np.float64(time) / rate)
            image[k, p] = np.float32(np.float64(charge) / gain) if gain != 0.0 else charge
            peak_time[k, p] = np.float32(np.float64(ns) - parameters[row, TIME_SHIFT])


__all__ = ["PARAMETERS", "flashcam_charges", "softly_clipped"]
