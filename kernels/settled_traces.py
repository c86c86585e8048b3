"""The last step of every extractor of calibrated traces: time shifts and pixels without data."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .peak_window import replace_invalid


@kernel
def settle_traces(
    rows: np.ndarray,
    broken: np.ndarray,
    invalid: np.ndarray,
    gain: np.ndarray,
    time_shift: np.ndarray,
    indptr: np.ndarray,
    indices: np.ndarray,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """Subtract time shifts, set pixels that were not read out to zero and replace invalid ones.

    Parameters
    ----------
    rows : int64 (n_events,)
        Row of each event's telescope in the calibration arrays.
    broken : bool (n_events, n_pixels)
        Invalid pixels and those that were not read out.
    invalid : bool (n_telescopes, n_pixels)
    gain : int8 (n_events, n_pixels)
    time_shift : float32 (n_telescopes, n_gains, n_pixels), ns
    indptr, indices : int32
        Neighbours, as compressed rows.
    image, peak_time : float32 (n_events, n_pixels)
        Changed. Invalid pixels get the mean of their valid neighbours, 0 if there is none.

    Notes
    -----
    Source: ctapipe's definition.
    """
    for k in range(rows.shape[0]):
        row = rows[k]
        any_invalid = False
        for p in range(image.shape[1]):
            peak_time[k, p] -= time_shift[row, np.intp(gain[k, p]), p]
            any_invalid |= invalid[row, p]
            if broken[k, p] and not invalid[row, p]:
                image[k, p] = 0.0
                peak_time[k, p] = 0.0
        if any_invalid:
            replace_invalid(invalid[row], indptr, indices, image[k])
            replace_invalid(invalid[row], indptr, indices, peak_time[k])


__all__ = ["settle_traces"]
