"""ROC curves of a score that separates signal from background."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
from numpy.typing import ArrayLike, NDArray

from ctabatch.errors import InputError
from ctabatch.schemas.metrics import AUC_BY_ENERGY, ROC_CURVE

from .energy_bins import EnergyBins, Floats, finite_rows


def roc_curve(
    score: ArrayLike,
    label: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    max_points: int | None = None,
) -> pa.Table:
    """Selected fractions of background and signal for every threshold on a score.

    Parameters
    ----------
    score : (n,) array
        High for signal.
    label : (n,) array
        True or 1 for signal, False or 0 for background.
    weight : (n,) array, optional
    max_points : int, optional
        Keep about this many points, evenly spaced along the curve, its ends among them.

    Returns
    -------
    pyarrow.Table
        Of schema `ROC_CURVE`, from (0, 0) at threshold infinity to (1, 1); without rows if a class
        is missing.

    Raises
    ------
    InputError
        Arrays of different length, or labels other than 0 and 1.
    """
    threshold, background, signal = _cumulated(score, label, weight)
    if len(threshold) == 0 or background[-1] == 0 or signal[-1] == 0:
        return ROC_CURVE.empty_table()
    x, y = background / background[-1], signal / signal[-1]
    if max_points is not None and len(x) > max_points:
        way = np.linspace(0.0, 2.0, max(max_points, 2))
        keep = np.unique(np.r_[0, np.searchsorted(x + y, way).clip(max=len(x) - 1), len(x) - 1])
        threshold, x, y = threshold[keep], x[keep], y[keep]
    return pa.table([threshold, x, y], schema=ROC_CURVE)


def auc(score: ArrayLike, label: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve, exact with ties; NaN if a class is missing.

    Parameters are those of `roc_curve`.

    Raises
    ------
    InputError
        Arrays of different length, or labels other than 0 and 1.
    """
    _, background, signal = _cumulated(score, label, weight)
    if len(background) == 0 or background[-1] == 0 or signal[-1] == 0:
        return math.nan
    area = np.sum(np.diff(background) * 0.5 * (signal[1:] + signal[:-1]))
    return float(area / background[-1] / signal[-1])


def auc_by_energy(
    energy: ArrayLike,
    score: ArrayLike,
    label: ArrayLike,
    weight: ArrayLike | None = None,
    edges: ArrayLike | None = None,
) -> pa.Table:
    """Area under the ROC curve of the events of each energy bin.

    Parameters
    ----------
    energy : (n,) array, TeV
        True or reconstructed energy of signal and background.
    score, label, weight
        As in `roc_curve`.
    edges : (n_bins + 1,) array, TeV, optional
        `default_edges()`.

    Returns
    -------
    pyarrow.Table
        Of schema `AUC_BY_ENERGY`.

    Raises
    ------
    InputError
        Arrays of different length, edges that do not rise, or labels other than 0 and 1.
    """
    (e, s, y), w = finite_rows(energy, score, label, weight=weight)
    _check_labels(y)

    def row(chosen: NDArray[np.int64]) -> dict[str, float | None]:
        n_signal = int(np.count_nonzero(y[chosen]))
        area = auc(s[chosen], y[chosen], None if w is None else w[chosen])
        return {
            "n_signal": n_signal,
            "n_background": len(chosen) - n_signal,
            "auc": area if math.isfinite(area) else None,
        }

    empty = {"n_signal": 0, "n_background": 0}
    return EnergyBins(edges).table(AUC_BY_ENERGY, e, row, empty)


def _cumulated(
    score: ArrayLike, label: ArrayLike, weight: ArrayLike | None
) -> tuple[Floats, Floats, Floats]:
    """Distinct scores from high to low and the background and signal at or above each."""
    (s, y), w = finite_rows(score, label, weight=weight)
    _check_labels(y)
    if len(s) == 0:
        return s, s, s
    order = np.argsort(-s, kind="stable")
    s, y = s[order], y[order]
    ones = np.ones(len(s)) if w is None else w[order]
    last = np.r_[np.flatnonzero(np.diff(s)), len(s) - 1]
    signal, background = np.cumsum(ones * y)[last], np.cumsum(ones * (1.0 - y))[last]
    return np.r_[np.inf, s[last]], np.r_[0.0, background], np.r_[0.0, signal]


def _check_labels(label: Floats) -> None:
    wrong = label[(label != 0) & (label != 1)]
    if len(wrong):
        raise InputError(f"labels must be 0 (background) or 1 (signal), found {wrong[0]:g}")
