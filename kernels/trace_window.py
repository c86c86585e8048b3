"""Charge and time of one pulse in a window of one trace, and the first maximum of a trace."""

from __future__ import annotations

import numpy as np

from .jit import kernel

#: Rows are padded to a multiple of this: whole steps of unrolled vector loops, no loose ends.
PADDING = 32
#: All bits of a 64-bit integer but that of the sign.
_MAGNITUDE = np.int64(0x7FFFFFFFFFFFFFFF)
_SIGN = np.int64(63)
#: -inf with its magnitude inverted.
_LOWEST = np.int64(-0x7FF0000000000001)


@kernel
def largest_of(bits: np.ndarray) -> np.int64:
    """Bits of the largest of some floating-point numbers.

    Comparisons of integers have no order, so the compiler turns this into vector instructions.

    Parameters
    ----------
    bits : int64 (n,)
        View of float64 numbers without NaN and -0.

    Returns
    -------
    int64
        Those of -inf for none.

    Notes
    -----
    Source: IEEE 754: with the magnitude of negative numbers inverted, integers are ordered as the
    numbers are.
    """
    highest = _LOWEST
    for s in range(bits.shape[0]):
        key = bits[s] ^ ((bits[s] >> _SIGN) & _MAGNITUDE)
        highest = max(highest, key)
    return highest ^ ((highest >> _SIGN) & _MAGNITUDE)


@kernel
def first_of(bits: np.ndarray, n_samples: int) -> int:
    """First sample of the largest value.

    Parameters
    ----------
    bits : int64 (n,)
        See `largest_of`; padding is -inf.
    n_samples : int
        Samples that count.

    Returns
    -------
    int
        0 if there is none.
    """
    largest = largest_of(bits)
    for s in range(n_samples):
        if bits[s] == largest:
            return s
    return 0


@kernel
def window_of_trace(
    trace: np.ndarray, peak: int, width: int, shift: int
) -> tuple[np.float32, np.float32]:
    """Sum of the window from ``peak - shift`` on, `width` long, and the time of the pulse in it.

    Parameters
    ----------
    trace : float (n_samples,), photo-electrons per sample
        The window is clipped to it.
    peak, width, shift : int

    Returns
    -------
    charge : float32, photo-electrons
    time : float32, samples
        Mean sample number weighted with the positive samples; `peak` where none is.

    Notes
    -----
    Source: ctapipe's definition. Sums in double precision, in the order of the samples.
    """
    begin = max(np.int64(0), np.int64(peak - shift))
    end = min(np.int64(peak - shift + width), np.int64(trace.shape[0]))
    charge, weighted, positive = 0.0, 0.0, 0.0
    for s in range(begin, end):
        value = np.float64(trace[s])
        above = value if value > 0.0 else 0.0  # a selection: noise is positive every other time
        charge += value
        weighted += above * np.float64(s)
        positive += above
    time = weighted / positive if positive > 0.0 else np.float64(peak)
    return np.float32(charge), np.float32(time)


__all__ = ["PADDING", "first_of", "largest_of", "window_of_trace"]
