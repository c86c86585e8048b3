"""Agreement of two columns within a stated tolerance, and the worst deviation of each column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Tolerance:
    """Values agree if they differ by at most `absolute`, or by `relative` times ctapipe's.

    With a `period` (180 for axes, 360 for angles) the difference is taken modulo it.
    """

    relative: float = 0.0
    absolute: float = 0.0
    period: float | None = None

    def __str__(self) -> str:
        parts = [f"{self.relative:g} rel"] if self.relative else []
        parts += [f"{self.absolute:g} abs"] if self.absolute else []
        return " or ".join(parts) or "exact"


EXACT = Tolerance()


@dataclass
class Worst:
    """The largest deviation of a column so far, and where it is."""

    tolerance: str
    n: int = 0
    n_identical: int = 0
    absolute: float = 0.0
    relative: float = 0.0
    place: str = ""


#: Column -> worst deviation, of all comparisons in this test run.
WORST: dict[str, Worst] = {}


def assert_close(
    name: str, ours: Any, theirs: Any, tolerance: Tolerance, place: str, keys: Sequence[Any] = ()
) -> None:
    """Fail unless two columns agree; NaN agrees with NaN only.

    Parameters
    ----------
    name : str
        Column, for the report.
    ours, theirs : (n, ...) arrays
    tolerance : Tolerance
    place : str
        File, for messages.
    keys : sequence of n, optional
        What identifies a row.
    """
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, f"{place} {name}: shape {ours.shape}, not {theirs.shape}"
    if ours.dtype.kind in "OUS":
        assert ours.astype(str).tolist() == theirs.astype(str).tolist(), f"{place} {name}"
        difference = np.zeros(ours.shape)
        identical = np.ones(ours.shape, bool)
    else:
        missing = np.isnan(ours) & np.isnan(theirs) if ours.dtype.kind == "f" else False
        exact_type = np.int64 if ours.dtype.kind in "iub" and theirs.dtype.kind in "iub" else float
        a, b = ours.astype(exact_type), theirs.astype(exact_type)
        difference = np.abs(a - b).astype(float)
        if tolerance.period is not None:
            difference = np.minimum(difference % tolerance.period, -difference % tolerance.period)
        identical = missing | (ours == theirs)
        difference[identical] = 0
    size = np.abs(
        np.where(identical, 1, theirs.astype(float) if ours.dtype.kind not in "OUS" else 1)
    )
    relative = np.divide(difference, size, out=np.zeros_like(difference), where=size > 0)
    bad = ~(
        identical | (difference <= tolerance.absolute) | (difference <= tolerance.relative * size)
    )
    _record(name, tolerance, difference, relative, identical, place, keys)
    if bad.any():
        rows = np.argwhere(bad)
        first = tuple(rows[0])
        key = keys[first[0]] if len(keys) else first[0]
        raise AssertionError(
            f"{place} {name}: {len(rows)} of {bad.size} values beyond {tolerance}; first in row "
            f"{key}{list(first[1:])}: {ours[first]!r}, ctapipe {theirs[first]!r}"
        )


def _record(
    name: str, tolerance: Tolerance, difference: Any, relative: Any, identical: Any, place: str,
    keys: Sequence[Any],
) -> None:  # fmt: skip
    worst = WORST.setdefault(name, Worst(str(tolerance)))
    worst.n += difference.size
    worst.n_identical += int(identical.sum())
    if not difference.size:
        return
    finite = np.nan_to_num(difference, nan=np.inf)
    top = np.unravel_index(int(finite.argmax()), finite.shape)
    if finite[top] > worst.absolute:
        worst.absolute = float(finite[top])
        worst.place = f"{place} {keys[top[0]] if len(keys) and top else ''}"
    worst.relative = max(worst.relative, float(np.nan_to_num(relative, nan=np.inf).max()))


def plain(table: Any, column: str) -> np.ndarray[Any, Any]:
    """Column of an astropy table as a plain array; times as nanoseconds since 1970 UTC."""
    content = table[column]
    if hasattr(content, "unix_tai"):
        utc = content.utc
        half_days = np.rint(2 * (utc.jd1 - 2440587.5)).astype(np.int64)  # jd1 is whole or half
        return half_days * 43_200_000_000_000 + np.rint(utc.jd2 * 86400e9).astype(np.int64)
    content = np.asarray(content)
    return content.astype(str) if content.dtype.kind == "S" else content
