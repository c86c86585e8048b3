"""Rows of a table from many files, with their keys, for comparing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from ctabatch.io.location import Location
from ctabatch.io.parquet_bounds import bounded_file

from .deviations import plain
from .key_ranges import Box, Ranges
from .table_kinds import EVENT_KEYS, table_name

#: How often a key came before: tells apart rows of the same key.
AGAIN = "again"


def keys_of(table: str) -> tuple[str, ...]:
    """Columns that rows of two datasets are matched by."""
    if table.startswith("subarray/"):
        return ("subarray_id",)
    return table_name(table).keys


class Rows:
    """Rows in memory.

    Attributes
    ----------
    columns : list of str
    keys : polars.DataFrame
        Keys, how often each came before, and column ``row``.
    """

    def __init__(self, pieces: list[pa.Table], names: Sequence[str], keys: Sequence[str]) -> None:
        self._pieces, self.columns = pieces, list(names)
        frame = pl.DataFrame({key: pl.Series(key, self.column(key)) for key in keys})
        whole = pl.selectors.integer() | pl.selectors.by_dtype(pl.Null)
        frame = frame.with_columns(whole.cast(pl.Int64))
        if not keys:
            frame = pl.DataFrame({"place": np.zeros(len(self), np.int8)})
        names, again = frame.columns, pl.lit(0, pl.Int64)
        if frame.height and frame.is_duplicated().any():
            again = pl.int_range(pl.len()).over(names)
        self.keys = frame.with_columns(again.alias(AGAIN), pl.int_range(pl.len()).alias("row"))

    def __len__(self) -> int:
        return sum(len(piece) for piece in self._pieces)

    def column(self, name: str) -> pa.Array:
        """A column of all rows, as `plain` gives it; null where a file has none of this name."""
        found = [
            plain(chunk)
            for piece in self._pieces
            for chunk in (
                piece[name].chunks if name in piece.column_names else [pa.nulls(len(piece))]
            )
        ]
        types = [array.type for array in found if not pa.types.is_null(array.type)]
        wanted = types[0] if types else pa.null()
        return pa.concat_arrays([array.cast(wanted) for array in found] or [pa.nulls(0)])


def rows_in_box(files: Sequence[Location], box: Box, table: str) -> Rows:
    """Rows of some files whose events lie in a box.

    Raises
    ------
    InputError
        A file is damaged.
    """
    pieces, names = [], dict[str, None]()
    for path in files:
        with bounded_file(path) as file:
            names |= dict.fromkeys(file.schema_arrow.names)
            ranges = Ranges()
            ranges.add(file, 0)
            for k in ranges.groups(box):
                rows = file.read_row_group(k)
                inside = np.ones(len(rows), np.bool_)
                for key, low, high in zip(EVENT_KEYS, box[::2], box[1::2], strict=True):
                    if key in rows.column_names:
                        values = rows[key].to_numpy()
                        inside &= (values >= low) & (values <= high)
                pieces.append(rows if inside.all() else rows.filter(pa.array(inside)))
    keys = [key for key in keys_of(table) if key in names or not files]
    if "event_id" not in keys:  # an observation in several parts: rows of the same key
        pieces = _by_content(pieces)
    return Rows(pieces, list(names), keys)


def whole_rows(files: Sequence[Location], table: str) -> Rows:
    """All rows of a small table.

    Raises
    ------
    InputError
        A file is damaged.
    """
    pieces = []
    for path in files:
        with bounded_file(path) as file:
            pieces.append(file.read())
    names = list(dict.fromkeys(name for piece in pieces for name in piece.column_names))
    keys = [key for key in keys_of(table) if key in names]
    if table == "cut_flow":  # counts of parts add up
        rows = pa.concat_tables(
            [piece.replace_schema_metadata(None) for piece in pieces], promote_options="permissive"
        )
        rows = rows.group_by(keys, use_threads=False).aggregate([("n_images", "sum")])
        pieces = [rows.rename_columns([*keys, "n_images"])]
    return Rows(pieces, names, keys)


def _by_content(pieces: list[pa.Table]) -> list[pa.Table]:
    """Rows in an order that does not depend on the files they come from."""
    if len(pieces) < 2:
        return pieces
    rows = pa.concat_tables(
        [piece.replace_schema_metadata(None) for piece in pieces], promote_options="permissive"
    )
    digests = [hashlib.sha256(repr(row).encode()).digest() for row in rows.to_pylist()]
    return [rows.take(pc.sort_indices(pa.array(digests, pa.binary())))]


__all__ = ["AGAIN", "Rows", "keys_of", "rows_in_box", "whole_rows"]
