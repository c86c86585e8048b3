"""Row groups and the events they hold; boxes of events that fit into memory.

All tables of a dataset are compared box by box: a box is a range of observations and events, and is
halved until what lies in it is small enough, whatever the size of the tables and the order of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .table_kinds import EVENT_KEYS


class Box(NamedTuple):
    """Observations `first_obs` to `last_obs`, of each the events `first` to `last`, inclusive."""

    first_obs: int
    last_obs: int
    first: int
    last: int


class Ranges:
    """Ranges of keys of many row groups.

    Attributes
    ----------
    low, high : (n, 2) int64
        Lowest and highest observation and event.
    weight : (n,) float64
        Rows or bytes.
    file : (n,) int64
        Which file, numbered by the caller.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[int, int, int, int, float, int]] = []
        self._arrays: tuple[NDArray[np.int64], NDArray[np.float64]] | None = None

    def add(self, file: pq.ParquetFile, number: int, *, by_bytes: bool = False) -> None:
        """Take over the row groups of a file that has the keys of events."""
        metadata = file.metadata
        places = [file.schema_arrow.get_field_index(key) for key in EVENT_KEYS]
        for k in range(metadata.num_row_groups):
            group = metadata.row_group(k)
            if group.num_rows == 0:
                continue
            limits = [_limits(file, k, at, key) for at, key in zip(places, EVENT_KEYS, strict=True)]
            weight = group.total_byte_size if by_bytes else group.num_rows
            (a, b), (c, d) = limits
            self._rows.append((a, b, c, d, float(weight), number))
        self._arrays = None

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def _columns(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        if self._arrays is None:
            limits = np.array([[*row[:4], row[5]] for row in self._rows], np.int64).reshape(-1, 5)
            self._arrays = limits, np.array([row[4] for row in self._rows])
        return self._arrays

    def files(self, box: Box) -> list[int]:
        """Numbers of the files that may have rows in a box."""
        limits, _ = self._columns
        return [int(k) for k in np.unique(limits[_inside(limits, box), 4])]

    def boxes(self, limit: float) -> Iterator[Box]:
        """Boxes in ascending order that together hold all rows, each of them about `limit`."""
        limits, weight = self._columns
        if len(limits):
            whole = Box(
                *(int(f(limits[:, k])) for k, f in enumerate((np.min, np.max, np.min, np.max)))
            )
            yield from _halved(whole, limits, weight, limit)


def _halved(
    box: Box, limits: NDArray[np.int64], weight: NDArray[np.float64], limit: float
) -> Iterator[Box]:
    keep = _inside(limits, box)
    limits, weight = limits[keep], weight[keep]
    if len(limits) == 0:
        return
    inside = weight * _part(limits[:, 0:2], box[:2]) * _part(limits[:, 2:4], box[2:])
    if inside.sum() <= limit or (box.first_obs == box.last_obs and box.first == box.last):
        yield box
        return
    if box.first_obs < box.last_obs:  # as many rows on both sides, if observations allow
        middles = np.clip((limits[:, 0] + limits[:, 1]) // 2, box.first_obs, box.last_obs - 1)
        cut = _median(middles, inside)
        halves = box._replace(last_obs=cut), box._replace(first_obs=cut + 1)
    else:
        starts = np.clip((limits[:, 2] + limits[:, 3]) // 2, box.first, box.last - 1)
        cut = _median(starts, inside)
        if len(limits) == 1 or cut in (box.first, box.last - 1):
            cut = (box.first + box.last) // 2
        halves = box._replace(last=cut), box._replace(first=cut + 1)
    for half in halves:
        yield from _halved(half, limits, weight, limit)


def _median(values: NDArray[np.int64], weight: NDArray[np.float64]) -> int:
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weight[order])
    return int(values[order][np.searchsorted(total, total[-1] / 2)])


def _inside(limits: NDArray[np.int64], box: Box) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (
        (limits[:, 0] <= box.last_obs)
        & (limits[:, 1] >= box.first_obs)
        & (limits[:, 2] <= box.last)
        & (limits[:, 3] >= box.first)
    )
    return inside


def _part(limits: NDArray[np.int64], of: tuple[int, ...]) -> NDArray[np.float64]:
    """Which part of each range lies in one, as if values were spread evenly."""
    low, high = np.maximum(limits[:, 0], of[0]), np.minimum(limits[:, 1], of[1])
    part: NDArray[np.float64] = (high - low + 1.0) / (limits[:, 1] - limits[:, 0] + 1.0)
    return part


def _limits(file: pq.ParquetFile, group: int, at: int, key: str) -> tuple[int, int]:
    """Lowest and highest value of a key, from the statistics or else from the values."""
    # keys come before every nested column, so a field's place is that of its leaf
    leaf = file.metadata.row_group(group).column(at)
    if leaf.path_in_schema == key and leaf.is_stats_set and leaf.statistics.has_min_max:
        return int(leaf.statistics.min), int(leaf.statistics.max)
    values = file.read_row_group(group, columns=[key])[key].to_numpy()
    return int(values.min()), int(values.max())


__all__ = ["Box", "Ranges"]
