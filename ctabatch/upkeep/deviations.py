"""How far two columns of the same rows are apart, whatever is in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class Tolerance:
    """Numbers are equal if ``|a - b| <= absolute + relative * max(|a|, |b|)``."""

    absolute: float = 0.0
    relative: float = 0.0


@dataclass
class Deviation:
    """What was found in a column.

    Attributes
    ----------
    values : int
        Values compared; an image has as many as pixels.
    different : int
        Values that are not equal within the tolerance.
    worst_absolute, worst_relative : float
        Largest ``|a - b|`` and ``|a - b| / max(|a|, |b|)`` of finite values.
    where : dict
        Key of the row with the first of the worst, or else of the first difference.
    nan_in_both, nan_in_one, null_in_one, length_differs : int
        NaN in both counts as equal, the others as different. Lists of other lengths are not
        compared by value.
    """

    values: int = 0
    different: int = 0
    worst_absolute: float = 0.0
    worst_relative: float = 0.0
    where: dict[str, Any] = field(default_factory=dict)
    nan_in_both: int = 0
    nan_in_one: int = 0
    null_in_one: int = 0
    length_differs: int = 0


def compare(
    one: pa.Array,
    two: pa.Array,
    tolerance: Tolerance,
    found: Deviation,
    rows: NDArray[np.int64] | None = None,
) -> int | None:
    """Compare two arrays of the same length, value by value, and add to what was found.

    Parameters
    ----------
    one, two : pyarrow.Array
        As `plain` gives them.
    tolerance : Tolerance
    found : Deviation
        Counts are added to.
    rows : (n,) int64, optional
        Row that each value belongs to.

    Returns
    -------
    int or None
        Row of the worst value if it is worse than all before, of the first difference if there was
        none before.
    """
    rows = np.arange(len(one)) if rows is None else rows
    here, there = (np.asarray(array.is_valid()) for array in (one, two))
    first = None
    if (here != there).any():
        found.null_in_one += int(np.count_nonzero(here != there))
        first = _differ(found, rows[here != there])
    both = here & there
    if not both.all():
        one, two, rows = one.filter(pa.array(both)), two.filter(pa.array(both)), rows[both]
    if _is_list(one.type) and _is_list(two.type):
        inner = _lists(one, two, tolerance, found, rows)
    else:
        inner = _leaves(one, two, tolerance, found, rows)
    return first if inner is None else inner


def _lists(
    one: pa.Array, two: pa.Array, tolerance: Tolerance, found: Deviation, rows: NDArray[np.int64]
) -> int | None:
    lengths = [np.asarray(array.value_lengths()) for array in (one, two)]
    same = lengths[0] == lengths[1]
    first = None
    if not same.all():
        found.length_differs += int(np.count_nonzero(~same))
        first = _differ(found, rows[~same])
        one, two, rows = one.filter(pa.array(same)), two.filter(pa.array(same)), rows[same]
    inside = np.repeat(rows, lengths[0][same])
    inner = compare(one.flatten(), two.flatten(), tolerance, found, inside)
    return first if inner is None else inner


def _leaves(
    one: pa.Array, two: pa.Array, tolerance: Tolerance, found: Deviation, rows: NDArray[np.int64]
) -> int | None:
    found.values += len(one)
    if len(one) == 0:
        return None
    if not (_is_number(one.type) and _is_number(two.type)):
        a, b = (array.to_numpy(zero_copy_only=False) for array in (one, two))
        wrong = np.asarray(a != b, np.bool_)
        return _differ(found, rows[wrong]) if wrong.any() else None
    a, b = (array.to_numpy(zero_copy_only=False) for array in (one, two))
    is_whole = pa.types.is_integer(one.type) and pa.types.is_integer(two.type)
    nan = [np.isnan(x) if x.dtype.kind == "f" else np.zeros(len(x), np.bool_) for x in (a, b)]
    found.nan_in_both += int(np.count_nonzero(nan[0] & nan[1]))
    found.nan_in_one += int(np.count_nonzero(nan[0] ^ nan[1]))
    with np.errstate(invalid="ignore", over="ignore"):
        x, y = a.astype(np.float64), b.astype(np.float64)
        apart = np.abs(x - y)
        if is_whole:  # exact, also above 2**53 and for unsigned numbers
            exact = a != b
            apart = np.where(exact, np.maximum(apart, 1.0), 0.0)
        size = np.maximum(np.abs(x), np.abs(y))
        same = (a == b) | (nan[0] & nan[1])
        finite = np.isfinite(apart) & ~same
        fits = same | (finite & (apart <= tolerance.absolute + tolerance.relative * size))
        relative = np.divide(apart, size, out=np.zeros(len(apart)), where=finite & (size > 0))
    wrong = ~fits
    first = _differ(found, rows[wrong]) if wrong.any() else None
    if finite.any():
        at = int(np.argmax(np.where(finite, apart, -1.0)))
        found.worst_relative = max(found.worst_relative, float(relative[finite].max()))
        if apart[at] > found.worst_absolute:
            found.worst_absolute = float(apart[at])
            return int(rows[at])
    return first


def _differ(found: Deviation, rows: NDArray[np.int64]) -> int | None:
    """Count values that differ; gives the row of the first if there was none before."""
    before, found.different = found.different, found.different + len(rows)
    return int(rows[0]) if before == 0 and len(rows) else None


def _is_list(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_list(dtype) or pa.types.is_large_list(dtype))


def _is_number(dtype: pa.DataType) -> bool:
    return bool(pa.types.is_integer(dtype) or pa.types.is_floating(dtype))


def plain(array: pa.Array) -> pa.Array:
    """An array without extension types and with lists of no fixed size."""
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    wanted = _plain_type(array.type)
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("ns")).cast(pa.int64())
    return array if array.type == wanted else array.cast(wanted)


def _plain_type(dtype: pa.DataType) -> pa.DataType:
    if isinstance(dtype, pa.BaseExtensionType):
        return _plain_type(dtype.storage_type)
    if pa.types.is_fixed_size_list(dtype) or pa.types.is_list(dtype):
        return pa.list_(pa.field("item", _plain_type(dtype.value_type)))
    return dtype


__all__ = ["Deviation", "Tolerance", "compare", "plain"]
