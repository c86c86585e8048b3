"""Random numbers that depend on what they are for, not on when they are drawn.

Every shower, use and telescope has its own stream, started from the seed and these numbers; so the
result is the same on any number of threads and for any size of batches. A stream is an array of
one uint64, the state of SplitMix64.

Sources: Steele, Lea & Flood, OOPSLA 2014 (SplitMix64); Box & Muller, Ann. Math. Stat. 29, 610
(1958); Hoermann, Insurance Math. Econ. 12, 39 (1993), algorithm PTRS, for Poisson numbers.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: What a stream is for: the last number it is started with.
PRIMARY, CORE, CASCADE, COUNT, PHOTONS, NOISE, CHARGES = range(7)
CALIBRATION, IMAGE, RESPONSE, BANK = range(7, 11)
PSF, CHARGE_NOISE, SAMPLE_NOISE, RECORDED_NOISE = range(11, 15)

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BY_30, _BY_27, _BY_31, _BY_11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_TO_UNIT = 2.0**-53
#: From this mean on Poisson numbers are drawn by rejection instead of by multiplication.
_LARGE_MEAN = 10.0


@kernel
def _mix(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> _BY_30)) * _MIX_1
    z = (z ^ (z >> _BY_27)) * _MIX_2
    return z ^ (z >> _BY_31)


@kernel
def start_stream(
    state: np.ndarray, seed: int, shower: int, use: int, telescope: int, purpose: int
) -> None:
    """Set `state` to the start of the stream of these numbers.

    Parameters
    ----------
    state : uint64 array of shape (1,)
        Written.
    seed, shower, use, telescope, purpose : int
        Any integers; each combination is another stream.

    Examples
    --------
    >>> import numpy as np
    >>> state = np.empty(1, np.uint64)
    >>> start_stream(state, 1, 0, 0, 0, PRIMARY); first = next_uniform(state)
    >>> start_stream(state, 1, 0, 0, 0, PRIMARY); first == next_uniform(state)
    True
    """
    z = _mix(np.uint64(seed) + _STEP)
    z = _mix((z ^ np.uint64(shower)) + _STEP)
    z = _mix((z ^ np.uint64(use)) + _STEP)
    z = _mix((z ^ np.uint64(telescope)) + _STEP)
    state[0] = _mix((z ^ np.uint64(purpose)) + _STEP)


@kernel
def start_member(state: np.ndarray, stream: np.uint64, member: int) -> None:
    """Set `state` to the start of the stream of one member, as a pixel, of what a stream is for.

    Parameters
    ----------
    state : uint64 array of shape (1,)
        Written.
    stream : uint64
        Start of the stream of the whole, as `start_stream` leaves it.
    member : int
    """
    state[0] = _mix((stream ^ np.uint64(member)) + _STEP)


@kernel
def next_bits(state: np.ndarray) -> np.uint64:
    """64 random bits."""
    state[0] = state[0] + _STEP
    return _mix(state[0])


@kernel
def next_uniform(state: np.ndarray) -> float:
    """Uniform in the open interval (0, 1): its logarithm is always finite."""
    return (np.float64(next_bits(state) >> _BY_11) + 0.5) * _TO_UNIT


@kernel
def next_exponential(state: np.ndarray) -> float:
    """Exponential with mean 1."""
    return -math.log(next_uniform(state))


@kernel
def next_normal(state: np.ndarray) -> float:
    """Normal with mean 0 and standard deviation 1."""
    radius = math.sqrt(-2.0 * math.log(next_uniform(state)))
    return radius * math.cos(2.0 * math.pi * next_uniform(state))


@kernel
def next_erlang(state: np.ndarray, order: int) -> float:
    """Mean of `order` exponentials of mean 1: relative width 1 / sqrt(order)."""
    product = 1.0
    for _ in range(order):
        product *= next_uniform(state)
    return -math.log(product) / order


@kernel
def next_poisson(state: np.ndarray, mean: float) -> int:
    """Poisson number; 0 for a mean that is not positive."""
    if not mean > 0.0:
        return 0
    if mean < _LARGE_MEAN:
        limit, product, count = math.exp(-mean), next_uniform(state), 0
        while product > limit:
            product *= next_uniform(state)
            count += 1
        return count
    root = math.sqrt(mean)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    v_r = 0.9277 - 3.6224 / (b - 2.0)
    log_mean = math.log(mean)
    while True:
        u = next_uniform(state) - 0.5
        v = next_uniform(state)
        us = 0.5 - abs(u)
        k = math.floor((2.0 * a / us + b) * u + mean + 0.43)
        if us >= 0.07 and v <= v_r:
            return int(k)
        if k < 0 or (us < 0.013 and v > us):
            continue
        left = math.log(v) + math.log(inverse_alpha) - math.log(a / (us * us) + b)
        if left <= k * log_mean - mean - math.lgamma(k + 1.0):
            return int(k)
