"""From raw waveforms to images with windows that do not depend on the neighbours of a pixel.

The extractor that does is the default and stands in `peak_window`: it compiles without these.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .peak_lanes import LANES
from .peak_window import calibrated_event, settle_event, window_charge
from .sliding_window import sliding_window
from .window_peaks import global_peak, local_peaks

#: Where the window lies: at a given sample, at the peak of the pixel, at that of the camera, or
#: where it holds most charge.
FIXED, LOCAL, GLOBAL, SLIDING = range(4)


@kernel
def window_charges(
    waveform: np.ndarray,
    rows: np.ndarray,
    read_out: np.ndarray,
    pedestal: np.ndarray,
    factor: np.ndarray,
    time_shift: np.ndarray,
    correction: np.ndarray,
    sampling_rate: np.ndarray,
    invalid: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    threshold: int,
    method: int,
    peak_index: int,
    width: int,
    shift: int,
    fraction: float,
    gain: np.ndarray,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """Gain, calibration, charge, time and invalid pixels of a batch.

    Parameters
    ----------
    waveform : uint16 (n_events, n_gains, n_pixels, n_samples), ADC counts
    rows : int64 (n_events,)
        Row of each event's telescope in the calibration arrays.
    read_out : bool (n_events, n_pixels)
        Pixels with data; with 0 rows all have. Others get charge and time 0.
    pedestal, factor, time_shift : float32 (n_telescopes, n_gains, n_pixels)
    correction : float64 (n_telescopes, n_gains)
    sampling_rate : float64 (n_telescopes,), GHz
    invalid : bool (n_telescopes, n_pixels)
    indptr, indices : int32
        Neighbours, as compressed rows.
    threshold, method, peak_index, width, shift : int
        `peak_index` is the sample for `FIXED`; `shift` does not matter for `SLIDING`.
    fraction : float
        Part of the pixels, the brightest, whose mean `GLOBAL` takes; 1 for all.
    gain : int8 (n_events, n_pixels)
    image, peak_time : float32 (n_events, n_pixels)
        Written, photo-electrons and ns.
    """
    n_pixels, n_samples = waveform.shape[2], waveform.shape[3]
    stride = (n_samples + LANES - 1) // LANES * LANES
    r1 = np.zeros((n_pixels + 1, stride), np.float32)
    peak = np.empty(n_pixels, np.int64)
    total = np.empty(n_samples, np.float32)
    for k in range(rows.shape[0]):
        row = rows[k]
        calibrated_event(
            waveform[k], read_out, k, pedestal[row], factor[row], invalid[row], threshold, gain[k],
            r1,
        )  # fmt: skip
        if method == SLIDING:
            sliding_window(
                r1, n_samples, gain[k], correction[row], time_shift[row], sampling_rate[row],
                width, image[k], peak_time[k],
            )  # fmt: skip
        else:
            if method == LOCAL:
                local_peaks(r1, n_samples, peak)
            else:
                common = np.int64(peak_index)
                if method == GLOBAL:
                    common = np.int64(global_peak(r1, n_samples, invalid[row], fraction, total))
                for p in range(n_pixels):
                    peak[p] = common
            window_charge(
                r1, n_samples, peak, gain[k], correction[row], time_shift[row],
                sampling_rate[row], width, shift, image[k], peak_time[k],
            )  # fmt: skip
        settle_event(read_out, k, invalid[row], indptr, indices, image[k], peak_time[k])
