"""Distances between directions on the sky, and places in the field of view, over whole columns.

Sine and arcsine are polynomials without branches, so the loops have vector instructions: a distance
takes less time than the sines of one direction from the C library, and nothing needs to be kept of
directions that do not change from row to row.
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
_HALF_DEGREE = math.pi / 360


@kernel
def _sin(x: float) -> float:
    """Sine of an angle in [-pi/2, pi/2]."""
    z = x * x
    p = _S6 + z * (_S7 + z * (_S8 + z * (_S9 + z * _S10)))
    return x + x * z * (_S1 + z * (_S2 + z * (_S3 + z * (_S4 + z * (_S5 + z * p)))))


@kernel
def _asin(x: float) -> float:
    """Arcsine of a number in [0, 1]; above 1 that of 1."""
    x = 1.0 if x > 1.0 else x
    far = x > 0.5
    y = math.sqrt(0.5 * (1.0 - x)) if far else x
    z = y * y
    p = _A[12] + z * (_A[13] + z * (_A[14] + z * _A[15]))
    p = _A[8] + z * (_A[9] + z * (_A[10] + z * (_A[11] + z * p)))
    p = _A[4] + z * (_A[5] + z * (_A[6] + z * (_A[7] + z * p)))
    p = y * (1.0 + z * (_A[1] + z * (_A[2] + z * (_A[3] + z * p))))
    return 0.5 * math.pi - 2.0 * p if far else p


@kernel
def _cos(altitude: float) -> float:
    """Cosine of an angle in deg, in [-180, 180]."""
    half = _sin(altitude * _HALF_DEGREE)
    return 1.0 - 2.0 * half * half


@kernel
def _half_turn(az: float, other: float) -> float:
    """Half of a difference of azimuths in deg, in [-90, 90] deg, in rad."""
    turn = az - other
    return (turn - 360.0 * np.floor(turn / 360.0 + 0.5)) * _HALF_DEGREE


@kernel
def separations(
    alt: np.ndarray, az: np.ndarray, other_alt: np.ndarray, other_az: np.ndarray, out: np.ndarray
) -> None:
    """Distance of each direction from another one.

    Parameters
    ----------
    alt, az : float64 (n,), deg
    other_alt, other_az : float64 (n,), deg
        Altitudes in [-90, 90], azimuths of any turn.
    out : float64 (n,), deg
        Written: the distance, NaN where an input is NaN or infinite.

    Notes
    -----
    Source: haversine formula, accurate to 1e-15 of the distance and to what a number in deg holds
    (1e-13 deg) up to 90 deg, to 1e-6 deg near opposite directions.

    Examples
    --------
    >>> import numpy as np
    >>> out, alt, az = np.empty(1), np.array([70.0]), np.array([359.0])
    >>> separations(alt, az, np.array([70.5]), np.array([-1.0]), out)
    >>> out.round(12).tolist()
    [0.5]
    """
    for i in range(out.shape[0]):
        up = _sin((alt[i] - other_alt[i]) * _HALF_DEGREE)
        side = _sin(_half_turn(az[i], other_az[i]))
        h = up * up + _cos(alt[i]) * _cos(other_alt[i]) * side * side
        out[i] = _asin(math.sqrt(h)) / _HALF_DEGREE


@kernel
def field_positions(
    alt: np.ndarray,
    az: np.ndarray,
    pointing_alt: np.ndarray,
    pointing_az: np.ndarray,
    lon: np.ndarray,
    lat: np.ndarray,
) -> None:
    """Place of each direction in the field of view, with latitude to the zenith.

    Parameters
    ----------
    alt, az : float64 (n,), deg
    pointing_alt, pointing_az : float64 (n,), deg
        Altitudes in [-90, 90], azimuths of any turn.
    lon, lat : float64 (n,), deg
        Written: longitude in [-180, 180], positive to the west (towards smaller azimuth) and
        latitude; NaN where an input is NaN or infinite.

    Notes
    -----
    Source: rotation of the unit vector into the frame of the pointing, with differences of angles
    in place of those of sines, so that small values keep their digits. This is the field-of-view
    frame AltAz of the open gamma-ray data formats; the longitude of astropy's sky offset frame is
    its negative.

    Examples
    --------
    >>> import numpy as np
    >>> lon, lat = np.empty(1), np.empty(1)
    >>> p = np.array([0.0]), np.array([10.0])
    >>> field_positions(np.array([0.0]), np.array([12.0]), *p, lon, lat)
    >>> (lon.round(12).tolist(), abs(lat).tolist())
    ([-2.0], [0.0])
    """
    for i in range(lon.shape[0]):
        half_az = _half_turn(az[i], pointing_az[i])
        s = _sin(half_az)
        c = _sin(0.5 * math.pi - abs(half_az))
        half_alt = (alt[i] - pointing_alt[i]) * _HALF_DEGREE
        sd = _sin(half_alt)
        cd = _sin(0.5 * math.pi - abs(half_alt))
        level = _cos(alt[i])
        shift = 2.0 * level * s * s
        half = _sin(pointing_alt[i] * _HALF_DEGREE)
        cos_pointing = 1.0 - 2.0 * half * half
        sin_pointing = _sin(2.0 * pointing_alt[i] * _HALF_DEGREE)
        side = 2.0 * level * s * c
        up = 2.0 * sd * cd + shift * sin_pointing
        ahead = 1.0 - 2.0 * sd * sd - shift * cos_pointing
        across = math.sqrt(side * side + ahead * ahead)
        b = _asin(abs(up)) / _HALF_DEGREE * 0.5
        # arcsine of the smaller leg over the hypotenuse keeps all digits in every octant
        steep = abs(side) > abs(ahead)
        small = abs(ahead) if steep else abs(side)
        a = _asin(small / across if across > 0.0 else 0.0 * across) / _HALF_DEGREE * 0.5
        a = 90.0 - a if steep else a
        a = 180.0 - a if ahead < 0.0 else a
        lon[i] = -a if side > 0.0 else a
        lat[i] = -b if up < 0.0 else b
