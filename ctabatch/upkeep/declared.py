"""The declared schema of a table, for a file with the shapes and columns that it has."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from ctabatch.schemas import (
    calibration,
    geometry,
    images,
    parameters,
    reconstruction,
    reduced_waveforms,
    waveforms,
)
from ctabatch.schemas.catalog import catalog
from ctabatch.schemas.column import TABLE, VERSION, unit_of

from .table_kinds import TableName

_METHODS = ("HillasReconstructor", "HillasIntersection")


def declared(name: TableName, found: pa.Schema) -> pa.Schema | None:
    """Schema that a file of a table should have.

    Parameters
    ----------
    name : TableName
    found : pyarrow.Schema
        Of the file: tells pixels, samples and gains, which frame, which predictions.

    Returns
    -------
    pyarrow.Schema or None
        None if no table of this name is declared.
    """
    if name.kind == "dl1/parameters":
        in_camera = "camera_frame_hillas_length" in found.names
        both = in_camera and "hillas_length" in found.names
        return parameters.parameters("both" if both else "camera" if in_camera else "telescope")
    if name.kind in ("dl2/geometry", "dl2/impact"):
        of = geometry.geometry if name.kind == "dl2/geometry" else geometry.impact
        there = [m for m in _METHODS if any(f.startswith(m) for f in found.names)]
        return _joined([of(method) for method in there or _METHODS[:1]])
    if name.kind in ("dl2/subarray", "dl2/telescope"):
        return _predictions(name, found)
    return _with_shapes(name.kind, found)


def _with_shapes(kind: str, found: pa.Schema) -> pa.Schema | None:
    if kind == "dl1/images":
        return images.images(*_shape(found, "image", 1))
    if kind == "calibration":
        return calibration.calibration(*_shape(found, "pedestal", 2))
    if kind == "r1":
        return waveforms.calibrated_waveforms(*_shape(found, "waveform", 2))
    if kind == "r1_gains":
        return waveforms.calibrated_waveforms_of_all_gains(*_shape(found, "waveform", 3))
    if kind == "dl0":
        n_pixels = _shape(found, "selected_gain_channel", 1)[0]
        n_samples = 1
        if "waveform" in found.names and pa.types.is_list(found.field("waveform").type):
            n_samples = getattr(found.field("waveform").type.value_type, "list_size", 1)
        return reduced_waveforms.reduced_waveforms(n_pixels, n_samples)
    return catalog().get(kind)


def _shape(found: pa.Schema, column: str, rank: int) -> tuple[int, ...]:
    dtype = found.field(column).type if column in found.names else None
    shape = tuple(getattr(dtype, "shape", ()))
    return shape if len(shape) == rank else (1,) * rank


def _predictions(name: TableName, found: pa.Schema) -> pa.Schema:
    of_events = name.kind == "dl2/subarray"
    of = reconstruction.event_predictions if of_events else reconstruction.telescope_predictions
    p = name.prefix if of_events else f"{name.prefix}_tel"
    marks = {"energy": f"{p}_energy", "particle_type": f"{p}_prediction", "disp": f"{p}_alt"}
    tasks = [task for task, column in marks.items() if column in found.names]
    schema = of(name.prefix, tasks or reconstruction.TASKS)
    if of_events and not any(field.endswith("_n_tels") for field in found.names):
        plain = [field for field in schema if not field.name.endswith(("_uncert", "_n_tels"))]
        return pa.schema(plain, metadata=schema.metadata)
    return schema


def _joined(parts: list[pa.Schema]) -> pa.Schema:
    fields = list(parts[0])
    for part in parts[1:]:
        fields += [field for field in part if field.name not in parts[0].names]
    return pa.schema(fields, metadata=parts[0].metadata)


def differences(found: pa.Schema, wanted: pa.Schema) -> Iterator[str]:
    """In what a schema differs: table, version, columns, types, nullability and units."""
    facts = found.metadata or {}
    table, version = facts.get(TABLE, b""), facts.get(VERSION, b"")
    if table != wanted.metadata[TABLE]:
        yield f"it says it is table {table.decode()!r}, not {wanted.metadata[TABLE].decode()!r}"
    if version != wanted.metadata[VERSION]:
        yield (
            f"schema version {version.decode() or 'missing'}, this version of ctabatch has "
            f"{wanted.metadata[VERSION].decode()}"
        )
    for name in wanted.names:
        if name not in found.names:
            yield f"column {name} is missing"
    for field in found:
        if field.name not in wanted.names:
            yield f"column {field.name} is not declared"
            continue
        own = wanted.field(field.name)
        if field.type not in (own.type, _stored(own.type)):
            yield f"column {field.name} is {field.type}, declared as {own.type}"
        elif field.nullable != own.nullable:
            yield f"column {field.name} {'may' if field.nullable else 'may not'} be null"
        if unit_of(field) != unit_of(own):
            yield f"column {field.name} is in {unit_of(field)!r}, declared in {unit_of(own)!r}"


def _stored(dtype: pa.DataType) -> pa.DataType:
    """Type that comes back from Parquet, which knows no whole seconds."""
    return pa.timestamp("ms", dtype.tz) if dtype == pa.timestamp("s", "UTC") else dtype


__all__ = ["declared", "differences"]
