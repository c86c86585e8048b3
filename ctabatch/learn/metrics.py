"""How good predictions are: bias and resolution of energies, angular resolution, ROC curves.

All functions take plain arrays and drop rows whose prediction or truth is not finite (events that
were not reconstructed). Bins are [low, high). Rows of empty bins have `n_events` 0 and nulls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from ctabatch.schemas.metrics import ANGULAR_METRICS, ANGULAR_QUANTILES, ENERGY_METRICS

from .energy_bins import EnergyBins, Floats, default_edges, finite_rows
from .roc import auc, auc_by_energy, roc_curve

__all__ = [
    "angular_metrics",
    "angular_separation",
    "auc",
    "auc_by_energy",
    "default_edges",
    "energy_metrics",
    "quantiles",
    "r2_score",
    "roc_curve",
]

#: Cumulative normal distribution at -1 and +1 standard deviation.
_ONE_SIGMA = (0.5 * math.erfc(math.sqrt(0.5)), 1.0 - 0.5 * math.erfc(math.sqrt(0.5)))


def quantiles(values: Floats, fractions: Sequence[float], weight: Floats | None = None) -> Floats:
    """Weighted quantiles, interpolated linearly.

    Parameters
    ----------
    values : (n,) float64
        At least one.
    fractions : sequence of float
    weight : (n,) float64, optional
        Positive.

    Returns
    -------
    (n_fractions,) float64

    Notes
    -----
    Source: R. J. Hyndman, Y. Fan, Am. Stat. 50 (1996) 361, definition 7; with weights, neighbours
    in order are apart by the mean of their weights, which is the same for equal ones.
    """
    if weight is None:
        return np.asarray(np.quantile(values, fractions), np.float64)
    order = np.argsort(values, kind="stable")
    w = weight[order]
    position = np.r_[0.0, np.cumsum(0.5 * (w[1:] + w[:-1]))]
    return np.asarray(
        np.interp(np.multiply(fractions, position[-1]), position, values[order]), np.float64
    )


def angular_separation(alt1: ArrayLike, az1: ArrayLike, alt2: ArrayLike, az2: ArrayLike) -> Floats:
    """Angle between directions; all in deg.

    Notes
    -----
    Source: T. Vincenty, Survey Review 23 (1975) 88, on a sphere; exact for small angles too.
    """
    a, b, d = np.radians(alt1), np.radians(alt2), np.radians(np.subtract(az2, az1))
    across = np.cos(b) * np.sin(d)
    up = np.cos(a) * np.sin(b) - np.sin(a) * np.cos(b) * np.cos(d)
    along = np.sin(a) * np.sin(b) + np.cos(a) * np.cos(b) * np.cos(d)
    return np.asarray(np.degrees(np.arctan2(np.hypot(across, up), along)))


def r2_score(true: ArrayLike, predicted: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Coefficient of determination; NaN without rows or without spread of the truth.

    Notes
    -----
    Source: 1 - sum w (true - predicted)^2 / sum w (true - mean)^2.
    """
    (x, y), w = finite_rows(true, predicted, weight=weight)
    if len(x) == 0:
        return math.nan
    scatter = np.average((x - np.average(x, weights=w)) ** 2, weights=w)
    return float(1 - np.average((x - y) ** 2, weights=w) / scatter) if scatter > 0 else math.nan


def energy_metrics(
    true: ArrayLike,
    reco: ArrayLike,
    weight: ArrayLike | None = None,
    edges: ArrayLike | None = None,
) -> pa.Table:
    """Bias and resolution of energies by true energy.

    Parameters
    ----------
    true, reco : (n,) array, TeV
    weight : (n,) array, optional
        Rows without positive weight are dropped.
    edges : (n_bins + 1,) array, TeV, optional
        `default_edges()`.

    Returns
    -------
    pyarrow.Table
        Of schema `ENERGY_METRICS`.

    Raises
    ------
    InputError
        Arrays of different length, or edges that do not rise.
    """
    (e_true, e_reco), w = finite_rows(true, reco, weight=weight)
    bins = EnergyBins(edges)

    def row(chosen: NDArray[np.int64]) -> dict[str, float | None]:
        weights = None if w is None else w[chosen]
        error = e_reco[chosen] / e_true[chosen] - 1.0
        low, middle, high = quantiles(error, (_ONE_SIGMA[0], 0.5, _ONE_SIGMA[1]), weights)
        positive = chosen[e_reco[chosen] > 0]
        r2 = r2_score(
            np.log(e_true[positive]),
            np.log(e_reco[positive]),
            None if w is None else w[positive],
        )
        return {
            "bias": middle,
            "mean_bias": np.average(error, weights=weights),
            "resolution": 0.5 * (high - low),
            "r2": r2 if math.isfinite(r2) else None,
        }

    return bins.table(ENERGY_METRICS, e_true, row)


def angular_metrics(
    true_energy: ArrayLike,
    theta: ArrayLike,
    edges: ArrayLike | None = None,
    weight: ArrayLike | None = None,
) -> pa.Table:
    """Angular resolution by true energy.

    Parameters
    ----------
    true_energy : (n,) array, TeV
    theta : (n,) array, deg
        Distance of the reconstructed from the true direction.
    edges : (n_bins + 1,) array, TeV, optional
        `default_edges()`.
    weight : (n,) array, optional

    Returns
    -------
    pyarrow.Table
        Of schema `ANGULAR_METRICS`.

    Raises
    ------
    InputError
        Arrays of different length, or edges that do not rise.
    """
    (energy, distance), w = finite_rows(true_energy, theta, weight=weight)
    names = ANGULAR_METRICS.names[3:]

    def row(chosen: NDArray[np.int64]) -> dict[str, float | None]:
        weights = None if w is None else w[chosen]
        values = quantiles(distance[chosen], ANGULAR_QUANTILES, weights)
        return dict(zip(names, values, strict=True))

    return EnergyBins(edges).table(ANGULAR_METRICS, energy, row)
