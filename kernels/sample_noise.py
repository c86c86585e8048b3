"""Noise added to calibrated waveforms: pieces of long traces, cut at random places."""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .random_streams import SAMPLE_NOISE, next_bits, start_member, start_stream


@kernel
def _add_piece(trace: np.ndarray, start: int, width: int, line: np.ndarray) -> None:
    """Add the trace from `start` on to a waveform, `width` samples of it to each sample."""
    piece = trace[start : start + width * line.shape[0]]
    if width == 1:
        for s in range(line.shape[0]):
            line[s] += piece[s]
        return
    for s in range(line.shape[0]):
        for i in range(s * width, (s + 1) * width):
            line[s] += piece[i]


@kernel
def add_sample_noise(
    samples: np.ndarray,
    gain: np.ndarray,
    obs_id: np.ndarray,
    event_id: np.ndarray,
    tel_id: np.ndarray,
    trace_row: np.ndarray,
    n_summed: np.ndarray,
    traces: np.ndarray,
    white: np.ndarray,
    n_starts: int,
    seed: int,
    out: np.ndarray,
) -> None:
    """Add to the waveform of every pixel its own piece of the traces.

    Parameters
    ----------
    samples : float32 array of shape (n, n_pixels, n_samples), p.e.
        NaN stays NaN, infinity stays infinity.
    gain : int8 array of shape (n, n_pixels)
        Gain channel of each waveform.
    obs_id, event_id, tel_id : int64 arrays of shape (n,)
        With the number of the pixel they name its random numbers. They do not depend on the gain:
        both gains of a pixel see the same light.
    trace_row : int64 array of shape (n,)
        Row of each telescope event in `traces`.
    n_summed : int64 array of shape (n,)
        Samples of the trace that make one sample of the waveform: more than 1 for sums.
    traces : float32 array of shape (n_readouts, n_gains, length), p.e.
        Light of the night sky from `noise_traces`; length 0 for none.
    white : float32 array of shape (length,), p.e.
        Electronic noise; empty for none.
    n_starts : int
        Places where a piece may start; traces go on behind the last one for a whole waveform.
    seed : int
    out : float32 array of shape (n, n_pixels, n_samples), p.e.
        Written.
    """
    state = np.empty(1, np.uint64)
    n_places = np.uint64(n_starts)
    has_sky, has_white = traces.shape[2] > 0, white.shape[0] > 0
    out[:] = samples
    for k in range(samples.shape[0]):
        start_stream(state, seed, event_id[k], obs_id[k], tel_id[k], SAMPLE_NOISE)
        stream, row = state[0], trace_row[k]
        for p in range(samples.shape[1]):
            start_member(state, stream, p)
            if has_sky:
                start = int(next_bits(state) % n_places)
                _add_piece(traces[row, gain[k, p]], start, n_summed[k], out[k, p])
            if has_white:
                _add_piece(white, int(next_bits(state) % n_places), n_summed[k], out[k, p])
