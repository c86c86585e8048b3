"""How good predictions of two chains are on the same events, by true energy.

Plain numpy formulas, independent of the package:

* energy resolution: half the width of the central 68.27 % of E/E_true - 1; bias: its median;
* angular resolution: 68 % quantile of the angle to the true direction;
* AUC: area under the ROC curve, gammas of a bin against protons of three times the energy, which
  give about as much light.

Ratios carry the standard deviation of paired bootstrap samples: both chains see the same events, so
that most of the statistical error is common to both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

Values = NDArray[np.float64]

#: Energy of protons that give about as much light as a gamma of unit energy.
PROTON_SCALE = 3.0
BOOTSTRAP = 200
#: Quantities -> whether a smaller value is better.
QUANTITIES = {
    "energy resolution": True,
    "disp resolution": True,
    "geometry resolution": True,
    "AUC": False,
}
KEYS = ["obs_id", "event_id"]


def separation(alt_1: Values, az_1: Values, alt_2: Values, az_2: Values) -> Values:
    """Angle between directions, deg (haversine formula: exact for small angles)."""
    a, b, c, d = (np.radians(x) for x in (alt_1, az_1, alt_2, az_2))
    half = np.sin((c - a) / 2) ** 2 + np.cos(a) * np.cos(c) * np.sin((d - b) / 2) ** 2
    angle: Values = np.degrees(2 * np.arcsin(np.sqrt(np.clip(half, 0, 1))))
    return angle


def quantities(frame: pl.DataFrame, label: str) -> pl.DataFrame:
    """Keys, true energy and the quantities of one chain, NaN where it has none."""
    columns = {name: _column(frame, name) for name in frame.columns if name not in KEYS}
    true = columns["true_alt"], columns["true_az"]
    return frame.select(*KEYS, "true_energy").with_columns(
        pl.Series(f"{label} energy", columns["energy"] / columns["true_energy"] - 1),
        pl.Series(f"{label} disp", separation(columns["disp_alt"], columns["disp_az"], *true)),
        pl.Series(
            f"{label} geometry", separation(columns["hillas_alt"], columns["hillas_az"], *true)
        ),
        pl.Series(f"{label} score", columns["score"]),
    )


def compare(
    gammas: pl.DataFrame, protons: pl.DataFrame, labels: Sequence[str], edges: Values
) -> list[dict[str, Any]]:
    """Rows of the comparison: one per bin, and one of all energies.

    Parameters
    ----------
    gammas, protons : DataFrame
        Columns of `quantities` for both labels.
    labels : (ours, theirs)
    edges : (n + 1,) TeV

    Returns
    -------
    list of dict
        energy_min, energy_max, and by quantity: n (events valid in both chains), by label the
        value; ratio (ours to theirs) and its error; by label the number and value of its own
        valid events.
    """
    rows = []
    for low, high in [*pairwise(edges), (edges[0], edges[-1])]:
        inside = _between(gammas, low, high)
        against = _between(protons, PROTON_SCALE * low, PROTON_SCALE * high)
        row: dict[str, Any] = {"energy_min": float(low), "energy_max": float(high)}
        for name in QUANTITIES:
            row[name] = _quantity(name, inside, against, labels)
        row["bias"] = {
            label: _value(_bias, _common(inside, "energy", labels)[i])
            for i, label in enumerate(labels)
        }
        rows.append(row)
    return rows


def verdict(rows: Sequence[dict[str, Any]], quantity: str, least: int = 500) -> dict[str, Any]:
    """Of the bins with enough events: how many, in how many ours is better, the worst ratio."""
    ratios = [row[quantity]["ratio"] for row in rows[:-1] if row[quantity]["n"] >= least]
    if not ratios:
        return {"bins": 0, "better": 0, "worst ratio": None}
    smaller = QUANTITIES[quantity]
    better = sum(ratio < 1 if smaller else ratio > 1 for ratio in ratios)
    return {
        "bins": len(ratios),
        "better": better,
        "worst ratio": max(ratios) if smaller else min(ratios),
    }


def _quantity(
    name: str, inside: pl.DataFrame, against: pl.DataFrame, labels: Sequence[str]
) -> dict[str, Any]:
    rng = np.random.default_rng(1)
    column = "score" if name == "AUC" else name.partition(" ")[0]
    function = _FUNCTIONS[name]
    samples = [_common(inside, column, labels)]
    own = [[_own(inside, column, label)] for label in labels]
    if name == "AUC":
        samples.append(_common(against, column, labels))
        for label, values in zip(labels, own, strict=True):
            values.append(_own(against, column, label))
    ours, theirs = (_value(function, *(sample[i] for sample in samples)) for i in (0, 1))
    ratios = []
    for _ in range(BOOTSTRAP if np.isfinite(ours) else 0):
        chosen = [s[:, rng.integers(0, s.shape[1], s.shape[1])] for s in samples]
        ratios.append(function(*(s[0] for s in chosen)) / function(*(s[1] for s in chosen)))
    result: dict[str, Any] = {
        "n": samples[0].shape[1],
        labels[0]: ours,
        labels[1]: theirs,
        "ratio": ours / theirs,
        "ratio error": float(np.std(ratios)) if ratios else float("nan"),
    }
    if name == "AUC":
        result["n protons"] = samples[1].shape[1]
    for label, values in zip(labels, own, strict=True):
        result[f"n {label}"] = len(values[0])
        result[f"{label} own"] = _value(function, *values)
    return result


def _half_width(relative: Values) -> float:
    low, high = np.quantile(relative, [0.5 - 0.6827 / 2, 0.5 + 0.6827 / 2])
    return float(high - low) / 2


def _bias(relative: Values) -> float:
    return float(np.median(relative))


def _containment(angle: Values) -> float:
    return float(np.quantile(angle, 0.68))


def _auc(gammas: Values, protons: Values) -> float:
    """Share of pairs in which the gamma scores higher; ties count half."""
    ordered = np.sort(protons)
    below = np.searchsorted(ordered, gammas, "left")
    not_above = np.searchsorted(ordered, gammas, "right")
    return float(np.mean(below + not_above) / 2 / len(protons))


_FUNCTIONS: dict[str, Callable[..., float]] = {
    "energy resolution": _half_width,
    "disp resolution": _containment,
    "geometry resolution": _containment,
    "AUC": _auc,
}


def _value(function: Callable[..., float], *samples: Values) -> float:
    """NaN where there are fewer than ten events."""
    return function(*samples) if min(map(len, samples)) >= 10 else float("nan")


def _between(frame: pl.DataFrame, low: float, high: float) -> pl.DataFrame:
    return frame.filter(pl.col("true_energy").is_between(low, high, closed="left"))


def _own(frame: pl.DataFrame, column: str, label: str) -> Values:
    values = _column(frame, f"{label} {column}")
    return values[np.isfinite(values)]


def _common(frame: pl.DataFrame, column: str, labels: Sequence[str]) -> Values:
    """Values (2, n) of the events that are valid in both chains."""
    values = np.array([_column(frame, f"{label} {column}") for label in labels])
    return values[:, np.isfinite(values).all(axis=0)]


def _column(frame: pl.DataFrame, name: str) -> Values:
    """A column with nulls as NaN."""
    return frame[name].cast(pl.Float64).fill_null(float("nan")).to_numpy()
