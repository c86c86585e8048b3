"""Rings of single muons that pass a mirror.

Source: G. Vacanti et al., Astropart. Phys. 2, 1 (1994): the light per azimuth of the ring is
proportional to the length of the mirror's chord in the direction of the azimuth as seen from where
the muon hits, eqs. 4 to 7; the yield is that of Frank & Tamm. A muon is the last piece of its
track: light from higher up, which distant telescopes see as short arcs, and the shower that made
the muon are left out.
"""

from __future__ import annotations

import math

import numpy as np

from .cascade_light import PHOTONS_PER_CM
from .jit import kernel
from .muon_chord import chord, ring_angle
from .random_streams import COUNT, PHOTONS, next_normal, next_poisson, next_uniform, start_stream

_SPEED = 0.299792458  # m / ns
#: Length of track above the ground that shines, m.
TRACK = 1500.0
#: Steps of the azimuth in the sum over the ring.
_STEPS = 90


@kernel
def count_ring(
    seed: int,
    first: int,
    n_use: int,
    energy: np.ndarray,
    axes: np.ndarray,
    ground: float,
    core: np.ndarray,
    position: np.ndarray,
    radius: np.ndarray,
    efficiency: np.ndarray,
    impact: np.ndarray,
    expected: np.ndarray,
    count: np.ndarray,
) -> None:
    """Draw the number of photo-electrons of every telescope in every muon event.

    Parameters
    ----------
    seed, first, n_use : int
        Seed, number of the first muon and uses of each.
    energy : float64 array of shape (n_showers,)
        TeV.
    axes : float64 array of shape (n_showers, 2)
        Altitude and azimuth, rad.
    ground : float
        Height of the observation level, m.
    core : float64 array of shape (n_events, 2)
        Where the muons hit the ground, m.
    position : float64 array of shape (n_telescopes, 3)
        m.
    radius, efficiency : float64 arrays of shape (n_telescopes,)
        Of the mirror, m; photo-electrons per photon on it.
    impact : float64 array of shape (n_events, n_telescopes, 2)
        Written: from the centre of the mirror to where the muon crosses its plane, m, along rising
        azimuth and rising altitude.
    expected, count : float64 and int64 arrays of shape (n_events, n_telescopes)
        Written.
    """
    state = np.empty(1, np.uint64)
    for event in range(core.shape[0]):
        shower = event // n_use
        ca, sa = math.cos(axes[shower, 0]), math.sin(axes[shower, 0])
        cz, sz = math.cos(axes[shower, 1]), math.sin(axes[shower, 1])
        angle = ring_angle(energy[shower], ground)
        reach = TRACK * math.tan(angle)
        for tel in range(position.shape[0]):
            x = core[event, 0] - position[tel, 0]
            y = core[event, 1] - position[tel, 1]
            z = -position[tel, 2]
            right = -sz * x - cz * y
            up = -sa * cz * x + sa * sz * y + ca * z
            impact[event, tel, 0], impact[event, tel, 1] = right, up
            distance = math.hypot(right, up)
            length = 0.0
            for step in range(_STEPS):
                azimuth = 2.0 * math.pi * (step + 0.5) / _STEPS
                length += chord(distance, radius[tel], azimuth, reach)
            # photons per m of track, sin2; a chord is lit by a track of chord / tan(angle)
            yield_ = 100.0 * PHOTONS_PER_CM * math.sin(angle) * math.cos(angle)
            mean = efficiency[tel] * yield_ * length / _STEPS
            start_stream(state, seed, first + shower, event % n_use, tel, COUNT)
            expected[event, tel] = mean
            count[event, tel] = next_poisson(state, mean)


@kernel
def draw_ring(
    seed: int,
    first: int,
    n_use: int,
    energy: np.ndarray,
    axes: np.ndarray,
    ground: float,
    impact: np.ndarray,
    radius: np.ndarray,
    event: np.ndarray,
    tel: np.ndarray,
    basis: np.ndarray,
    blur: float,
    jitter: float,
    pe_offsets: np.ndarray,
    lon: np.ndarray,
    lat: np.ndarray,
    time: np.ndarray,
) -> None:
    """Draw where in the field of view and when the light of muons arrives.

    Parameters
    ----------
    seed, first, n_use, energy, axes, ground, impact, radius
        As for `count_ring`.
    event, tel, basis, blur, jitter, pe_offsets, lon, lat, time
        As for `draw_photo_electrons`.

    Notes
    -----
    Light on the mirror in direction phi from the muon comes from the sky at the muon's direction
    plus the Cherenkov angle opposite to phi: photons fly outwards.
    """
    state = np.empty(1, np.uint64)
    for k in range(event.shape[0]):
        shower = event[k] // n_use
        start_stream(state, seed, first + shower, event[k] % n_use, tel[k], PHOTONS)
        ca, sa = math.cos(axes[shower, 0]), math.sin(axes[shower, 0])
        cz, sz = math.cos(axes[shower, 1]), math.sin(axes[shower, 1])
        angle = ring_angle(energy[shower], ground)
        right, up = impact[event[k], tel[k], 0], impact[event[k], tel[k], 1]
        distance, centre = math.hypot(right, up), math.atan2(-up, -right)
        mirror = radius[tel[k]]
        longest = min(distance + mirror, 2.0 * mirror)
        reach = TRACK * math.tan(angle)
        for p in range(pe_offsets[k], pe_offsets[k + 1]):
            phi = 2.0 * math.pi * next_uniform(state)
            while next_uniform(state) * longest > chord(distance, mirror, phi, reach):
                phi = 2.0 * math.pi * next_uniform(state)
            v = -math.tan(angle) * math.cos(phi + centre)
            u = -math.tan(angle) * math.sin(phi + centre)
            qx = ca * cz - u * sa * cz - v * sz
            qy = -ca * sz + u * sa * sz - v * cz
            qz = sa + u * ca
            ahead = qx * basis[0, 0] + qy * basis[0, 1] + qz * basis[0, 2]
            side = qx * basis[1, 0] + qy * basis[1, 1] + qz * basis[1, 2]
            rise = qx * basis[2, 0] + qy * basis[2, 1] + qz * basis[2, 2]
            lon[p] = math.atan2(side, ahead) + blur * next_normal(state)
            lat[p] = math.atan2(rise, math.hypot(ahead, side)) + blur * next_normal(state)
            time[p] = 10.0 / _SPEED + jitter * next_normal(state)
