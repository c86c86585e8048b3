"""Long traces of noise from which the noise of every pixel is cut at random places.

A trace of 2**17 samples is drawn once per kind of camera; a pixel's noise is a piece of it that
starts at a random sample. Mean, variance, amplitude distribution and correlation from sample to
sample are those of freshly drawn noise; the trace is shifted and scaled by the percent or so that
makes its mean and variance exact. What is not kept: two pixels share part of a trace in about one
of 2000 pairs.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .random_streams import (
    BANK,
    next_erlang,
    next_normal,
    next_poisson,
    next_uniform,
    start_stream,
)

#: Samples of a trace, a power of two.
TRACE_LENGTH = 1 << 17
#: Single photo-electrons have charges of this Erlang order: relative width 0.354.
CHARGE_ORDER = 8


@kernel
def _standardise(trace: np.ndarray, variance: float) -> None:
    """Shift and scale to mean 0 and this variance; sums in a fixed order."""
    total, squares = 0.0, 0.0
    for value in trace:
        total += np.float64(value)
    mean = total / trace.shape[0]
    for value in trace:
        squares += (np.float64(value) - mean) ** 2
    scale = math.sqrt(variance * trace.shape[0] / squares) if squares > 0.0 else 0.0
    for i in range(trace.shape[0]):
        trace[i] = (np.float64(trace[i]) - mean) * scale


@kernel
def night_sky_trace(
    pulses: np.ndarray, rate: float, variance: float, seed: int, kind: int, trace: np.ndarray
) -> None:
    """Draw the light of the night sky, its mean taken away (readout coupled by a capacitor).

    Parameters
    ----------
    pulses : float32 array of shape (n_phases, length)
        Pulse of one photo-electron at sub-sample times; see `synthesise`.
    rate : float
        Photo-electrons per sample.
    variance : float
        Variance of a sample.
    seed, kind : int
        Seed and number of the kind of camera.
    trace : float32 array of shape (n,)
        Written, in units of a pulse's charge per sample. It closes on itself.

    Notes
    -----
    Source: shot noise; its variance is rate times the sum of squares of the pulse (N. Campbell,
    1909) times 1 + 1 / CHARGE_ORDER.
    """
    state = np.empty(1, np.uint64)
    start_stream(state, seed, kind, 0, 0, BANK)
    trace[:] = 0.0
    n = trace.shape[0]
    for _ in range(next_poisson(state, rate * n)):
        charge = next_erlang(state, CHARGE_ORDER)
        start = int(next_uniform(state) * n)
        phase = int(next_uniform(state) * pulses.shape[0])
        for i in range(pulses.shape[1]):
            trace[(start + i) % n] += np.float32(charge * pulses[phase, i])
    _standardise(trace, variance)


@kernel
def white_trace(seed: int, kind: int, trace: np.ndarray) -> None:
    """Draw normal noise of mean 0 and standard deviation 1, sample by sample.

    Parameters
    ----------
    seed, kind : int
        Seed and number of the kind of camera.
    trace : float32 array of shape (n,)
        Written.
    """
    state = np.empty(1, np.uint64)
    start_stream(state, seed, kind, 1, 0, BANK)
    for i in range(trace.shape[0]):
        trace[i] = next_normal(state)
    _standardise(trace, 1.0)
