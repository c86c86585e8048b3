"""Event frames from tables of other pipelines: columns mapped, units converted, rows streamed."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import polars as pl
from polars.exceptions import PolarsError
from polars.io.plugins import register_io_source

from ctabatch.errors import InputError
from ctabatch.expressions import check_columns, parse
from ctabatch.io.event_tables import EventTable, ParquetTable, open_table
from ctabatch.irf.column_map import ANGLES, NEEDED, UNITS, column_map, resolve
from ctabatch.irf.units import conversion

#: Rows that are looked at before anything is computed.
_FIRST = 1000
#: Altitudes in rad are below pi/2; nobody observes this close to the horizon.
_RADIANS = 1.6


class NoUnitWarning(UserWarning):
    """Columns state no unit."""


@dataclass(frozen=True)
class ForeignEvents:
    """Events of a foreign table.

    Attributes
    ----------
    events : LazyFrame
        An event frame.
    columns : dict
        Quantity -> column or expression that it was made of.
    notes : tuple of str
        What was assumed.
    """

    events: pl.LazyFrame
    columns: dict[str, str]
    notes: tuple[str, ...]


def foreign_events(
    address: str, text: str | None = None, *, needed: Collection[str] = NEEDED
) -> pl.LazyFrame:
    """An event frame from a FITS, HDF5 or Parquet table; see `open_foreign`.

    Warns
    -----
    NoUnitWarning
        Columns state no unit and are taken as TeV and deg.
    """
    found = open_foreign(address, text, needed=needed)
    for note in found.notes:
        warnings.warn(note, NoUnitWarning, stacklevel=2)
    return found.events


def open_foreign(
    address: str, text: str | None = None, *, needed: Collection[str] = NEEDED
) -> ForeignEvents:
    """Events of a FITS, HDF5 or Parquet table as an event frame, read in blocks.

    Parameters
    ----------
    address : str
        As of `ctabatch.io.event_tables.open_table`.
    text : str, optional
        Column map, see `ctabatch.irf.column_map.column_map`. Columns that have the name of a
        quantity (in upper or lower case) need not be in it.
    needed : collection of str
        Quantities that there must be.

    Returns
    -------
    ForeignEvents
        Energies in TeV, angles in deg, azimuths in [0, 360). Without obs_id and event_id events are
        numbered in run 0. All other columns with numbers are kept under their names.

    Raises
    ------
    OptionError
        The map leaves out needed columns or names some that do not exist; all in one message.
    InputError
        The file cannot be used, a unit is of the wrong kind, or directions are not in deg.
    """
    table = open_table(address)
    columns = resolve(column_map(text), table.columns, needed, table.address)
    frame = _scan(table)
    chosen: dict[str, pl.Expr] = {}
    without: list[str] = []
    for name, source in columns.items():
        chosen[name] = _quantity(table, name, source, without)
    own = {c for c in table.columns if c not in chosen}
    numbered = [name for name in ("obs_id", "event_id") if name not in chosen]
    if "event_id" in numbered:
        frame = frame.with_row_index(_ROW)
        chosen["event_id"] = pl.col(_ROW).cast(pl.Int64)
    if "obs_id" in numbered:
        chosen["obs_id"] = pl.lit(0, pl.Int64)
    events = frame.select(
        *(expr.alias(name) for name, expr in chosen.items()), *(pl.col(c) for c in sorted(own))
    )
    _check_first(events, table, columns)
    notes = []
    if without:
        notes.append(
            f"{table.address}: columns without a unit are taken as TeV and deg: "
            f"{', '.join(without)}"
        )
    return ForeignEvents(events, columns, tuple(notes))


_ROW = "row of the table"


def _quantity(table: EventTable, name: str, source: str, without: list[str]) -> pl.Expr:
    """A quantity in its unit; columns that state none are added to `without`."""
    if source not in table.columns:
        expression = parse(source, name)
        check_columns([expression], table.columns)
        expr = expression.expr
    else:
        expr = pl.col(source)
        if name in UNITS:
            where = f"{table.address}, column {source} ({name})"
            factor = conversion(table.units.get(source, ""), UNITS[name], where)
            if factor is None:
                without.append(source)
            elif factor != 1:
                expr = expr.cast(pl.Float64) * factor
    if name in ("obs_id", "event_id"):
        return expr.cast(pl.Int64)
    if name == "is_valid":
        return expr.cast(pl.Boolean)
    if name in ANGLES and name.endswith("_az"):
        # in double precision: close to north a float32 would lose digits by a turn
        az = expr.cast(pl.Float64)
        return pl.when(az < 0).then(az + 360).when(az >= 360).then(az - 360).otherwise(az)
    return expr


def _scan(table: EventTable) -> pl.LazyFrame:
    if isinstance(table, ParquetTable):
        return pl.scan_parquet(str(table.path)).select(table.columns)
    empty = pl.from_arrow(table.schema.empty_table())
    schema = pl.Schema(empty.schema)  # type: ignore[union-attr]

    def rows(
        with_columns: list[str] | None,
        predicate: pl.Expr | None,
        n_rows: int | None,
        _batch_size: int | None,
    ) -> Iterator[pl.DataFrame]:
        names = table.columns if with_columns is None else list(with_columns)
        # a table without columns would lose its number of rows
        left = n_rows
        for batch in table.batches(names or table.columns[:1]):
            block = pl.DataFrame(pl.from_arrow(batch))
            if left is not None:
                block = block.head(left)
                left -= block.height
            if predicate is not None:
                block = block.filter(predicate)
            yield block.select(names) if names else block
            if left is not None and left <= 0:
                return

    return register_io_source(rows, schema=schema, is_pure=True)


def _check_first(events: pl.LazyFrame, table: EventTable, columns: dict[str, str]) -> None:
    """Compute the first rows, so that what cannot be computed is refused now."""
    try:
        first = events.head(_FIRST).collect(engine="streaming")
    except PolarsError as error:
        raise InputError(f"{table.address}: the columns cannot be computed: {error}") from error
    if first.height == 0:
        raise InputError(f"{table.address}: the table is empty")
    for name in UNITS:
        if name in first.columns and not first[name].dtype.is_numeric():
            raise InputError(f"{table.address}: {name}={columns[name]} is no number")
    for name in ("pointing_alt", "reco_alt", "true_alt"):
        if name not in first.columns or columns[name] not in table.columns:
            continue
        highest = first[name].cast(pl.Float64).abs().max()
        stated = table.units.get(columns[name]) is not None
        if not stated and isinstance(highest, float) and 0 < highest < _RADIANS:
            raise InputError(
                f"{table.address}: {name}={columns[name]} has no unit and reaches {highest:.4f}: "
                f"it is in rad, not deg. Write {name}=DEGREES({columns[name]}) in the column map, "
                "and so for the other angles"
            )
