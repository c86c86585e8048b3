"""More night-sky light in images: Poisson noise on top of charges."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .random_streams import CHARGE_NOISE, next_poisson, start_member, start_stream


@kernel
def add_charge_noise(
    charge: np.ndarray,
    obs_id: np.ndarray,
    event_id: np.ndarray,
    tel_id: np.ndarray,
    transition: float,
    dim_level: float,
    bright_level: float,
    dim_bias: float,
    correct_bias: bool,
    seed: int,
    image: np.ndarray,
) -> None:
    """Add a Poisson number of photo-electrons to every pixel.

    Parameters
    ----------
    charge : float32 array of shape (n, n_pixels), p.e.
        NaN counts as dim and stays NaN, infinity stays infinity.
    obs_id, event_id, tel_id : int64 arrays of shape (n,)
        With the number of the pixel they name its random number.
    transition : float, p.e.
        Pixels above are bright, others dim.
    dim_level, bright_level : float, p.e.
        Mean of the Poisson numbers.
    dim_bias : float, p.e.
        Added to dim pixels.
    correct_bias : bool
        Take the mean of the Poisson numbers away again.
    seed : int
    image : float32 array of shape (n, n_pixels), p.e.
        Written; may be `charge` itself.

    Notes
    -----
    Source: as ctapipe's ImageModifier.
    """
    state = np.empty(1, np.uint64)
    for k in range(charge.shape[0]):
        start_stream(state, seed, event_id[k], obs_id[k], tel_id[k], CHARGE_NOISE)
        stream = state[0]
        for p in range(charge.shape[1]):
            value = charge[k, p]
            bright = value > transition
            level = bright_level if bright else dim_level
            start_member(state, stream, p)
            # three steps, each rounded to single precision, as ctapipe's
            value = np.float32(np.float64(value) + next_poisson(state, level))
            if correct_bias:
                value = np.float32(np.float64(value) - level)
            if not bright:
                value += np.float32(dim_bias)
            image[k, p] = value
