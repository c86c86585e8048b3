"""Recorded noise added to calibrated waveforms: sums of events that were drawn at random."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .random_streams import RECORDED_NOISE, next_bits, start_member, start_stream


@kernel
def draw_distinct(state: np.ndarray, order: np.ndarray, n: int) -> None:
    """Bring `n` numbers, drawn at random, to the beginning of a permutation.

    Parameters
    ----------
    state : uint64 array of shape (1,)
        Of a stream of random numbers.
    order : int64 array of shape (n_numbers,)
        A permutation; exchanged in place.
    n : int
        At most ``n_numbers``.

    Notes
    -----
    Source: R. Durstenfeld, Commun. ACM 7 (1964) 420.
    """
    for i in range(n):
        j = i + int(next_bits(state) % np.uint64(order.shape[0] - i))
        order[i], order[j] = order[j], order[i]


@kernel
def add_recorded_noise(
    samples: np.ndarray,
    gain: np.ndarray,
    rows: np.ndarray,
    obs_id: np.ndarray,
    event_id: np.ndarray,
    tel_id: np.ndarray,
    noise: np.ndarray,
    level: int,
    by_pixel: bool,
    seed: int,
    out: np.ndarray,
) -> None:
    """Add to some events of one telescope the sum of `level` different events of noise.

    Parameters
    ----------
    samples : float32 array of shape (n, n_pixels, n_samples), p.e.
    gain : int8 array of shape (n, n_pixels)
        Gain channel of each waveform.
    rows : int64 array of shape (n_rows,)
        Which events.
    obs_id, event_id, tel_id : int64 arrays of shape (n,)
        With the number of the pixel they name its random numbers.
    noise : float32 array of shape (n_noise, n_gains, n_pixels, n_samples), p.e.
    level : int
        At most ``n_noise``.
    by_pixel : bool
        Every pixel draws for itself; else all of a camera get the same events.
    seed : int
    out : float32 array of shape (n, n_pixels, n_samples), p.e.
        Written in these rows.
    """
    state = np.empty(1, np.uint64)
    order = np.empty(noise.shape[0], np.int64)
    for k in rows:
        start_stream(state, seed, event_id[k], obs_id[k], tel_id[k], RECORDED_NOISE)
        stream = state[0]
        for p in range(samples.shape[1]):
            if by_pixel or p == 0:
                start_member(state, stream, p)
                for i in range(order.shape[0]):
                    order[i] = i
                draw_distinct(state, order, level)
            line = out[k, p]
            for s in range(line.shape[0]):
                line[s] = samples[k, p, s]
            for i in range(level):
                piece = noise[order[i], gain[k, p], p]
                for s in range(line.shape[0]):
                    line[s] += piece[s]
