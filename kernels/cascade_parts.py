"""A shower as a sum of electromagnetic cascades, each with its own start, direction and energy.

A toy: gammas and electrons are one cascade; a proton is a chain of interactions of a leading
nucleon, each of which sends neutral pions (cascades at once) and charged pions (cascades of less
light that start deeper), deflected by their transverse momentum. That alone makes proton images
broader, more irregular and fainter, as described by A. M. Hillas, Space Sci. Rev. 75, 17 (1996).
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel
from .random_streams import (
    CASCADE,
    next_exponential,
    next_normal,
    next_uniform,
    start_stream,
)

#: Codes of `SimulatedEvents.primary_id`.
GAMMA, ELECTRON, MUON, PROTON = 0, 1, 2, 101

#: Columns of a part: energy (TeV); slant depths (g/cm2) of the start on the shower axis and of the
#: maximum, the latter counted from the start; tilts (rad) against the axis; factor of the light.
ENERGY, START, RISE, TILT_U, TILT_V, LIGHT = range(6)
N_COLUMNS = 6
#: No shower has more parts than this; those of the last interactions are dropped.
MAX_PARTS = 64

#: Radiation length (g/cm2) and critical energy (TeV) of air: K. Greisen, Prog. Cosmic Ray Phys. 3
#: (1956); Particle Data Group, Review of Particle Physics, "Passage of particles through matter".
RADIATION_LENGTH, CRITICAL_ENERGY = 36.7, 81e-6
#: Mean depth of the first interaction of a gamma, 9/7 radiation lengths (same review).
GAMMA_LENGTH = 9.0 / 7.0 * RADIATION_LENGTH
#: Spread of the depth of maximum besides that of the first interaction, g/cm2; chosen by hand.
RISE_SPREAD = 22.0
#: Relative spread of the light at 1 TeV, falling as E**-0.2; chosen by hand so that energy
#: resolutions come out near those of real arrays.
LIGHT_SPREAD = 0.08
#: Interaction lengths of protons and pions in air near 1 TeV, g/cm2 (Review of Particle Physics,
#: "Cosmic rays").
PROTON_LENGTH, PION_LENGTH = 88.0, 115.0
#: Mean transverse momentum of pions, GeV/c (same review).
TRANSVERSE_MOMENTUM = 0.35
#: Least energy of a part, TeV and relative to the primary.
LEAST_ENERGY, LEAST_SHARE = 2e-3, 2e-3
#: Electromagnetic share of the energy of a hadron: 1 - (E / E0)**(m - 1), T. A. Gabriel et al.,
#: Nucl. Instr. Meth. A 338, 336 (1994), eq. 2, with E0 1 GeV and m 0.83.
_SHARE_ENERGY, _SHARE_POWER = 1e-3, -0.17
_INTERACTIONS, _PIONS = 4, 8
#: Charged pions make one cascade per half decade of energy above this (TeV), at most so many.
_SPLIT_ENERGY, _SPLITS = 0.01, 4


@kernel
def _cascade(
    state: np.ndarray,
    energy: float,
    start: float,
    tilt_u: float,
    tilt_v: float,
    light: float,
    part: np.ndarray,
) -> None:
    """Fill in one cascade that a photon of this energy starts at this depth."""
    y = math.log(max(energy, LEAST_ENERGY / 2) / CRITICAL_ENERGY)
    part[ENERGY] = energy
    part[START] = start
    # Greisen's maximum is at y radiation lengths on average over first interactions
    rise = RADIATION_LENGTH * y - GAMMA_LENGTH + RISE_SPREAD * next_normal(state)
    part[RISE] = max(rise, RADIATION_LENGTH)
    part[TILT_U], part[TILT_V], part[LIGHT] = tilt_u, tilt_v, light


@kernel
def _kick(state: np.ndarray, energy: float) -> tuple[float, float]:
    """Tilts (rad) that a random transverse momentum gives a particle."""
    phi = 2.0 * math.pi * next_uniform(state)
    # a sum of two exponentials: density p_t exp(-p_t / p_0)
    kick = next_exponential(state) + next_exponential(state)
    angle = min(0.5 * TRANSVERSE_MOMENTUM * kick / (1e3 * energy), 0.2)
    return angle * math.cos(phi), angle * math.sin(phi)


@kernel
def _add(
    state: np.ndarray,
    energy: float,
    start: float,
    u: float,
    v: float,
    light: float,
    least: float,
    parts: np.ndarray,
    count: int,
) -> int:
    """Add a cascade if it has enough energy and there is room; the new number of cascades."""
    if energy < least or count == parts.shape[0]:
        return count
    _cascade(state, energy, start, u, v, light, parts[count])
    return count + 1


@kernel
def _proton(state: np.ndarray, energy: float, depth: float, light: float, parts: np.ndarray) -> int:
    """Fill in the parts of a hadronic shower that starts at this depth, and count them."""
    leading, count = energy, 0
    least = max(LEAST_ENERGY, LEAST_SHARE * energy)
    for _ in range(_INTERACTIONS):
        lost = leading * (0.2 + 0.6 * next_uniform(state))  # inelasticity, 0.5 on average
        leading -= lost
        for pion in range(_PIONS):
            piece = lost if pion == _PIONS - 1 else lost * (1.0 - math.sqrt(next_uniform(state)))
            lost -= piece
            if piece < least:
                continue
            u, v = _kick(state, piece)
            if next_uniform(state) < 1.0 / 3.0:
                start = depth + GAMMA_LENGTH * next_exponential(state)
                count = _add(state, piece, start, u, v, light, least, parts, count)
                continue
            # a charged pion interacts again; the more energetic, the more particles
            share = light * (1.0 - (piece / _SHARE_ENERGY) ** _SHARE_POWER)
            splits = min(1 + int(2.0 * math.log10(max(piece / _SPLIT_ENERGY, 1.0))), _SPLITS)
            start = depth + PION_LENGTH * next_exponential(state)
            for split in range(splits):
                child = piece
                if split < splits - 1:
                    child *= next_uniform(state)
                piece -= child
                du, dv = _kick(state, max(child, least))
                below = start + GAMMA_LENGTH * next_exponential(state)
                count = _add(state, child, below, u + du, v + dv, share, least, parts, count)
        depth += PROTON_LENGTH * next_exponential(state)
    return count


@kernel
def draw_parts(
    seed: int,
    first: int,
    primary: int,
    energy: np.ndarray,
    offsets: np.ndarray,
    parts: np.ndarray,
    start: np.ndarray,
) -> None:
    """Draw the cascades of consecutive showers.

    Parameters
    ----------
    seed, first : int
        Seed and number of the first shower.
    primary : int
        GAMMA, ELECTRON or PROTON; a MUON has no cascades.
    energy : float64 array of shape (n_showers,)
        TeV.
    offsets : int64 array of shape (n_showers + 1,)
        Written: shower k has the rows ``offsets[k]`` to ``offsets[k + 1]`` of `parts`.
    parts : float64 array of shape (n_showers * MAX_PARTS, N_COLUMNS)
        Written.
    start : float64 array of shape (n_showers,)
        Written: slant depth of the first interaction, g/cm2.

    Notes
    -----
    Source: module docstring and the comments of its constants.
    """
    state = np.empty(1, np.uint64)
    offsets[0] = 0
    for k in range(energy.shape[0]):
        start_stream(state, seed, first + k, 0, 0, CASCADE)
        begin = offsets[k]
        light = math.exp(LIGHT_SPREAD * energy[k] ** -0.2 * next_normal(state))
        start[k] = 0.0
        count = 0
        if primary == PROTON:
            start[k] = PROTON_LENGTH * next_exponential(state)
            count = _proton(state, energy[k], start[k], light, parts[begin : begin + MAX_PARTS])
        elif primary != MUON:
            length = GAMMA_LENGTH if primary == GAMMA else RADIATION_LENGTH
            start[k] = length * next_exponential(state)
            _cascade(state, energy[k], start[k], 0.0, 0.0, light, parts[begin])
            count = 1
        offsets[k + 1] = begin + count
