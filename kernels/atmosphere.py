"""Depth, height and refractivity of the air: the U.S. Standard Atmosphere in four layers.

Thickness above height h: ``T(h) = a + b exp(-h / c)`` per layer. Source: J. Linsley's fit as given
in D. Heck et al., CORSIKA, FZKA 6019 (1998), appendix D; the linear layer above 100 km is left out.
Refractivity is proportional to density, 2.83e-4 at sea level (same report, section on Cherenkov
light, 400 nm).
"""

from __future__ import annotations

import math

from .jit import kernel

_A = (-186.5562, -94.919, 0.61289, 0.0)
_B = (1222.6562, 1144.9069, 1305.5948, 540.1778)
_C = (9941.8638, 8781.5355, 6361.4304, 7721.7016)
_TOP = (4e3, 10e3, 40e3)
#: Depth at the upper edges of the layers, g/cm2.
_DEPTH = tuple(_A[i] + _B[i] * math.exp(-_TOP[i] / _C[i]) for i in range(3))

#: Refractivity n - 1 at sea level, and per g/cm3 of density.
REFRACTIVITY = 2.83e-4
REFRACTIVITY_PER_DENSITY = REFRACTIVITY / 1.2255e-3
#: Highest place that is used, m, and its depth, g/cm2.
CEILING = 80e3
LEAST_DEPTH = _B[3] * math.exp(-CEILING / _C[3])


@kernel
def depth_at(height: float) -> float:
    """Vertical thickness of air above a height (m), in g/cm2.

    Examples
    --------
    >>> round(depth_at(2150.0)), round(depth_at(10000.0))
    (798, 272)
    """
    layer = 0
    while layer < 3 and height > _TOP[layer]:
        layer += 1
    return _A[layer] + _B[layer] * math.exp(-height / _C[layer])


@kernel
def height_at(depth: float) -> float:
    """Height (m) below which no more than `depth` g/cm2 of air lies above; at most `CEILING`.

    Examples
    --------
    >>> round(height_at(depth_at(7000.0)))
    7000
    """
    if depth <= LEAST_DEPTH:
        return CEILING
    layer = 0
    while layer < 3 and depth < _DEPTH[layer]:
        layer += 1
    return -_C[layer] * math.log((depth - _A[layer]) / _B[layer])


@kernel
def density_at(height: float) -> float:
    """Density of air at a height (m), in g/cm3.

    Examples
    --------
    >>> round(1e3 * density_at(0.0), 2)
    1.23
    """
    layer = 0
    while layer < 3 and height > _TOP[layer]:
        layer += 1
    return _B[layer] / _C[layer] / 100.0 * math.exp(-height / _C[layer])
