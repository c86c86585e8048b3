"""The noise that waveforms get: traces of night-sky light and of electronic noise."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.readout import CameraReadout
from ctabatch.kernels.noise_traces import (
    CHARGE_ORDER,
    TRACE_LENGTH,
    night_sky_trace,
    white_trace,
)

#: Times within a sample at which pulses are tabulated.
N_PHASES = 64
#: Takes the place of the number of the kind of camera. It is none of the simulator's, so the noise
#: that is added differs from that of a simulation with the same seed.
_KIND = 1 << 32


def sampled_pulses(readout: CameraReadout, channel: int) -> NDArray[np.float32]:
    """Pulse of one photo-electron in calibrated samples, (N_PHASES, length).

    Row k is for pulses at ``(k + 1/2) / N_PHASES`` of the way from one sample to the next. Over all
    rows their sums are 1 in the mean, as calibrated waveforms are scaled; of a camera that reads
    out the peak of a shaped pulse alone, in one sample, the peak is 1. A camera whose pulse is
    unknown has its charge in one sample.
    """
    pulse, time = readout.reference_pulse[channel], readout.reference_pulse_sample_time
    if len(time) > 1 and readout.reference_pulse_sample_width > 0:
        time_slice = 1 / readout.sampling_rate
        phase = (np.arange(N_PHASES) + 0.5) / N_PHASES * time_slice
        n = math.ceil(time[-1] / time_slice) + 2
        place = np.arange(n) * time_slice - phase[:, np.newaxis]
        samples = np.interp(place, time, pulse, left=0.0, right=0.0)
        charge = samples.max() if readout.n_samples == 1 else samples.sum(axis=1).mean()
        if np.isfinite(charge) and charge > 0:
            return np.ascontiguousarray(samples / charge, np.float32)
    return np.ones((1, 1), np.float32)


def night_sky_variance(pulses: NDArray[np.float32], rate: float) -> float:
    """Variance of a sample in p.e.^2 for so many photo-electrons per sample.

    Campbell's theorem: the sum of squares of the pulse, averaged over its phase, times the mean
    square of the charge of a photo-electron.
    """
    squares = (pulses.astype(np.float64) ** 2).sum(axis=1).mean()
    return float(rate * squares * (1 + 1 / CHARGE_ORDER))


@lru_cache(maxsize=16)
def night_sky(
    readout: CameraReadout, n_gains: int, rate: float, seed: int, reach: int
) -> NDArray[np.float32]:
    """Traces (n_gains, TRACE_LENGTH + reach) of `rate` photo-electrons per ns, mean 0, in p.e.

    All gains see the same photo-electrons. What is behind TRACE_LENGTH repeats the beginning.
    """
    per_sample = rate / readout.sampling_rate
    out = np.empty((n_gains, TRACE_LENGTH), np.float32)
    for channel, trace in enumerate(out):
        pulses = sampled_pulses(readout, channel)
        variance = night_sky_variance(pulses, per_sample)
        night_sky_trace(pulses, per_sample, variance, seed, _KIND, trace)
    return _prolonged(out, reach)


@lru_cache(maxsize=16)
def electronic(width: float, seed: int, reach: int) -> NDArray[np.float32]:
    """Trace (TRACE_LENGTH + reach,) of independent normal samples of this standard deviation."""
    trace = np.empty(TRACE_LENGTH, np.float32)
    white_trace(seed, _KIND, trace)
    return _prolonged(np.float32(width) * trace, reach)


def _prolonged(traces: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    more = traces[..., np.arange(reach) % traces.shape[-1]]
    traces = np.ascontiguousarray(np.concatenate([traces, more], axis=-1))
    traces.setflags(write=False)
    return traces
