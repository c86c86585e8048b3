"""The trigger block [2009] of array events: time, triggered telescopes, their times and types.

Source: sim_telarray io_hess format, ``write_hess_centralevent``; versions 0 to 4.
"""

from __future__ import annotations

import numpy as np

from .bytes import f32, i16, i32
from .jit import kernel
from .varint import read_unsigned

#: Bits that one generation of the writer set four places too low (fixed from version 4 on).
SHIFTED_BITS = 0x70


@kernel
def read_triggers(
    data: np.ndarray,
    offsets: np.ndarray,
    sizes: np.ndarray,
    versions: np.ndarray,
    seconds: np.ndarray,
    nanoseconds: np.ndarray,
    n_with_data: np.ndarray,
    starts: np.ndarray,
    tels: np.ndarray,
    times: np.ndarray,
    masks: np.ndarray,
) -> int:
    """Parse trigger blocks into ragged columns.

    Parameters
    ----------
    data : uint8 (n,)
    offsets, sizes, versions : int64 (n_events,)
        Position, length and version of each block; a negative position means there is none.
    seconds, nanoseconds : int64 (n_events,)
        Written: central trigger time (UTC, seconds since 1970).
    n_with_data : int64 (n_events,)
        Written: length of the list of telescopes with data, -1 where the version has none.
    starts : int64 (n_events + 1,)
        Written: telescopes of event k are ``starts[k]`` to ``starts[k + 1]``.
    tels : int16 (m,); times : float32 (m,), ns; masks : int64 (m,)
        Written; `m` must be at least the sum of ``sizes // 2 + 32``. A mask is -1 where the version
        has none.

    Returns
    -------
    int
        Number of malformed blocks; their events have no telescopes and time 0.
    """
    n_bad = 0
    filled = np.int64(0)
    for k in range(offsets.shape[0]):
        starts[k] = filled
        seconds[k] = nanoseconds[k] = 0
        n_with_data[k] = -1
        pos, end = offsets[k], offsets[k] + sizes[k]
        if pos < 0 or pos + 24 > end:
            n_bad += 1
            continue
        seconds[k], nanoseconds[k] = i32(data, pos + 8), i32(data, pos + 12)
        pattern = i32(data, pos + 16)
        pos += 24
        if versions[k] < 1:  # no list: bit i stands for telescope i + 1
            for bit in range(31):
                if (pattern >> bit) & 1:
                    tels[filled], times[filled], masks[filled] = bit + 1, np.nan, -1
                    filled += 1
            continue
        n_tels = i16(data, pos) if pos + 2 <= end else np.int64(-1)
        pos += 2
        if n_tels < 0 or pos + 6 * n_tels + 2 > end:
            n_bad += 1
            seconds[k] = nanoseconds[k] = 0
            continue
        for i in range(n_tels):
            tels[filled + i] = i16(data, pos + 2 * i)
            times[filled + i] = f32(data, pos + 2 * n_tels + 4 * i)
            masks[filled + i] = -1
        pos += 6 * n_tels
        n_data = i16(data, pos)
        pos += 2 + 2 * n_data
        if n_data < 0 or pos > end:
            n_bad += 1
            seconds[k] = nanoseconds[k] = 0
            continue
        n_with_data[k] = n_data
        if versions[k] >= 2:
            for i in range(n_tels):
                mask, pos = read_unsigned(data, pos, end)
                if pos < 0:
                    break
                if versions[k] <= 3:
                    mask = (mask | ((mask & SHIFTED_BITS) << 4)) & ~np.int64(SHIFTED_BITS)
                masks[filled + i] = mask
            if pos < 0:
                n_bad += 1
                seconds[k] = nanoseconds[k] = 0
                continue
        filled += n_tels
    starts[offsets.shape[0]] = filled
    return n_bad
