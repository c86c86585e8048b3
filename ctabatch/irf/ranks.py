"""The search for wanted ranks among the values of many bins: count cells, then keep a few."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.irf.axes import Axis
from ctabatch.kernels.irf_histogram import add_weights
from ctabatch.kernels.quantile_cells import add_moments, collect_cells, count_cells

Floats = NDArray[np.float64]
#: Values of one sample that are kept at a time, 0.25 GiB; if there are more, there are more scans.
MAX_VALUES = 2**25
_MANTISSA = 52  # bits of a float64


@dataclass(frozen=True, eq=False)
class Sample:
    """A column whose quantiles are wanted, and the bins in which they are.

    Attributes
    ----------
    name : str
        Of the result.
    column : str
        ``migra`` or a column of the events.
    axes : tuple of (str, Axis)
        Columns and their bins, the slowest first.
    probabilities : tuple of float
        Of the quantiles.
    cuts : tuple of str
        Boolean columns that all must be true.
    lowest, highest : float
        Powers of 2 between which most values are. Others are found too, but take more memory.
    per_octave : int
        Cells between a number and twice the number: a power of 2.
    origin : float
        Near the mean.
    """

    name: str
    column: str
    axes: tuple[tuple[str, Axis], ...]
    probabilities: tuple[float, ...]
    cuts: tuple[str, ...] = ()
    lowest: float = 2.0**-14
    highest: float = 2.0**7
    per_octave: int = 128
    origin: float = 0.0

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bins of the axes, with those below and above."""
        return tuple(axis.n_bins + 2 for _, axis in self.axes)


@dataclass(frozen=True, eq=False)
class Quantiles:
    """What was found in the bins of one sample and group. NaN where there are too few events.

    Attributes
    ----------
    counts : int64 (n_0, n_1, ...)
        Events that have a value.
    value, error : float64 (n_probabilities, n_0, n_1, ...)
        Quantiles, interpolated between ranks as numpy does, and their standard deviation.
    mean, mean_error : float64 (n_0, n_1, ...)
    """

    counts: NDArray[np.int64]
    value: Floats
    error: Floats
    mean: Floats
    mean_error: Floats


