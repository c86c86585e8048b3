"""Where along a cascade its Cherenkov light is made, how much, and how wide it spreads.

A toy in which all light comes from slices of the cascade's axis. Sources:
number of electrons: K. Greisen, Prog. Cosmic Ray Phys. 3 (1956), ``0.31 / sqrt(y) exp(y)`` at the
maximum; profile: T. K. Gaisser & A. M. Hillas, 15th ICRC 8, 353 (1977), with the length 1.5 X0 that
gives the curvature of Greisen's profile at its maximum; electrons above the Cherenkov threshold:
A. M. Hillas, J. Phys. G 8, 1461 (1982), eq. 1; photons per length: I. M. Frank & I. E. Tamm (1937);
wide part of the angles: F. Nerling et al., Astropart. Phys. 24, 421 (2006), 0.83 E_thr**-0.67 rad;
Rayleigh scattering with 2970 g/cm2 at 400 nm: R. M. Baltrusaitis et al., NIM A 240, 410 (1985).
"""

from __future__ import annotations

import math

import numpy as np

from .atmosphere import REFRACTIVITY_PER_DENSITY, density_at, depth_at, height_at
from .cascade_parts import (
    CRITICAL_ENERGY,
    ENERGY,
    LIGHT,
    RADIATION_LENGTH,
    RISE,
    START,
    TILT_U,
    TILT_V,
)  # fmt: skip
from .jit import kernel

#: Slices of one cascade, of equal depth.
N_SLICES = 32
#: Columns of `edges`: place (m, relative to the core), time of the shower front (ns, relative to
#: its arrival at the core), mean refractivity down to the ground, scale of the lateral spread (m).
X, Y, Z, TIME, REFRACTION, SPREAD = range(6)
#: Columns of `slices`: photons of 300 to 600 nm that get through the air, density on the ground is
#: these times ``NARROW exp(...) + WIDE exp(-angle / WIDE_ANGLE)`` per sr; Cherenkov angle, rad.
NARROW, WIDE, WIDE_ANGLE, CHERENKOV_ANGLE = range(4)

#: Photons of 300 to 600 nm per cm and sin2 of the Cherenkov angle: 2 pi alpha (1/300 - 1/600 nm).
PHOTONS_PER_CM = 2.0 * math.pi / 137.036 * (1.0 / 300e-7 - 1.0 / 600e-7)
_RAYLEIGH = 2970.0
_PROFILE_LENGTH = 1.5 * RADIATION_LENGTH
#: Lateral scale in Moliere units, whose depth is 9.6 g/cm2; chosen to give widths near 0.1 deg.
_LATERAL, _MOLIERE = 0.03, 9.6
#: Share of the light in the narrow part; chosen to give about 100 photons per m2 at 100 m, 1 TeV.
_NARROW_SHARE = 0.22
#: Scales of the narrow part inside and outside of the Cherenkov angle, in its units: give the
#: plateau, the shoulder near 120 m and the fall beyond it. Chosen by hand.
INSIDE, OUTSIDE = 2.5, 0.75
_NARROW_AREA = (
    2.0 * math.pi
    * (INSIDE - INSIDE**2 * (1.0 - math.exp(-1.0 / INSIDE)) + OUTSIDE + OUTSIDE**2)
)  # fmt: skip
_SPEED = 0.299792458  # m / ns


@kernel
def _light(
    part: np.ndarray, after: float, rise: float, height: float
) -> tuple[float, float, float]:
    """Light of a cascade at a depth (g/cm2 after its start) and height (m).

    Returns photons per g/cm2, the Cherenkov angle and the scale of the wide part, rad.
    """
    y = math.log(part[ENERGY] / CRITICAL_ENERGY)
    x = after / rise
    profile = math.exp(rise / _PROFILE_LENGTH * (math.log(x) + 1.0 - x))
    electrons = 0.31 / math.sqrt(y) * math.exp(y) * profile
    refractivity = REFRACTIVITY_PER_DENSITY * density_at(height)
    threshold = 0.511 / math.sqrt(2.0 * refractivity)
    age = 3.0 * x / (x + 2.0)
    e0 = 44.0 - 17.0 * (age - 1.46) ** 2 if age > 0.4 else 26.0
    above = ((0.89 * e0 - 1.2) / (e0 + threshold)) ** age / (1.0 + 1e-4 * age * threshold) ** 2
    photons = PHOTONS_PER_CM * 2.0 * REFRACTIVITY_PER_DENSITY * above * electrons * part[LIGHT]
    return photons, math.sqrt(2.0 * refractivity), 0.83 * threshold**-0.67


