"""Sine, arcsine and differences of angles as series without branches.

Loops over them have vector instructions, which loops over the functions of the C library have not.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Taylor series of sin(x)/x in x^2; beyond it 1e-18 of the value at pi/2.
_S1, _S2, _S3, _S4, _S5 = -1 / 6, 1 / 120, -1 / 5040, 1 / 362880, -1 / 39916800
_S6, _S7, _S8 = 1 / 6227020800, -1 / 1307674368000, 1 / 355687428096000
_S9, _S10 = -1 / 121645100408832000, 1 / 51090942171709440000
#: arcsin(y)/y in y^2 for y in [0, 0.5]: interpolation at 16 Chebyshev nodes, 2e-16 off.
_A = (
    *(1.0, 0.16666666666666524, 0.07500000000028285, 0.04464285711786137, 0.030381945675926336),
    *(0.022372121198653616, 0.017353543308090025, 0.013953686813692912, 0.011666058053378947),
    *(0.00891444692388177, 0.012940878048539162, -0.010169744491577148, 0.052992820739746094),
    *(-0.074798583984375, 0.0838623046875, -0.0234375),
)
HALF_DEGREE, TO_DEGREES, _TURNS = math.pi / 360, 180 / math.pi, 1 / 360


@kernel
def sine(x: float) -> float:
    """Sine of an angle in [-pi/2, pi/2]."""
    z = x * x
    p = _S6 + z * (_S7 + z * (_S8 + z * (_S9 + z * _S10)))
    return x + x * z * (_S1 + z * (_S2 + z * (_S3 + z * (_S4 + z * (_S5 + z * p)))))


@kernel
def arcsine_over(z: float) -> float:
    """arcsin(y) / y for z = y^2 in [0, 0.25]."""
    p = _A[12] + z * (_A[13] + z * (_A[14] + z * _A[15]))
    p = _A[8] + z * (_A[9] + z * (_A[10] + z * (_A[11] + z * p)))
    p = _A[4] + z * (_A[5] + z * (_A[6] + z * (_A[7] + z * p)))
    return 1.0 + z * (_A[1] + z * (_A[2] + z * (_A[3] + z * p)))


@kernel
def arcsine(x: float) -> float:
    """Arcsine of a number in [0, 1]; above 1 that of 1."""
    x = 1.0 if x > 1.0 else x
    far = x > 0.5
    y = math.sqrt(0.5 * (1.0 - x)) if far else x
    p = y * arcsine_over(y * y)
    return 0.5 * math.pi - 2.0 * p if far else p


@kernel
def cosine(altitude: float) -> float:
    """Cosine of an angle in deg, in [-180, 180]."""
    half = sine(np.float64(altitude) * HALF_DEGREE)
    return 1.0 - 2.0 * half * half


@kernel
def half_turn(az: float, other: float) -> float:
    """Half of a difference of azimuths in deg, in [-90, 90] deg, in rad."""
    turn = np.float64(az) - np.float64(other)
    return (turn - 360.0 * np.floor(turn * _TURNS + 0.5)) * HALF_DEGREE
