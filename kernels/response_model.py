"""Reconstructed events drawn from resolutions, for tables of any length without any image.

A toy chosen by hand so that the curves have the shape of those of real arrays (S. Hassan et al.,
Astropart. Phys. 93, 76 (2017)): trigger probability rising with energy and falling with core
distance, energy resolution ``0.07 + 0.08 / sqrt(E / TeV)`` (at most 0.5), angular resolution per
axis ``0.03 + 0.04 / sqrt(E / TeV)`` deg (at most 0.4), gammaness better separated at high energy.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .random_streams import RESPONSE, next_normal, next_uniform, start_stream

#: Columns of `out`.
ENERGY, ALTITUDE, AZIMUTH, GAMMANESS = range(4)


@kernel
def draw_response(
    seed: int,
    first: int,
    n_use: int,
    showers: np.ndarray,
    core: np.ndarray,
    is_gamma: bool,
    yield_factor: float,
    seen: np.ndarray,
    out: np.ndarray,
) -> None:
    """Draw which events are seen and what is reconstructed.

    Parameters
    ----------
    seed, first, n_use : int
        Seed, number of the first shower, uses of each.
    showers : float64 array of shape (n_showers, 3)
        Energy (TeV), altitude, azimuth (rad).
    core : float64 array of shape (n_showers * n_use, 2)
        m.
    is_gamma : bool
        Whether the shower is electromagnetic.
    yield_factor : float
        Light relative to a gamma of the same energy.
    seen : bool array of shape (n_events,)
        Written.
    out : float64 array of shape (n_events, 4)
        Written: energy (TeV), altitude and azimuth (rad), gammaness (0 to 1).

    Notes
    -----
    Source: module docstring.
    """
    state = np.empty(1, np.uint64)
    for k in range(core.shape[0]):
        shower = k // n_use
        start_stream(state, seed, first + shower, k % n_use, 0, RESPONSE)
        light = showers[shower, 0] * yield_factor
        reach = 180.0 + 90.0 * math.log10(max(light / 0.05, 1.0))
        distance = math.hypot(core[k, 0], core[k, 1])
        near = 1.0 / (1.0 + math.exp((distance - reach) / 40.0))
        bright = 1.0 / (1.0 + (0.04 / light) ** 3)
        seen[k] = next_uniform(state) < near * bright
        resolution = min(0.07 + 0.08 / math.sqrt(light), 0.5)
        out[k, ENERGY] = light * math.exp(resolution * next_normal(state))
        blur = math.radians(min(0.03 + 0.04 / math.sqrt(light), 0.4))
        altitude = showers[shower, 1] + blur * next_normal(state)
        side = blur * next_normal(state)
        # a small step across the great circle of constant azimuth
        z = math.sin(altitude) * math.cos(side)
        ahead = math.cos(altitude) * math.cos(side)
        out[k, ALTITUDE] = math.atan2(z, math.hypot(ahead, math.sin(side)))
        out[k, AZIMUTH] = (showers[shower, 2] + math.atan2(math.sin(side), ahead)) % (2 * math.pi)
        separation = 1.0 + 0.8 * math.log10(max(light / 0.05, 1.0))
        score = (separation if is_gamma else -separation) + next_normal(state)
        out[k, GAMMANESS] = 1.0 / (1.0 + math.exp(-score))
