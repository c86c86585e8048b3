"""How much light of a sliced shower reaches a telescope, and how many photo-electrons it makes.

The density at a telescope is that of the narrow and the wide part of `cascade_light` at the angle
between the cascade and the line of sight, over the square of the distance.
"""

from __future__ import annotations

import math

import numpy as np

from .cascade_light import (
    CHERENKOV_ANGLE,
    INSIDE,
    N_SLICES,
    NARROW,
    OUTSIDE,
    WIDE,
    WIDE_ANGLE,
    X,
    Y,
    Z,
)  # fmt: skip
from .jit import kernel
from .random_streams import COUNT, next_poisson, start_stream

#: Slices closer than this above a telescope are left out, m.
_CLOSEST = 50.0


@kernel
def slice_weights(
    begin: int,
    end: int,
    direction: np.ndarray,
    edges: np.ndarray,
    slices: np.ndarray,
    x: float,
    y: float,
    z: float,
    ahead: np.ndarray,
    edge: float,
    cumulative: np.ndarray,
) -> float:
    """Photons per m2 at a place, summed up slice by slice.

    Parameters
    ----------
    begin, end : int
        Rows of the shower's cascades.
    direction, edges, slices
        From `slice_parts`.
    x, y, z : float
        Place relative to the core, m.
    ahead : float64 array of shape (3,)
        Unit vector of the pointing.
    edge : float
        Cosine of the angle to the pointing beyond which light does not count.
    cumulative : float64 array of shape (at least (end - begin) * N_SLICES,)
        Written: sum of all slices up to and including each.

    Returns
    -------
    float
        The sum of all.
    """
    total = 0.0
    n = 0
    for i in range(begin, end):
        for j in range(N_SLICES):
            a, b, light = edges[i, j], edges[i, j + 1], slices[i, j]
            rx = 0.5 * (a[X] + b[X]) - x
            ry = 0.5 * (a[Y] + b[Y]) - y
            rz = 0.5 * (a[Z] + b[Z]) - z
            seen = rx * ahead[0] + ry * ahead[1] + rz * ahead[2]
            square = rx * rx + ry * ry + rz * rz
            along = rx * direction[i, 0] + ry * direction[i, 1] + rz * direction[i, 2]
            visible = rz > _CLOSEST and along > 0.0 and seen > edge * math.sqrt(square)
            if visible and light[WIDE] > 0.0:
                angle = math.sqrt(max(square - along * along, 0.0) / square)
                off = angle / light[CHERENKOV_ANGLE] - 1.0
                off = -off / OUTSIDE if off > 0.0 else off / INSIDE
                density = light[NARROW] * math.exp(off)
                density += light[WIDE] * math.exp(-angle / light[WIDE_ANGLE])
                total += density / square
            cumulative[n] = total
            n += 1
    return total


@kernel
def count_photo_electrons(
    seed: int,
    first: int,
    n_use: int,
    offsets: np.ndarray,
    direction: np.ndarray,
    edges: np.ndarray,
    slices: np.ndarray,
    core: np.ndarray,
    position: np.ndarray,
    collecting: np.ndarray,
    ahead: np.ndarray,
    edge: np.ndarray,
    expected: np.ndarray,
    count: np.ndarray,
) -> None:
    """Draw the number of photo-electrons of every telescope in every event.

    Parameters
    ----------
    seed, first, n_use : int
        Seed, number of the first shower and uses of each.
    offsets, direction, edges, slices
        From `draw_parts` and `slice_parts`.
    core : float64 array of shape (n_showers * n_use, 2)
        m.
    position : float64 array of shape (n_telescopes, 3)
        m.
    collecting : float64 array of shape (n_telescopes,)
        Photo-electrons per photon and m2 of density: mirror area times efficiency.
    ahead : float64 array of shape (3,)
        Unit vector of the pointing.
    edge : float64 array of shape (n_telescopes,)
        Cosine of the angle to the pointing beyond which light does not count.
    expected : float64 array of shape (n_events, n_telescopes)
        Written: mean number.
    count : int64 array of shape (n_events, n_telescopes)
        Written: Poisson number.
    """
    state = np.empty(1, np.uint64)
    longest = 0
    for k in range(offsets.shape[0] - 1):
        longest = max(longest, offsets[k + 1] - offsets[k])
    cumulative = np.empty(longest * N_SLICES)
    for event in range(core.shape[0]):
        shower = event // n_use
        for tel in range(position.shape[0]):
            mean = collecting[tel] * slice_weights(
                offsets[shower], offsets[shower + 1], direction, edges, slices,
                position[tel, 0] - core[event, 0], position[tel, 1] - core[event, 1],
                position[tel, 2], ahead, edge[tel], cumulative,
            )  # fmt: skip
            start_stream(state, seed, first + shower, event % n_use, tel, COUNT)
            expected[event, tel] = mean
            count[event, tel] = next_poisson(state, mean)