@kernel
def slice_parts(
    offsets: np.ndarray,
    parts: np.ndarray,
    axes: np.ndarray,
    ground: float,
    direction: np.ndarray,
    edges: np.ndarray,
    slices: np.ndarray,
) -> None:
    """Cut the cascades of showers into slices.

    Parameters
    ----------
    offsets : int64 array of shape (n_showers + 1,)
    parts : float64 array of shape (n_parts, N_COLUMNS)
        From `draw_parts`.
    axes : float64 array of shape (n_showers, 2)
        Altitude and azimuth the showers come from, rad.
    ground : float
        Height of the observation level, m.
    direction : float64 array of shape (n_parts, 3)
        Written: where each cascade comes from; x north, y west, z up.
    edges : float64 array of shape (n_parts, N_SLICES + 1, 6)
        Written: places between slices.
    slices : float64 array of shape (n_parts, N_SLICES, 4)
        Written: light of each slice; zeros for a cascade that starts below the ground.

    Notes
    -----
    Source: module docstring.
    """
    ground_depth = depth_at(ground)
    for k in range(axes.shape[0]):
        ca, sa = math.cos(axes[k, 0]), math.sin(axes[k, 0])
        cz, sz = math.cos(axes[k, 1]), math.sin(axes[k, 1])
        for i in range(offsets[k], offsets[k + 1]):
            u, v = parts[i, TILT_U], parts[i, TILT_V]
            # the axis, plus u along rising altitude and v along rising azimuth
            dx = ca * cz - u * sa * cz - v * sz
            dy = -ca * sz + u * sa * sz - v * cz
            dz = sa + u * ca
            norm = math.sqrt(dx * dx + dy * dy + dz * dz)
            dx, dy, dz = dx / norm, dy / norm, dz / norm
            direction[i, 0], direction[i, 1], direction[i, 2] = dx, dy, dz
            slices[i] = 0.0
            edges[i] = 0.0
            top_depth = parts[i, START] * sa
            if top_depth >= ground_depth - 1.0 or dz < 0.1:
                continue
            rise = parts[i, RISE]
            top = height_at(top_depth)
            along = (top - ground) / sa
            x0, y0 = along * ca * cz, -along * ca * sz
            width = math.sqrt(rise * _PROFILE_LENGTH)
            length = min((ground_depth - top_depth) / dz, rise + 5.0 * width)
            step = length / N_SLICES
            for j in range(N_SLICES + 1):
                depth = min(top_depth + j * step * dz, ground_depth)
                height = max(height_at(depth), ground)
                fall = (top - height) / dz
                edge = edges[i, j]
                edge[X], edge[Y] = x0 - fall * dx, y0 - fall * dy
                edge[Z] = height - ground
                edge[TIME] = (fall - along) / _SPEED
                edge[REFRACTION] = (
                    REFRACTIVITY_PER_DENSITY * (ground_depth - depth)
                    / (100.0 * max(height - ground, 1.0))
                )  # fmt: skip
                edge[SPREAD] = _LATERAL * _MOLIERE / (100.0 * density_at(height))
                if j == N_SLICES:
                    continue
                middle = top_depth + (j + 0.5) * step * dz
                photons, angle, wide = _light(parts[i], (j + 0.5) * step, rise, height_at(middle))
                photons *= step * math.exp(-(ground_depth - middle) / dz / _RAYLEIGH)
                slices[i, j, NARROW] = photons * _NARROW_SHARE / (_NARROW_AREA * angle**2)
                slices[i, j, WIDE] = photons * (1.0 - _NARROW_SHARE) / (2.0 * math.pi * wide**2)
                slices[i, j, WIDE_ANGLE] = wide
                slices[i, j, CHERENKOV_ANGLE] = angle
