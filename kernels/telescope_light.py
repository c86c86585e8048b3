"""Photo-electrons of a sliced shower at a telescope: where in the field of view, and when."""

from __future__ import annotations

import math

import numpy as np

from .cascade_light import N_SLICES, REFRACTION, SPREAD, TIME, X, Y, Z
from .jit import kernel
from .random_streams import PHOTONS, next_normal, next_uniform, start_stream
from .slice_weights import slice_weights

_SPEED = 0.299792458  # m / ns


@kernel
def draw_photo_electrons(
    seed: int,
    first: int,
    n_use: int,
    offsets: np.ndarray,
    direction: np.ndarray,
    edges: np.ndarray,
    slices: np.ndarray,
    core: np.ndarray,
    position: np.ndarray,
    event: np.ndarray,
    tel: np.ndarray,
    basis: np.ndarray,
    edge: float,
    blur: float,
    jitter: float,
    pe_offsets: np.ndarray,
    lon: np.ndarray,
    lat: np.ndarray,
    time: np.ndarray,
) -> None:
    """Draw where in the field of view and when the photo-electrons of telescope events arrive.

    Parameters
    ----------
    seed, first, n_use, offsets, direction, edges, slices, core, position
        As for `count_photo_electrons`.
    event, tel : int64 arrays of shape (n,)
        Rows of the events and of the telescopes.
    basis : float64 array of shape (3, 3)
        Unit vectors of the pointing: ahead, along rising azimuth, along rising altitude.
    edge : float
        As for `slice_weights`.
    blur, jitter : float
        Spread of the mirror (rad) and of arrival times (ns), standard deviations.
    pe_offsets : int64 array of shape (n + 1,)
        Telescope event k owns ``pe_offsets[k]`` to ``pe_offsets[k + 1]`` of:
    lon, lat : float32 arrays of shape (n_pe,)
        Written: rad, along rising azimuth and rising altitude.
    time : float64 array of shape (n_pe,)
        Written: ns after the shower front reaches the core.

    Notes
    -----
    Offsets across the axis are even in direction, their distance is a sum of two exponentials of
    the lateral scale: density exp(-r / scale) per area.
    """
    state = np.empty(1, np.uint64)
    longest = 0
    for k in range(event.shape[0]):
        shower = event[k] // n_use
        longest = max(longest, offsets[shower + 1] - offsets[shower])
    cumulative = np.empty(longest * N_SLICES)
    for k in range(event.shape[0]):
        shower = event[k] // n_use
        x = position[tel[k], 0] - core[event[k], 0]
        y = position[tel[k], 1] - core[event[k], 1]
        z = position[tel[k], 2]
        begin = offsets[shower]
        total = slice_weights(
            begin, offsets[shower + 1], direction, edges, slices, x, y, z, basis[0], edge,
            cumulative,
        )  # fmt: skip
        start_stream(state, seed, first + shower, event[k] % n_use, tel[k], PHOTONS)
        n_slices = (offsets[shower + 1] - begin) * N_SLICES
        for p in range(pe_offsets[k], pe_offsets[k + 1]):
            at = np.searchsorted(cumulative[:n_slices], total * next_uniform(state))
            at = min(at, n_slices - 1)
            i, j = begin + at // N_SLICES, at % N_SLICES
            a, b, part = edges[i, j], edges[i, j + 1], next_uniform(state)
            r = a[SPREAD] + part * (b[SPREAD] - a[SPREAD])
            r *= -math.log(next_uniform(state) * next_uniform(state))
            phi = 2.0 * math.pi * next_uniform(state)
            dx, dy, dz = direction[i, 0], direction[i, 1], direction[i, 2]
            # two vectors across the cascade; its direction is never along y = 0, z = 0
            across = math.hypot(dy, dz)
            c, s = r * math.cos(phi), r * math.sin(phi)
            qx = a[X] + part * (b[X] - a[X]) - x + c * across
            qy = a[Y] + part * (b[Y] - a[Y]) - y + (-c * dx * dy + s * dz) / across
            qz = a[Z] + part * (b[Z] - a[Z]) - z + (-c * dx * dz - s * dy) / across
            ahead = qx * basis[0, 0] + qy * basis[0, 1] + qz * basis[0, 2]
            right = qx * basis[1, 0] + qy * basis[1, 1] + qz * basis[1, 2]
            up = qx * basis[2, 0] + qy * basis[2, 1] + qz * basis[2, 2]
            distance = math.sqrt(qx * qx + qy * qy + qz * qz)
            lon[p] = math.atan2(right, ahead) + blur * next_normal(state)
            lat[p] = math.asin(up / distance) + blur * next_normal(state)
            refraction = 1.0 + a[REFRACTION] + part * (b[REFRACTION] - a[REFRACTION])
            time[p] = (
                a[TIME] + part * (b[TIME] - a[TIME]) + refraction * distance / _SPEED
                + jitter * next_normal(state)
            )  # fmt: skip
