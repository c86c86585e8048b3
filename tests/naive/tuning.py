"""Smearing and noise pixel by pixel, as loops over Python lists.

Random numbers are drawn by the plain form of the generator, which has tests of its own.
"""

import numpy as np

from ctabatch.kernels import random_streams as rs
from tests.naive.simulation import mix, start_stream

STEP, WORD = 0x9E3779B97F4A7C15, 2**64 - 1


class PixelStream:
    """The random numbers of one pixel of one telescope event for one purpose."""

    def __init__(self, seed, obs_id, event_id, tel_id, purpose, pixel):
        stream = start_stream(seed, event_id % 2**64, obs_id, tel_id, purpose)
        self.state = np.array([mix(((stream ^ pixel) + STEP) & WORD)], np.uint64)

    def poisson(self, mean):
        return rs.next_poisson.py_func(self.state, mean)

    def uniform(self):
        return rs.next_uniform.py_func(self.state)

    def start(self, n_places):
        return int(rs.next_bits(self.state)) % n_places


def smear(charge, neighbors, factor, key):
    """One image; `key` is seed, obs_id, event_id, tel_id."""
    n_directions = max(map(len, neighbors))
    image = [float(c) for c in charge]
    for p, c in enumerate(charge):
        mean = float(c) * factor
        if n_directions == 0 or not 0 < mean < np.inf:
            continue
        stream = PixelStream(*key, rs.PSF, p)
        if mean < 10:
            ways = [int(stream.uniform() * n_directions) for _ in range(stream.poisson(mean))]
        else:
            ways = []
            for way in range(n_directions):
                ways += [way] * stream.poisson(mean / n_directions)
        for way in ways:
            image[p] -= 1
            if way < len(neighbors[p]):
                image[neighbors[p][way]] += 1
    return image


def add_charge_noise(charge, transition, dim, bright, bias, correct_bias, key):
    image = []
    for p, c in enumerate(map(float, charge)):
        is_bright = c > transition
        level = bright if is_bright else dim
        c += PixelStream(*key, rs.CHARGE_NOISE, p).poisson(level)
        c -= level if correct_bias else 0
        image.append(c if is_bright else c + bias)
    return image


def add_sample_noise(samples, gain, sky, white, width, n_starts, key):
    """One telescope event; `sky` has a trace per gain, or is None; so may `white`."""
    out = samples.astype(float)
    for p, line in enumerate(out):
        stream = PixelStream(*key, rs.SAMPLE_NOISE, p)
        for trace in (None if sky is None else sky[gain[p]], white):
            if trace is None:
                continue
            start = stream.start(n_starts)
            for s in range(len(line)):
                line[s] += trace[start + s * width : start + (s + 1) * width].sum(dtype=float)
    return out
