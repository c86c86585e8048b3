"""Pixel-to-pixel differences of a simulated telescope."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .random_streams import CALIBRATION, next_normal, start_stream


@kernel
def draw_normals(seed: int, tel_id: int, out: np.ndarray) -> None:
    """Fill `out` with normal numbers that belong to one telescope.

    Parameters
    ----------
    seed, tel_id : int
    out : float64 array of shape (n,)
        Written: mean 0, standard deviation 1.

    Notes
    -----
    Source: see `random_streams`.
    """
    state = np.empty(1, np.uint64)
    start_stream(state, seed, tel_id, 0, 0, CALIBRATION)
    for i in range(out.shape[0]):
        out[i] = next_normal(state)
