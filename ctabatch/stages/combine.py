"""The combination stage: predictions of the telescopes of an event become one prediction.

Telescope rows stand event by event: the rows of event `i` are `offsets[i]:offsets[i + 1]`. A row
takes part if it is valid, its numbers are finite and its weight is positive and finite; an event
without such a row gets NaN, an event with one keeps that telescope's prediction and is marked by
`is_mono`.

Differences from ctapipe's StereoMeanCombiner, all on purpose: an infinite or undefined weight drops
its row, not all events of the table; the uncertainty of an energy averaged in the logarithm is an
energy, not a factor; the spread of directions is free of the rounding noise of 1 - R, so that of
one telescope is 0, not 0 or NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError
from ctabatch.kernels.direction_mean import direction_mean, horizontal, unit_vectors
from ctabatch.kernels.disp import disp_vectors
from ctabatch.kernels.disp_signs import resolve_signs
from ctabatch.kernels.weighted_mean import weighted_mean

from .weights import WEIGHTINGS, required_parameters, telescope_weights

__all__ = [
    "WEIGHTINGS",
    "Combined",
    "CombinedDirections",
    "DirectionMethod",
    "DispPredictions",
    "combine_directions",
    "combine_energy",
    "combine_scores",
    "mean_directions",
    "required_parameters",
    "telescope_weights",
]

Floats = NDArray[np.float64]
DirectionMethod = Literal["disp-signs", "mean"]


@dataclass(frozen=True, eq=False)
class Combined:
    """One combined quantity per event.

    Attributes
    ----------
    value, uncert : (n_events,) float64
        Mean and weighted population standard deviation in the unit of the predictions; NaN where
        no telescope took part.
    n_tels : (n_events,) int32
        Telescopes that took part.
    """

    value: Floats
    uncert: Floats
    n_tels: NDArray[np.int32]

    @property
    def is_valid(self) -> NDArray[np.bool_]:
        return np.greater(self.n_tels, 0)

    @property
    def is_mono(self) -> NDArray[np.bool_]:
        return np.equal(self.n_tels, 1)


@dataclass(frozen=True, eq=False)
class CombinedDirections:
    """One direction per event.

    Attributes
    ----------
    alt, az, ang_distance_uncert : (n_events,) float64, deg
        Mean direction and spread sqrt(-2 ln R); NaN where no telescope took part.
    n_tels : (n_events,) int32
    sign : (n_rows,) int8
        Side of its image on which each telescope was taken to see the source; 0 where unused.
    sign_changed : (n_rows,) bool
        Whether that is not the side its model held for more probable.
    """

    alt: Floats
    az: Floats
    ang_distance_uncert: Floats
    n_tels: NDArray[np.int32]
    sign: NDArray[np.int8]
    sign_changed: NDArray[np.bool_]

    @property
    def is_valid(self) -> NDArray[np.bool_]:
        return np.greater(self.n_tels, 0)

    @property
    def is_mono(self) -> NDArray[np.bool_]:
        return np.equal(self.n_tels, 1)


@dataclass(frozen=True, eq=False)
class DispPredictions:
    """What the telescopes say of the direction.

    Attributes
    ----------
    disp : (n_rows,) float64, deg
        Signed distance of the source from the centroid along psi.
    sign_score : (n_rows,) float64
        Certainty of its sign, |2 p - 1|: 0 guessed, 1 certain.
    fov_lon, fov_lat, psi : (n_rows,) float64, deg
    pointing_alt, pointing_az : (n_rows,) float64, rad
    """

    disp: Floats
    sign_score: Floats
    fov_lon: Floats
    fov_lat: Floats
    psi: Floats
    pointing_alt: Floats
    pointing_az: Floats

    def vectors(self, disp: Floats) -> Floats:
        """Unit vectors (n_rows, 3) of the directions at a distance from the centroids."""
        out = np.empty((len(disp), 3))
        disp_vectors(
            _float64(disp),
            _float64(self.fov_lon),
            _float64(self.fov_lat),
            _float64(self.psi),
            _float64(self.pointing_alt),
            _float64(self.pointing_az),
            out,
        )
        return out


def combine_energy(
    offsets: NDArray[np.int64],
    energy: Floats,
    valid: NDArray[np.bool_],
    weight: Floats,
    *,
    log_target: bool = True,
) -> Combined:
    """Mean energy of each event, over ln E if `log_target`.

    The uncertainty is in TeV both ways: E times the spread of ln E, if `log_target`.

    Raises
    ------
    InputError
        The arrays do not fit the offsets.
    """
    mean, std, n_tels = _means(offsets, energy, valid, weight, log_target)
    return Combined(mean, mean * std if log_target else std, n_tels)


def combine_scores(
    offsets: NDArray[np.int64], score: Floats, valid: NDArray[np.bool_], weight: Floats
) -> Combined:
    """Mean score (gammaness) of each event.

    Raises
    ------
    InputError
        The arrays do not fit the offsets.
    """
    return Combined(*_means(offsets, score, valid, weight, False))


def mean_directions(
    offsets: NDArray[np.int64],
    alt: Floats,
    az: Floats,
    valid: NDArray[np.bool_],
    weight: Floats,
) -> tuple[Floats, Floats, Floats, NDArray[np.int32]]:
    """Mean of the directions `alt, az` (deg) of the telescopes of each event.

    Returns
    -------
    alt, az, ang_distance_uncert : (n_events,) float64, deg
    n_tels : (n_events,) int32

    Raises
    ------
    InputError
        The arrays do not fit the offsets.
    """
    _check(offsets, alt, az, valid, weight)
    vectors = np.empty((len(alt), 3))
    unit_vectors(_float64(alt), _float64(az), vectors)
    return _mean_vectors(offsets, vectors, valid, weight)


def combine_directions(
    offsets: NDArray[np.int64],
    predictions: DispPredictions,
    valid: NDArray[np.bool_],
    weight: Floats,
    *,
    method: DirectionMethod = "disp-signs",
    scale: float = 0.1,
    floor: float = 0.02,
) -> CombinedDirections:
    """Direction of each event from the disp of its telescopes.

    Parameters
    ----------
    method : str
        "disp-signs" lets the telescopes of an event agree on their head-tail signs
        (`ctabatch.kernels.disp_signs`); "mean" trusts each telescope's own sign.
    scale : float, deg
        "disp-signs": error of the direction of the telescope with the largest weight.
    floor : float
        "disp-signs": probabilities of a sign are kept within [floor, 1 - floor].

    Raises
    ------
    InputError
        The arrays do not fit the offsets.
    OptionError
        An unknown method, a scale that is not positive, a floor outside (0, 0.5].
    """
    if method not in get_args(DirectionMethod):
        raise OptionError.unknown_name("combination of directions", method, ["disp-signs", "mean"])
    if not 0 < scale < np.inf:
        raise OptionError(f"scale must be a positive number of degrees, not {scale}")
    if not 0 < floor <= 0.5:
        raise OptionError(f"floor must be a probability above 0 and at most 0.5, not {floor}")
    _check(offsets, *vars(predictions).values(), valid, weight)
    disp = _float64(predictions.disp)
    own = np.where(np.signbit(disp), np.int8(-1), np.int8(1))
    vectors = predictions.vectors(disp)
    if method == "mean":
        usable = valid & np.isfinite(vectors[:, 0]) & np.isfinite(weight) & (weight > 0)
        sign = np.where(usable, own, np.int8(0))
    else:
        other = predictions.vectors(-disp)
        # seen from the own side: the probability of that one is never below a half
        p_own = 0.5 * (1.0 + _float64(predictions.sign_score))
        agrees = np.empty(len(disp), np.int8)
        resolve_signs(
            _int64(offsets), vectors, other, p_own, valid, _float64(weight), scale, floor, agrees
        )
        sign = own * agrees
        vectors[agrees < 0] = other[agrees < 0]
    directions = _mean_vectors(offsets, vectors, valid & (sign != 0), weight)
    return CombinedDirections(*directions, sign, sign == -own)


def _means(
    offsets: NDArray[np.int64],
    values: Floats,
    valid: NDArray[np.bool_],
    weight: Floats,
    logarithmic: bool,
) -> tuple[Floats, Floats, NDArray[np.int32]]:
    _check(offsets, values, valid, weight)
    n_events = len(offsets) - 1
    mean, std, n_tels = np.empty(n_events), np.empty(n_events), np.empty(n_events, np.int32)
    columns = (_float64(values), valid, _float64(weight))
    weighted_mean(_int64(offsets), *columns, logarithmic, mean, std, n_tels)
    return mean, std, n_tels


def _mean_vectors(
    offsets: NDArray[np.int64], vectors: Floats, valid: NDArray[np.bool_], weight: Floats
) -> tuple[Floats, Floats, Floats, NDArray[np.int32]]:
    n_events = len(offsets) - 1
    mean, spread, n_tels = np.empty((n_events, 3)), np.empty(n_events), np.empty(n_events, np.int32)
    direction_mean(_int64(offsets), vectors, valid, _float64(weight), mean, spread, n_tels)
    alt, az = np.empty(n_events), np.empty(n_events)
    horizontal(mean, alt, az)
    return alt, az, spread, n_tels


def _check(offsets: NDArray[np.int64], *columns: NDArray[Any]) -> None:
    n_rows = len(columns[0])
    if (
        len(offsets) == 0
        or offsets[0] != 0
        or offsets[-1] != n_rows
        or np.any(np.diff(offsets) < 0)
    ):
        raise InputError(f"offsets must rise from 0 to the number of telescope rows, {n_rows}")
    if any(column.shape != (n_rows,) for column in columns):
        shapes = ", ".join(str(column.shape) for column in columns)
        raise InputError(f"columns of telescope rows differ in shape: {shapes}")


def _float64(values: NDArray[Any]) -> Floats:
    return np.ascontiguousarray(values, np.float64)


def _int64(values: NDArray[Any]) -> NDArray[np.int64]:
    return np.ascontiguousarray(values, np.int64)
