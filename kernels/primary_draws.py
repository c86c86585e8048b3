"""What the simulated particles are: energies, directions and where they hit the ground."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .random_streams import CORE, PRIMARY, next_uniform, start_stream


@kernel
def draw_showers(
    seed: int,
    first: int,
    e_min: float,
    e_max: float,
    index: float,
    altitude: float,
    azimuth: float,
    cone_min: float,
    cone_max: float,
    out: np.ndarray,
) -> None:
    """Draw energy and direction of consecutive showers.

    Parameters
    ----------
    seed, first : int
        Seed and number of the first shower.
    e_min, e_max : float
        TeV. The spectrum is ``E**index`` between them.
    index : float
        Spectral index, negative for falling spectra.
    altitude, azimuth : float
        Centre of the directions, rad.
    cone_min, cone_max : float
        Directions fill the ring between these angles (rad) evenly in solid angle.
    out : float64 array of shape (n_showers, 3)
        Written: energy (TeV), altitude, azimuth (rad, 0 to 2 pi).

    Notes
    -----
    Source: inversion of the distribution functions.
    """
    state = np.empty(1, np.uint64)
    power = index + 1.0
    for k in range(out.shape[0]):
        start_stream(state, seed, first + k, 0, 0, PRIMARY)
        u = next_uniform(state)
        if abs(power) < 1e-9:
            energy = e_min * (e_max / e_min) ** u
        else:
            # relative to e_min, so that steep spectra over wide ranges do not overflow
            energy = e_min * (1.0 + u * ((e_max / e_min) ** power - 1.0)) ** (1.0 / power)
        out[k, 0] = min(max(energy, e_min), e_max)
        cos_off = math.cos(cone_min) + next_uniform(state) * (
            math.cos(cone_max) - math.cos(cone_min)
        )
        sin_off = math.sqrt(max(0.0, 1.0 - cos_off * cos_off))
        phi = 2.0 * math.pi * next_uniform(state)
        up, right = sin_off * math.cos(phi), sin_off * math.sin(phi)
        ahead = cos_off * math.cos(altitude) - up * math.sin(altitude)
        height = cos_off * math.sin(altitude) + up * math.cos(altitude)
        out[k, 1] = math.atan2(height, math.hypot(ahead, right))
        out[k, 2] = (azimuth + math.atan2(right, ahead)) % (2.0 * math.pi)


@kernel
def draw_cores(
    seed: int, first: int, n_use: int, radius: float, centres: np.ndarray, out: np.ndarray
) -> None:
    """Draw the core positions of all uses of consecutive showers.

    Parameters
    ----------
    seed, first, n_use : int
        Seed, number of the first shower and uses of each shower.
    radius : float
        m; cores are even over a horizontal disc.
    centres : float64 array of shape (n_centres, 2)
        x, y (m) of discs; each core is around one of them, drawn at random.
    out : float64 array of shape (n_showers * n_use, 2)
        Written: x, y in m, uses of a shower in succession.
    """
    state = np.empty(1, np.uint64)
    for k in range(out.shape[0]):
        start_stream(state, seed, first + k // n_use, k % n_use, 0, CORE)
        r = radius * math.sqrt(next_uniform(state))
        phi = 2.0 * math.pi * next_uniform(state)
        centre = int(next_uniform(state) * centres.shape[0])
        out[k, 0] = centres[centre, 0] + r * math.cos(phi)
        out[k, 1] = centres[centre, 1] + r * math.sin(phi)