class RankSearch:
    """Quantiles of one sample in all groups; its bins are numbered in rows, group by group.

    Parameters
    ----------
    sample : Sample
    """

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.shift = _MANTISSA - round(math.log2(sample.per_octave))
        ends = np.array([sample.lowest, sample.highest]).view(np.int64) >> self.shift
        self.first, n_cells = int(ends[0]), int(ends[1] - ends[0])
        self.rows_per_group = math.prod(sample.sizes)
        self.counts = np.zeros((0, n_cells), np.uint32)
        # sums and squares of the values, then numbers and squared uses of showers
        self.moments = np.zeros((4, 0))
        self.reused = False
        self.turns: list[slice] = []

    def count(
        self,
        values: Floats,
        rows: NDArray[np.int64],
        selected: NDArray[np.bool_],
        shower: NDArray[np.int64] | None,
        n_groups: int,
    ) -> None:
        """Count the values of a batch; `shower` as in the kernel `add_weights`."""
        self._grow(n_groups)
        origin = self.sample.origin
        count_cells(values, rows, selected, self.shift, self.first, self.counts)
        add_moments(values, rows, selected, origin, self.moments[0], self.moments[1])
        if shower is not None:
            self.reused = True
            own = selected & ~np.isnan(values)
            add_weights(rows, own, np.ones(len(rows)), shower, self.moments[2], self.moments[3])

    def _grow(self, n_groups: int) -> None:
        missing = n_groups * self.rows_per_group - len(self.counts)
        if missing > 0:
            self.counts = np.pad(self.counts, ((0, missing), (0, 0)))
            self.moments = np.pad(self.moments, ((0, 0), (0, missing)))

    def plan(self, n_groups: int) -> None:
        """Find the cells that hold the wanted ranks, and which are kept in which scan."""
        self._grow(n_groups)
        self.n = self.counts.sum(axis=1, dtype=np.int64)
        self.effective = self.n.astype(np.float64)
        if self.reused:
            filled = self.moments[3] > 0
            self.effective[filled] = self.moments[2, filled] ** 2 / self.moments[3, filled]
        p = np.array(self.sample.probabilities)
        spread = np.sqrt(p * (1 - p) / np.maximum(self.effective, 1.0)[:, None])
        # at the quantile, one standard deviation of its rank below it and above it
        self.p = np.stack([p + 0 * spread, p - spread, p + spread], axis=-1).clip(0.0, 1.0)
        self.spread = spread
        self.h = self.p * np.maximum(self.n - 1, 0)[:, None, None]
        low = np.floor(self.h).astype(np.int64)
        high = np.minimum(low + 1, np.maximum(self.n - 1, 0)[:, None, None])
        self.ranks = np.stack([low, high], axis=-1).reshape(len(self.n), p.size * 6)
        self.found = np.full(self.ranks.shape, np.nan)
        slots = [
            (row, *cell) for row in np.flatnonzero(self.n).tolist() for cell in self._cells(row)
        ]
        self.slots = np.array(slots, np.int64).reshape(-1, 4)  # row, cell, rank of the first, size
        self.turns = _turns(self.slots[:, 3])
        self.counts = np.zeros((0, self.counts.shape[1]), np.uint32)  # free the memory

    def _cells(self, row: int) -> list[tuple[int, int, int]]:
        if not self._inside[row % self.rows_per_group]:
            return []
        until = np.cumsum(self.counts[row], dtype=np.int64)
        cells = np.unique(np.searchsorted(until, self.ranks[row], side="right"))
        size = self.counts[row, cells].astype(np.int64)
        before = until[cells] - size
        return list(zip(cells.tolist(), before.tolist(), size.tolist(), strict=True))

    @property
    def _inside(self) -> NDArray[np.bool_]:
        inside = np.zeros(self.sample.sizes, bool)
        inside[(slice(1, -1),) * len(self.sample.sizes)] = True
        return inside.ravel()

    def start(self, turn: int) -> None:
        """Get ready to keep the values of one scan."""
        self.own = self.slots[self.turns[turn]] if turn < len(self.turns) else self.slots[:0]
        self.slot_of = np.full((len(self.n), self.counts.shape[1]), -1, np.int32)
        self.slot_of[self.own[:, 0], self.own[:, 1]] = np.arange(len(self.own))
        self.begin = np.append(0, np.cumsum(self.own[:, 3]))
        self.filled = np.zeros(len(self.own), np.int64)
        self.kept = np.empty(int(self.begin[-1]))

    def collect(self, values: Floats, rows: NDArray[np.int64], selected: NDArray[np.bool_]) -> None:
        """Keep the wanted values of a batch."""
        if len(self.own):
            if len(rows) and rows.max() >= len(self.slot_of):
                raise InputError(_CHANGED)
            collect_cells(
                values, rows, selected, self.shift, self.first,
                self.slot_of, self.begin, self.filled, self.kept,
            )  # fmt: skip

    def finish(self) -> None:
        """Sort what was kept in this scan and take the values at the wanted ranks."""
        if not np.array_equal(self.filled, self.own[:, 3]):
            raise InputError(_CHANGED)
        for k, (row, _, before, size) in enumerate(self.own.tolist()):
            kept = np.sort(self.kept[self.begin[k] : self.begin[k + 1]])
            ranks = self.ranks[row] - before
            here = (ranks >= 0) & (ranks < size)
            self.found[row, here] = kept[ranks[here]]
        del self.slot_of, self.kept

    def result(self, group: int) -> Quantiles:
        """What was found in the bins of one group."""
        index = slice(group * self.rows_per_group, (group + 1) * self.rows_per_group)
        n, effective, spread = self.n[index], self.effective[index], self.spread[index]
        ends = self.found[index].reshape(*self.p[index].shape, 2)
        at = _between(ends[..., 0], ends[..., 1], self.h[index] - np.floor(self.h[index]))
        several = np.where(n > 1, n, np.nan)
        p = self.p[index]
        # at an end of the range the interval is shorter: scale it to the full one
        known = (n[:, None] > 1) & (p[..., 2] > p[..., 1])
        width = np.where(known, p[..., 2] - p[..., 1], np.nan)
        error = (at[..., 2] - at[..., 1]) / width * spread
        sums, squares = self.moments[0, index], self.moments[1, index]
        mean = sums / np.where(n > 0, n, np.nan)
        variance = np.maximum(squares - sums * mean, 0.0) / (several - 1)
        mean_error = np.sqrt(variance / np.maximum(effective, 1.0))

        def bins(array: Floats) -> Floats:
            whole = array.reshape(*array.shape[:-1], *self.sample.sizes)
            inside: tuple[Any, ...] = (..., *(slice(1, -1),) * len(self.sample.sizes))
            return np.asarray(whole[inside])

        return Quantiles(
            bins(n.astype(np.float64)).astype(np.int64),
            bins(at[..., 0].T), bins(error.T), bins(mean + self.sample.origin), bins(mean_error),
        )  # fmt: skip


_CHANGED = "the events changed between two scans: no quantiles of them"


def _turns(sizes: NDArray[np.int64]) -> list[slice]:
    """Slices of the slots that hold at most `MAX_VALUES` values, or are one slot."""
    turns, begin, total = [], 0, 0
    for k, size in enumerate(sizes.tolist()):
        if k > begin and total + size > MAX_VALUES:
            turns.append(slice(begin, k))
            begin, total = k, 0
        total += size
    return [*turns, slice(begin, len(sizes))] if len(sizes) else []


def _between(low: Floats, high: Floats, part: Floats) -> Floats:
    """Linear interpolation that is exact at both ends, as numpy's quantiles have it."""
    step = high - low
    return np.where(part < 0.5, low + step * part, high - step * (1 - part))
