"""Pixel timing [2016]: pulse times and sums that sim_telarray itself extracted.

Content: n_pixels, n_gains, before_peak, after_peak, list type (1 pixels, 2 ranges), list size and
list, threshold, number of time types, their codes (i16) and levels (f4), granularity and mean peak
(f4); then per listed pixel one i16 per time type and, if before_peak and after_peak are >= 0, one
signed varint per gain: the local pulse sum, and for negative threshold the sum at the global peak,
which for others follows for all pixels at the end.
Source: sim_telarray io_hess format, ``write_hess_pixtime``.
"""

from __future__ import annotations

import numpy as np

from .bytes import f32, i16
from .jit import kernel
from .varint import read_signed

OK, MALFORMED, UNSUPPORTED = 0, 1, 2


@kernel
def _read_one(
    data: np.ndarray,
    pos: int,
    end: int,
    times: np.ndarray,
    local_sums: np.ndarray,
    global_sums: np.ndarray,
) -> int:
    n_pixels, n_types = times.shape
    n_gains = local_sums.shape[0]
    if pos + 12 > end:
        return MALFORMED
    if i16(data, pos) != n_pixels or i16(data, pos + 2) > n_gains or i16(data, pos + 2) < 1:
        return MALFORMED
    n_gains = i16(data, pos + 2)
    with_sums = i16(data, pos + 4) >= 0 and i16(data, pos + 6) >= 0
    list_type, list_size = i16(data, pos + 8), i16(data, pos + 10)
    lists = pos + 12
    if list_type < 1 or list_type > 2 or list_size < 0:
        return MALFORMED
    pos = lists + 2 * list_type * list_size
    if pos + 4 > end:
        return MALFORMED
    selected_only = i16(data, pos) < 0
    n_stored = i16(data, pos + 2)
    if n_stored < 0 or n_stored > n_types or pos + 4 + 6 * n_stored + 8 > end:
        return MALFORMED
    pos += 4 + 6 * n_stored
    granularity = f32(data, pos)
    pos += 8
    n_listed = np.int64(0)
    for k in range(list_size):
        first = i16(data, lists + 2 * list_type * k)
        last = first if list_type == 1 else i16(data, lists + 4 * k + 2)
        n_listed += max(last - first + 1, 0)
        if first < 0 or last >= n_pixels or n_listed > n_pixels:
            return MALFORMED
        for pixel in range(first, last + 1):
            if pos + 2 * n_stored > end:
                return MALFORMED
            for i in range(n_stored):
                times[pixel, i] = granularity * np.float32(i16(data, pos))
                pos += 2
            if not with_sums:
                continue
            for which in range(2 if selected_only else 1):
                for gain in range(n_gains):
                    value, pos = read_signed(data, pos, end)
                    if pos < 0:
                        return MALFORMED
                    if which == 0:
                        local_sums[gain, pixel] = value
                    else:
                        global_sums[gain, pixel] = value
    if with_sums and list_size > 0 and not selected_only:
        for gain in range(n_gains):
            for pixel in range(n_pixels):
                value, pos = read_signed(data, pos, end)
                if pos < 0:
                    return MALFORMED
                global_sums[gain, pixel] = value
    return OK


@kernel
def read_pixel_timing(
    data: np.ndarray,
    versions: np.ndarray,
    offsets: np.ndarray,
    sizes: np.ndarray,
    times: np.ndarray,
    local_sums: np.ndarray,
    global_sums: np.ndarray,
    status: np.ndarray,
) -> None:
    """Read pixel timing of telescope events of one camera.

    Parameters
    ----------
    data : uint8 (n,)
    versions, offsets, sizes : int64 (n_events,)
        The [2016] objects; a negative offset means there is none.
    times : float32 (n_events, n_pixels, n_types)
        Written, in slices; NaN for pixels that are not listed.
    local_sums, global_sums : int32 (n_events, n_gains, n_pixels)
        Written, ADC counts; 0 for pixels that are not listed.
    status : int64 (n_events,)
        Written: OK (also for absent ones), MALFORMED, UNSUPPORTED (version other than 1).
    """
    for k in range(offsets.shape[0]):
        times[k] = np.nan
        local_sums[k] = 0
        global_sums[k] = 0
        status[k] = OK
        if offsets[k] < 0:
            continue
        if versions[k] != 1:
            status[k] = UNSUPPORTED
            continue
        status[k] = _read_one(
            data, offsets[k], offsets[k] + sizes[k], times[k], local_sums[k], global_sums[k]
        )
