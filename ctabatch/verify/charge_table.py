"""From sums over pixels to bias and resolution with their errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.kernels.charge_sums import N_NOT_FINITE, N_USED, SUMS
from ctabatch.schemas.verification import CHARGE_RESOLUTION

from .charge_bins import ChargeSums
from .charge_limits import REQUIRED_UP_TO, requirement_square

Array = NDArray[np.float64]


def charge_table(tel_type: str, extractor: str, sums: ChargeSums) -> pa.Table:
    """Rows of the table of charge resolution: one for each bin that has a pixel.

    Parameters
    ----------
    tel_type, extractor : str
        Written into all rows.
    sums : ChargeSums

    Notes
    -----
    The error of a mean is s / sqrt(n), with the standard deviation s of the n values; that of a
    root of a mean follows by propagation. Errors of single pixels have no value. The spread of
    true charges in a bin is taken as given. Pixels count as independent.
    """
    counts, edges = sums.counts, sums.bins.edges()
    filled = counts.any(axis=1)
    n = counts[filled, N_USED].astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = dict(zip(SUMS, (sums.sums[filled] / n[:, None]).T, strict=True))
        columns: dict[str, Any] = _statistics(means, n)
    columns |= {
        "charge_lo": edges[filled, 0],
        "charge_hi": edges[filled, 1],
        "n_pixels": counts[filled, N_USED],
        "n_not_finite": counts[filled, N_NOT_FINITE],
    }
    dark = edges[filled, 0] == 0
    arrays = []
    for field in CHARGE_RESOLUTION:
        if field.name in ("tel_type", "extractor"):
            value = tel_type if field.name == "tel_type" else extractor
            arrays.append(pa.array([value] * len(n), field.type))
            continue
        values = columns[field.name]
        absent = np.zeros(len(n), bool)
        if field.nullable:
            absent = ~np.isfinite(values)
            if field.name in _RELATIVE:
                absent |= dark
        arrays.append(pa.array(values, field.type, mask=absent))
    return pa.Table.from_arrays(arrays, schema=CHARGE_RESOLUTION)


#: Columns that mean nothing without photo-electrons.
_RELATIVE = ("bias", "bias_error", "rms", "rms_error", "resolution", "resolution_error",
             "poisson_limit", "requirement")  # fmt: skip


def _statistics(means: dict[str, Array], n: Array) -> dict[str, Array]:
    """Columns from means over the n pixels of each bin; not finite where there is no value."""
    columns: dict[str, Array] = {}
    for end, (first, second, fourth) in {
        "": ("d/q", "(d/q)^2", "(d/q)^4"),
        "_pe": ("d", "d^2", "d^4"),
    }.items():
        columns[f"bias{end}"] = means[first]
        columns[f"bias{end}_error"] = _error(means[first], means[second], n)
        columns[f"rms{end}"] = np.sqrt(means[second])
        columns[f"rms{end}_error"] = _of_root(_error(means[second], means[fourth], n),
                                              columns[f"rms{end}"])  # fmt: skip
    resolution = np.sqrt(means["(d/q)^2"] + means["1/q"])
    error = _error(means["(d/q)^2"], means["(d/q)^4"], n)
    required = np.sqrt(requirement_square(means["1/q"], means["1/q^2"]))
    return columns | {
        "mean_true_charge": means["q"],
        "resolution": resolution,
        "resolution_error": _of_root(error, resolution),
        "poisson_limit": np.sqrt(means["1/q"]),
        "requirement": np.where(means["q"] <= REQUIRED_UP_TO, required, np.nan),
    }


def _error(mean: Array, mean_square: Array, n: Array) -> Array:
    """Standard deviation of a mean of n values; NaN for one value."""
    # rounding can leave a tiny negative variance where all values are equal
    variance = np.maximum(mean_square - mean**2, 0.0)
    return np.sqrt(variance / np.where(n > 1, n - 1, np.nan))


def _of_root(error: Array, root: Array) -> Array:
    """Error of a root; 0 for a root of 0, whose values are all 0."""
    return np.where(root > 0, error / (2 * root), error)


__all__ = ["charge_table"]
