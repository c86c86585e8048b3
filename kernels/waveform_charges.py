"""Charges of waveforms that are calibrated already, with the windows of all extractors."""

from __future__ import annotations

import numpy as np

from .charges import FIXED, GLOBAL, LOCAL, SLIDING
from .jit import kernel
from .peak_lanes import LANES
from .peak_window import neighbor_peaks, window_charge
from .sliding_window import sliding_window
from .window_peaks import global_peak, local_peaks

#: Beside the methods of `charges`: the window lies at the peak of the neighbours.
NEIGHBORS = 4


@kernel
def waveform_charges(
    waveform: np.ndarray,
    gain: np.ndarray,
    rows: np.ndarray,
    correction: np.ndarray,
    neighbor_table: np.ndarray,
    method: int,
    peak_index: int,
    width: int,
    shift: int,
    fraction: float,
    image: np.ndarray,
) -> None:
    """Charge of every pixel; all pixels count, none is taken for broken.

    Parameters
    ----------
    waveform : float32 (n_events, n_pixels, n_samples)
        Photo-electrons per sample of the selected gain.
    gain : int8 (n_events, n_pixels)
        Selected gain channel.
    rows : int64 (n_events,)
        Row of each event's telescope in `correction`.
    correction : float64 (n_telescopes, n_gains)
        Factor for the charge outside the window.
    neighbor_table : uint32 (n_pixels, 6)
        Neighbours of each pixel, padded with n_pixels.
    method : int
        `NEIGHBORS`, or FIXED, LOCAL, GLOBAL or SLIDING of `charges`.
    peak_index : int
        Sample of the peak for FIXED.
    width, shift : int
        Window in samples: from ``peak - shift``, `width` long; SLIDING has no shift.
    fraction : float
        Part of the pixels, the brightest, whose mean GLOBAL takes; 1 for all.
    image : float32 (n_events, n_pixels)
        Written, photo-electrons.

    Notes
    -----
    Source: the windows are those of `charges` and `peak_window`.
    """
    n_events, n_pixels, n_samples = waveform.shape
    stride = (n_samples + LANES - 1) // LANES * LANES
    r1 = np.zeros((n_pixels + 1, stride), np.float32)
    peak = np.empty(n_pixels, np.int64)
    total = np.empty(n_samples, np.float32)
    no_shift = np.zeros((correction.shape[1], n_pixels), np.float32)
    intact = np.zeros(n_pixels, np.bool_)
    peak_time = np.empty(n_pixels, np.float32)
    for k in range(n_events):
        factor = correction[rows[k]]
        for p in range(n_pixels):
            for s in range(n_samples):
                r1[p, s] = waveform[k, p, s]
        if method == SLIDING:
            sliding_window(
                r1, n_samples, gain[k], factor, no_shift, 1.0, width, image[k], peak_time
            )  # fmt: skip
            continue
        if method == NEIGHBORS:
            neighbor_peaks(r1, n_samples, neighbor_table, peak)
        elif method == LOCAL:
            local_peaks(r1, n_samples, peak)
        else:
            common = np.int64(peak_index)
            if method == GLOBAL:
                common = np.int64(global_peak(r1, n_samples, intact, fraction, total))
            for p in range(n_pixels):
                peak[p] = common
        window_charge(
            r1, n_samples, peak, gain[k], factor, no_shift, 1.0, width, shift, image[k], peak_time
        )  # fmt: skip


__all__ = ["FIXED", "GLOBAL", "LOCAL", "NEIGHBORS", "SLIDING", "waveform_charges"]
