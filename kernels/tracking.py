"""Tracking positions [21xx]: where each telescope pointed.

The id says what is stored: 0x100 raw, 0x200 corrected position, each as (azimuth, altitude) in f4
radians. Source: sim_telarray io_hess format, ``write_hess_trackevent``.
"""

from __future__ import annotations

import numpy as np

from .bytes import f32
from .jit import kernel

RAW, CORRECTED = 0x100, 0x200


@kernel
def read_tracking(
    data: np.ndarray,
    ids: np.ndarray,
    offsets: np.ndarray,
    sizes: np.ndarray,
    azimuth: np.ndarray,
    altitude: np.ndarray,
) -> None:
    """Read the corrected position where there is one, else the raw one.

    Parameters
    ----------
    data : uint8 (n,)
    ids, offsets, sizes : int64 (n_events,)
        A negative offset means there is no tracking position.
    azimuth, altitude : float32 (n_events,)
        Written, radians; NaN where nothing is known. Altitudes that exceed pi/2 only because pi/2
        rounds up in single precision are set to pi/2 by the caller.
    """
    for k in range(offsets.shape[0]):
        azimuth[k] = altitude[k] = np.nan
        if offsets[k] < 0:
            continue
        pos, left = offsets[k], sizes[k]
        if ids[k] & RAW and left >= 8:
            azimuth[k], altitude[k] = f32(data, pos), f32(data, pos + 4)
            pos, left = pos + 8, left - 8
        if ids[k] & CORRECTED and left >= 8:
            corrected_azimuth, corrected_altitude = f32(data, pos), f32(data, pos + 4)
            if not np.isnan(corrected_azimuth):
                azimuth[k] = corrected_azimuth
            if not np.isnan(corrected_altitude):
                altitude[k] = corrected_altitude
