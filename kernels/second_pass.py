"""Second pass of the two-pass extraction: where the time along the image says the pulse is."""

from __future__ import annotations

import math

import numpy as np

from .charge_lanes import block_charges
from .first_pass import SHIFT, WIDTH
from .hillas import FOV_LAT, FOV_LON, PSI
from .jit import kernel
from .trace_window import window_of_trace

#: Columns of the fit of times along the image, see `timing.COLUMNS`.
_INTERCEPT, _SLOPE = 0, 2
#: Windows at the edges of the readout, which take the place of those that would not fit.
FIRST_WIDTH, FIRST_SHIFT = 5, 0
LAST_WIDTH, LAST_SHIFT = 6, 4
#: Rows of the corrections.
_INSIDE, _FIRST, _LAST = 0, 1, 2


@kernel
def second_pass(
    samples: np.ndarray,
    rows: np.ndarray,
    gain: np.ndarray,
    island: np.ndarray,
    charge: np.ndarray,
    time: np.ndarray,
    ellipse: np.ndarray,
    fit: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    corrections: np.ndarray,
    sampling_rate: np.ndarray,
    threshold: np.ndarray,
    image: np.ndarray,
    peak_time: np.ndarray,
    is_valid: np.ndarray,
) -> None:
    """Extract pixels outside the core of the main island again, at the time predicted for them.

    Parameters
    ----------
    samples : float32 (n_events, n_pixels, n_samples), photo-electrons
    rows : int64 (n_events,)
        Row of each event's telescope in the calibration arrays.
    gain : int8 (n_events, n_pixels)
    island : bool (n_events, n_pixels)
        Main island.
    charge : float64 (n_events, n_pixels), photo-electrons
    time : float32 (n_events, n_pixels), ns
        Results of the first pass.
    ellipse : float64 (n_events, 14)
        From `hillas.hillas`, positions in the unit of `x` and `y`.
    fit : float64 (n_events, 3)
        From `timing.timing`; without a slope the first pass stands.
    x, y : float64 (n_pixels,)
        Positions of the pixels.
    corrections : float64 (3, n_telescopes, n_gains)
        For windows inside the readout, at its begin and at its end.
    sampling_rate : float64 (n_telescopes,), GHz
    threshold : float64 (n_events,), photo-electrons
        Least charge of the core.
    image, peak_time : float32 (n_events, n_pixels)
        Written, photo-electrons and ns after the first sample.
    is_valid : bool (n_events,)
        Written: whether there was a second pass.

    Notes
    -----
    Source: ctapipe (TwoPassWindowSum); the method is that of J. Holder et al., Astropart.
    Phys. 25 (2006) 391. ctapipe's window for a peak in the last sample but two is six samples long
    and ends before the last sample; so is this one.
    """
    n_events, n_pixels, n_samples = samples.shape
    wanted, peak = np.empty(n_pixels, np.int64), np.empty(n_pixels, np.int64)
    value = np.empty(n_pixels, np.float32)
    whole = np.ones(corrections.shape[2])
    no_shift = np.zeros((corrections.shape[2], n_pixels), np.float32)
    for k in range(n_events):
        row = rows[k]
        rate = sampling_rate[row]
        for p in range(n_pixels):
            image[k, p] = np.float32(charge[k, p])
        is_valid[k] = math.isfinite(fit[k, _SLOPE]) and n_samples >= WIDTH
        if not is_valid[k]:
            peak_time[k] = time[k]
            continue
        psi = math.radians(ellipse[k, PSI])
        cos_psi, sin_psi = math.cos(psi), math.sin(psi)
        for p in range(n_pixels):
            d_x, d_y = x[p] - ellipse[k, FOV_LON], y[p] - ellipse[k, FOV_LAT]
            along = d_x * cos_psi + d_y * sin_psi
            sample = np.rint((fit[k, _SLOPE] * along + fit[k, _INTERCEPT]) * rate)
            # still a floating-point number, which a steep line does not overflow
            at = np.int64(min(max(sample, -1.0), np.float64(n_samples)))
            # those at the edges come below: nothing is read behind the last trace
            wanted[p], peak[p] = at, at if SHIFT <= at < n_samples - 3 else SHIFT
        block_charges(
            samples[k].reshape(-1), n_samples, n_samples, peak, gain[k], whole, no_shift, rate,
            WIDTH, SHIFT, 0.0, value, peak_time[k],
        )  # fmt: skip
        for p in range(n_pixels):
            if island[k, p] and not charge[k, p] < threshold[k]:
                peak_time[k, p] = time[k, p]
                continue
            kind, at = _INSIDE, wanted[p]
            if at < SHIFT:
                value[p], when = window_of_trace(samples[k, p], 0, FIRST_WIDTH, FIRST_SHIFT)
                kind, peak_time[k, p] = _FIRST, np.float32(np.float64(when) / rate)
            elif at >= n_samples - 3:
                at = n_samples - 1 if at > n_samples - 3 else at
                value[p], when = window_of_trace(samples[k, p], at, LAST_WIDTH, LAST_SHIFT)
                kind, peak_time[k, p] = _LAST, np.float32(np.float64(when) / rate)
            factor = corrections[kind, row, np.intp(gain[k, p])]
            image[k, p] = np.float32(np.float64(value[p]) * factor)


__all__ = ["second_pass"]
