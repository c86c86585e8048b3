"""Raw waveforms of a dataset as a lazy frame: decoded when, and as far as, they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from ctabatch.errors import InputError
from ctabatch.io.location import Location
from ctabatch.io.stored_waveforms import waveform_batches
from ctabatch.scan import scan_files

_KEYS = ("obs_id", "event_id", "tel_id")
_SHAPE = ("n_gains", "n_pixels", "n_samples")
_PLACE = ("stream_offset", "stream_size")


def raw_waveforms(files: Sequence[Location], tel_type: str) -> pl.LazyFrame:
    """Waveforms of one telescope type.

    Parameters
    ----------
    files : sequence of Path or StorePath
        Files of the table r0 of this type.
    tel_type : str

    Returns
    -------
    LazyFrame
        Keys, ``waveform`` (all gains, pixels and samples in one Array), ``is_read_out`` (null if
        all pixels are) and ``tel_type``.

    Raises
    ------
    InputError
        The waveforms of these files are not of one shape. Damage is reported on collecting.
    """
    index = pl.concat(
        scan_files([path]).with_columns(file=pl.lit(k, pl.Int32)) for k, path in enumerate(files)
    )
    shapes = index.select(*_SHAPE, "is_sum").unique().collect().rows()
    if len(shapes) > 1:
        found = ", ".join(" x ".join(map(str, shape[:3])) for shape in sorted(shapes))
        raise InputError(
            f"raw waveforms of {tel_type} have several shapes (gains x pixels x samples: {found}): "
            "they make no table; Dataset.raw_waveform gives single ones"
        )
    n_gains, n_pixels, n_samples, is_sum = shapes[0] if shapes else (0, 0, 0, False)
    shape = (n_gains, n_pixels, n_samples)
    number = pl.UInt32 if is_sum else pl.UInt16
    schema = {
        "obs_id": pl.Int32(),
        "event_id": pl.Int64(),
        "tel_id": pl.Int16(),
        "waveform": pl.Array(number, n_gains * n_pixels * n_samples),
        "is_read_out": pl.Array(pl.Boolean, n_pixels),
        "tel_type": pl.String(),
    }

    def source(
        columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        rows = index.select(*_KEYS, *_PLACE, "file").with_columns(tel_type=pl.lit(tel_type))
        if predicate is not None and set(predicate.meta.root_names()) <= {*_KEYS, "tel_type"}:
            rows, predicate = rows.filter(predicate), None
        if n_rows is not None and predicate is None:
            rows = rows.head(n_rows)
        needed = set(schema if columns is None else columns)
        if predicate is not None:
            needed |= set(predicate.meta.root_names())
        n_left = n_rows
        for frame in _frames(files, rows.collect(), shape, needed):
            found = frame if predicate is None else frame.filter(predicate)
            found = found if n_left is None else found.head(n_left)
            n_left = None if n_left is None else n_left - len(found)
            yield found.select(list(schema) if columns is None else columns)
            if n_left == 0:
                return

    return register_io_source(source, schema=schema)


def _frames(
    files: Sequence[Location], rows: pl.DataFrame, shape: tuple[int, int, int], needed: set[str]
) -> Iterator[pl.DataFrame]:
    """Rows with what is needed of them, decoded only if that includes something decoded."""
    if not needed & {"waveform", "is_read_out"}:
        yield rows
        return
    name = pl.lit(rows["tel_type"][0] if len(rows) else "")
    for (number,), part in rows.group_by("file", maintain_order=True):
        table = part.select(*_KEYS, *_PLACE).to_arrow()
        for batch in waveform_batches(files[int(number)], table, shape):
            storage = [
                column.storage if isinstance(column, pa.ExtensionArray) else column
                for column in batch.columns
            ]
            frame = pl.DataFrame(pa.table(storage, names=batch.schema.names))
            yield frame.with_columns(tel_type=name)
