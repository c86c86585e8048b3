"""Images straight from photo-electrons, without waveforms."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .noise_traces import CHARGE_ORDER
from .random_streams import IMAGE, next_normal, next_uniform, start_stream


@kernel
def smear_images(
    pe_offsets: np.ndarray,
    pe_pixel: np.ndarray,
    pe_time: np.ndarray,
    shower: np.ndarray,
    use: np.ndarray,
    tel: np.ndarray,
    width: float,
    time_width: float,
    duration: float,
    seed: int,
    true_image: np.ndarray,
    image: np.ndarray,
    peak_time: np.ndarray,
) -> None:
    """Make images as extraction from waveforms would give them.

    Parameters
    ----------
    pe_offsets, pe_pixel, pe_time, shower, use, tel
        As for `synthesise`.
    width : float
        Standard deviation of the noise in a charge, p.e.; 0 for exact charges.
    time_width : float
        Standard deviation of the time of one photo-electron's pulse, ns.
    duration : float
        Of the readout, ns: pixels without light have a time anywhere in it.
    seed : int
    true_image : int32 array of shape (n, n_pixels)
        Written: photo-electrons.
    image, peak_time : float32 arrays of shape (n, n_pixels)
        Written: p.e. and ns.

    Notes
    -----
    A charge is normal around the true one with variance ``width**2 + n / CHARGE_ORDER``.
    """
    state = np.empty(1, np.uint64)
    n_pixels = image.shape[1]
    for k in range(image.shape[0]):
        start_stream(state, seed, shower[k], use[k], tel[k], IMAGE)
        at = pe_offsets[k]
        for p in range(n_pixels):
            count, total = 0, 0.0
            while at < pe_offsets[k + 1] and pe_pixel[at] == p:
                total += pe_time[at]
                count += 1
                at += 1
            true_image[k, p] = count
            image[k, p] = count
            peak_time[k, p] = total / max(count, 1)
            if width > 0.0:
                spread = math.sqrt(width * width + count / CHARGE_ORDER)
                image[k, p] += spread * next_normal(state)
                if count == 0:
                    peak_time[k, p] = duration * next_uniform(state)
                else:
                    peak_time[k, p] += time_width / math.sqrt(count) * next_normal(state)
