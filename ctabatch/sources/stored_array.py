"""The runs and arrays of a stored part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.subarray import SubarrayDescription, warn_of_fallback
from ctabatch.io.part_tables import PartTables
from ctabatch.io.simtel.run import clip_altitude
from ctabatch.io.stored_subarrays import read_subarray
from ctabatch.io.table_file import TableFile
from ctabatch.schemas.simulation import RUN, SHOWER_DISTRIBUTION

from .protocol import SourceOptions


@dataclass(frozen=True, eq=False)
class StoredRun:
    """A run of a stored part.

    Attributes
    ----------
    obs_id : int
    subarray : SubarrayDescription
    array_pointing : tuple of float
        Azimuth and altitude, rad; NaN where unknown.
    run_rows, distribution_rows : pyarrow.RecordBatch
        Of the tables run and shower_distribution.
    is_whole : bool
        Whether all events of the run were read.
    """

    obs_id: int
    subarray: SubarrayDescription
    array_pointing: tuple[float, float]
    run_rows: pa.RecordBatch
    distribution_rows: pa.RecordBatch
    is_whole: bool = True

    def rows(self) -> pa.RecordBatch:
        """Rows of the table run, with the array as it is used now."""
        at = RUN.get_field_index("subarray_id")
        names = pa.array([self.subarray.digest] * self.run_rows.num_rows)
        return self.run_rows.set_column(at, RUN.field(at), names)

    def shower_distribution(self) -> pa.RecordBatch | None:
        """That of the whole run; None for a piece of it, as of a file that was read in part."""
        known = self.is_whole and self.distribution_rows.num_rows > 0
        return self.distribution_rows if known else None


def stored_runs(part: PartTables, options: SourceOptions) -> list[StoredRun]:
    """Runs of a part in their order.

    Raises
    ------
    InputError
        A table is missing or damaged.
    """
    rows = _all_rows(part, "run", RUN)
    distributions = _all_rows(part, "shower_distribution", SHOWER_DISTRIBUTION)
    arrays: dict[str, SubarrayDescription] = {}
    runs = []
    facts = rows.to_pylist()
    for obs_id in dict.fromkeys(row["obs_id"] for row in facts):
        own = [k for k, row in enumerate(facts) if row["obs_id"] == obs_id]
        last = facts[own[-1]]
        digest = last["subarray_id"]
        if digest not in arrays:
            arrays[digest] = _array(part, digest, options)
        missing = part.record.get("telescopes_without_description", {}).get(str(obs_id), ())
        azimuth, altitude = (
            np.nan if last[f"subarray_pointing_{name}"] is None
            else from_degrees(np.array([last[f"subarray_pointing_{name}"]]), clip=name == "lat")[0]
            for name in ("lon", "lat")
        )  # fmt: skip
        runs.append(
            StoredRun(
                obs_id=obs_id,
                subarray=replace(arrays[digest], incomplete=tuple(missing)),
                array_pointing=(float(azimuth), clip_altitude(float(altitude))),
                run_rows=rows.take(pa.array(own)),
                distribution_rows=_of_run(distributions, obs_id),
            )
        )
    return runs


def _all_rows(part: PartTables, table: str, schema: pa.Schema) -> pa.RecordBatch:
    """A small table, whole."""
    batches = []
    for path in part.tables.get(table, ()):
        n_rows = part.file_rows(path)
        file = TableFile(path, n_rows, schema.names)
        try:
            found = file.take(n_rows)
            with file.reading():
                batches += [batch.cast(schema) for batch in found]
        finally:
            file.close()
    merged = pa.Table.from_batches(batches, schema).combine_chunks().to_batches()
    return merged[0] if merged else pa.RecordBatch.from_pylist([], schema)


def _of_run(rows: pa.RecordBatch, obs_id: int) -> pa.RecordBatch:
    own = [k for k, found in enumerate(rows.column("obs_id").to_pylist()) if found == obs_id]
    return rows.take(pa.array(own, pa.int64()))


def _array(part: PartTables, digest: str, options: SourceOptions) -> SubarrayDescription:
    """An array with the focal length that is asked for; equal cameras share their geometry."""
    stored = read_subarray(part.root, digest)
    known: dict[tuple[Any, ...], CameraGeometry] = {}
    telescopes = {}
    for tel_id, telescope in stored.telescopes.items():
        length, kind = telescope.optics.focal_length(options.focal_length)
        geometry = replace(telescope.geometry, focal_length=length)
        geometry = known.setdefault(_content(geometry), geometry)
        telescopes[tel_id] = replace(telescope, geometry=geometry, focal_length_kind=kind)
    if options.focal_length == "effective":
        warn_of_fallback(telescopes)
    return replace(stored, telescopes=telescopes)


def _content(geometry: CameraGeometry) -> tuple[Any, ...]:
    arrays = (geometry.pixel_x, geometry.pixel_y, geometry.pixel_area)
    return (
        geometry.name, geometry.pixel_shape, geometry.pixel_rotation, geometry.camera_rotation,
        geometry.focal_length, *(values.tobytes() for values in arrays),
    )  # fmt: skip


def from_degrees(values: NDArray[np.float64], *, clip: bool) -> NDArray[np.float64]:
    """Angles (rad) whose degrees are given: those of single precision, if there are such.

    Angles of sim_telarray files are in single precision. They are stored in degrees and double
    precision, so that they can be had again to the last bit.

    Parameters
    ----------
    values : (n,) float64, deg
    clip : bool
        Whether they are altitudes, of which those that exceed the zenith by rounding were clipped.
    """
    angles = np.radians(values)
    single = angles.astype(np.float32).astype(np.float64)
    again = np.array([clip_altitude(v) for v in single.tolist()]) if clip else single
    return np.where(np.degrees(again) == values, single, angles)


def check_telescopes(
    path: Any, subarray: SubarrayDescription, tel_type: str, tel_id: NDArray[np.int64]
) -> None:
    """Refuse rows of telescopes that the array does not have, or of another type."""
    for one in np.unique(tel_id).tolist():
        description = subarray.telescopes.get(one)
        if description is None or description.tel_type != tel_type:
            what = "that the array does not have" if description is None else "of another type"
            raise InputError(f"{path}: rows of telescope {one}, {what}")


__all__ = ["StoredRun", "check_telescopes", "from_degrees", "stored_runs"]
