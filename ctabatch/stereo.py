"""The geometry of showers again, from stored image parameters: no images, no input files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from ctabatch.config import ProcessConfig, StereoConfig
from ctabatch.errors import InputError
from ctabatch.geometry import GEOMETRY, IMPACT, SUBARRAY, GeometryStep
from ctabatch.image_quality import cut_flow_rows
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles
from ctabatch.io.part_tables import PartTables, part_tables
from ctabatch.provenance.activity import moment
from ctabatch.provenance.of_parts import replaced, stereo_activity
from ctabatch.provenance.product import of_tables
from ctabatch.provenance.software import software
from ctabatch.schemas.cut_flow import CUT_FLOW as CUT_FLOW_SCHEMA
from ctabatch.stages.telescope_groups import TelescopeRows, event_places

#: Array events reconstructed at once: some tens of MB.
CHUNK = 1 << 15
#: Table of the images left after each criterion.
CUT_FLOW = "cut_flow"
#: Told (array events done, array events in all).
Progress = Callable[[int, int], None]


def recompute(
    root: str | Path,
    options: StereoConfig,
    progress: Progress | None = None,
    *,
    only: str | None = None,
) -> dict[str, dict[str, Any]]:
    """Reconstruct the showers of all parts of a dataset again.

    Tables dl2/geometry and dl2/impact of a part are replaced together; nothing else is touched.

    Parameters
    ----------
    root : path
    options : StereoConfig
    progress : callable, optional
    only : str, optional
        Name of the part to reconstruct; all by default.

    Returns
    -------
    dict
        Part -> ``array_events``, ``quality_cut_flow`` and ``valid_events``.

    Raises
    ------
    InputError
        There is no dataset, a part has no image parameters or is damaged.
    OptionError
        A quality criterion is not valid.
    OutputError
        The tables cannot be written; those that were there stay.
    """
    step = GeometryStep(options)  # refuses bad options before any work
    parts = [part for part in part_tables(Path(root)) if only in (None, part.name)]
    for part in parts:
        if not part.tel_types and part.n_rows("trigger"):
            raise InputError(
                f"{part.root}: part {part.name} has no image parameters; process its input with "
                "--write parameters,geometry"
            )
        for tel_type in part.tel_types:
            part.require(f"dl1/parameters/tel_type={tel_type}", step.columns)
    total, done, results = sum(part.n_rows("trigger") for part in parts), 0, {}
    for part in parts:

        def tell(n: int, base: int = done) -> None:
            if progress is not None:
                progress(base + n, total)

        results[part.name] = recompute_part(part, options, tell)
        done += part.n_rows("trigger")
    return results


def recompute_part(
    part: PartTables, options: StereoConfig, tell: Callable[[int], None]
) -> dict[str, Any]:
    """Reconstruct the showers of one part again; see `recompute`."""
    begin = moment()
    step = GeometryStep(options)
    events = _Events(part)
    streams = [_Stream(part, tel_type, events, step) for tel_type in part.tel_types]
    files = PartFiles(part.root, part.name)
    try:
        files.require(GEOMETRY, step.geometry_schema)
        for first in range(0, len(events), CHUNK):
            chunk = slice(first, min(first + CHUNK, len(events)))
            tables = [stream.take(chunk) for stream in streams]
            rows = [stream.rows(t, chunk) for stream, t in zip(streams, tables, strict=True)]
            geometry, impact = step.run(
                events.obs_id[chunk],
                events.event_id[chunk],
                events.array_pointing[chunk],
                events.reference_height[chunk],
                rows,
            )
            files.write(GEOMETRY, geometry)
            for stream, table, columns in zip(streams, tables, impact, strict=True):
                if table.num_rows:
                    name = f"{IMPACT}/tel_type={stream.tel_type}"
                    files.write(name, step.impact_rows(table, columns))
            tell(chunk.stop)
        for rows in _cut_flow(part, step):
            files.write(CUT_FLOW, rows)
        changes = {**step.summary(), **_configuration(part.record, options)}
        activity = stereo_activity(part.record, options.model_dump(mode="json"), software(), begin)
        files.about = of_tables(activity, part.name)
        changes["activities"] = replaced(part.record, activity)
        DatasetFolder(part.root).replace_tables(files, (GEOMETRY, IMPACT, CUT_FLOW), changes)
    except BaseException:
        files.discard()
        raise
    return {"array_events": len(events), **step.summary()}


def _cut_flow(part: PartTables, step: GeometryStep) -> Iterator[pa.RecordBatch]:
    """The cut-flow of the part, with that of the stereo query as it is now."""
    if part.n_rows(CUT_FLOW):
        earlier = _whole(part, CUT_FLOW, CUT_FLOW_SCHEMA.names)
        for batch in earlier.to_batches():
            others = [query != "stereo" for query in batch["query"].to_pylist()]
            yield batch.filter(pa.array(others)).select(CUT_FLOW_SCHEMA.names).cast(CUT_FLOW_SCHEMA)
    yield cut_flow_rows("stereo", step.options.quality, step.cut_flow)


def _configuration(record: dict[str, Any], options: StereoConfig) -> dict[str, Any]:
    """Entries of the commit record about the configuration, with these options."""
    config = {**record.get("config", {}), "stereo": options.model_dump(mode="json")}
    try:
        return {"config": config, "config_digest": ProcessConfig.model_validate(config).digest()}
    except ValidationError:  # made by another command: its digest stands for its input
        return {"config": config}


class _Events:
    """Array events of a part in their order, and what is known of their arrays."""

    def __init__(self, part: PartTables) -> None:
        table = _whole(part, "trigger", ["obs_id", "event_id", "event_type"])
        self.obs_id = _numbers(table, "obs_id")
        self.event_id = _numbers(table, "event_id")
        self.is_shower = _numbers(table, "event_type") == SUBARRAY
        pointing = _whole(part, "pointing", ["obs_id", "event_id", "tel_id", *_POINTING])
        place = self.places(pointing)
        key = place << 16 | _numbers(pointing, "tel_id").astype(np.int64)
        order = np.argsort(key, kind="stable")
        self._pointing_key = key[order]
        self._pointing = np.column_stack([_numbers(pointing, name)[order] for name in _POINTING])
        runs, self._telescopes = _arrays(part)
        unknown = set(np.unique(self.obs_id).tolist()) - set(runs)
        if unknown:
            raise InputError(f"{part.root}: part {part.name} has no run {sorted(unknown)[0]}")
        run = {obs_id: np.array(facts[1:]) for obs_id, facts in runs.items()}
        self._subarray = {obs_id: facts[0] for obs_id, facts in runs.items()}
        self.array_pointing = np.empty((len(self), 2))
        self.reference_height = np.empty(len(self))
        for obs_id, facts in run.items():
            own = self.obs_id == obs_id
            self.array_pointing[own], self.reference_height[own] = facts[:2], facts[2]

    def __len__(self) -> int:
        return len(self.event_id)

    def places(self, table: pa.Table) -> NDArray[np.int64]:
        """Place of the event of each row; rows must follow the order of the events."""
        keys = [_numbers(table, name) for name in ("obs_id", "event_id")]
        return event_places(self.obs_id, self.event_id, *keys)

    def pointing(self, event: NDArray[np.int64], tel_id: NDArray[np.int64]) -> NDArray[np.float64]:
        """Altitude and azimuth (rad) of telescopes in events, NaN where not stored."""
        key = event << 16 | tel_id
        at = np.minimum(np.searchsorted(self._pointing_key, key), len(self._pointing_key) - 1)
        out = np.full((len(key), 2), np.nan)
        if len(self._pointing_key):
            found = self._pointing_key[at] == key
            out[found] = self._pointing[at[found]]
        return out

    def telescopes(
        self, event: NDArray[np.int64], tel_id: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Position (m) and camera radius (deg) of telescopes in events: (n, 4)."""
        out = np.empty((len(tel_id), 4))
        for obs_id, subarray in self._subarray.items():
            own = self.obs_id[event] == obs_id
            known = self._telescopes[subarray]
            out[own] = known[tel_id[own]]
        return out


_POINTING = ("telescope_pointing_altitude", "telescope_pointing_azimuth")


class _Stream:
    """Image parameters of one telescope type, chunk of events by chunk of events."""

    def __init__(
        self, part: PartTables, tel_type: str, events: _Events, step: GeometryStep
    ) -> None:
        self.tel_type, self.events, self.step = tel_type, events, step
        table = f"dl1/parameters/tel_type={tel_type}"
        self.place = events.places(_whole(part, table, ["obs_id", "event_id"]))
        if (np.diff(self.place) < 0).any():
            raise InputError(
                f"{part.root}: part {part.name}: rows of {table} do not follow the order of the "
                "array events; process its input again"
            )
        self._groups: Iterator[pa.Table] = part.row_groups(table, step.columns)
        self._ahead: list[pa.Table] = []
        self._n_ahead = self._n_taken = 0

    def take(self, chunk: slice) -> pa.Table:
        """Rows of a chunk of events; chunks must be asked for in order."""
        first, last = np.searchsorted(self.place, [chunk.start, chunk.stop]).tolist()
        n = last - first
        while self._n_ahead < n:
            self._ahead.append(next(self._groups))
            self._n_ahead += self._ahead[-1].num_rows
        if not self._ahead:
            self._ahead.append(next(self._groups, None) or self._nothing())
            self._n_ahead = self._ahead[0].num_rows
        rows = pa.concat_tables(self._ahead)
        self._ahead, self._n_ahead = [rows.slice(n)], rows.num_rows - n
        self._n_taken = last
        return rows.slice(0, n).combine_chunks()

    def _nothing(self) -> pa.Table:
        from ctabatch.schemas.parameters import parameters

        return parameters("both").empty_table().select(self.step.columns)

    def rows(self, table: pa.Table, chunk: slice) -> TelescopeRows:
        """A chunk's rows as the stereo stage wants them."""
        first = self._n_taken - table.num_rows
        place = self.place[first : self._n_taken]
        tel_id = _numbers(table, "tel_id").astype(np.int64)
        telescopes = self.events.telescopes(place, tel_id)
        usable = self.step.usable(table) & self.events.is_shower[place]
        return TelescopeRows(
            event=place - chunk.start,
            tel_id=tel_id,
            position=telescopes[:, :3],
            pointing=self.events.pointing(place, tel_id),
            camera_radius=telescopes[:, 3],
            usable=usable,
            parameters=table,
        )


def _whole(part: PartTables, table: str, columns: list[str]) -> pa.Table:
    """Some columns of a whole table: keys, a few tens of bytes per row."""
    groups = list(part.row_groups(table, columns))
    if groups:
        return pa.concat_tables(groups)
    schema = part.schema(table)
    if schema is None:
        raise InputError(f"{part.root}: part {part.name} has no table {table}")
    return schema.empty_table().select(columns)


def _numbers(table: pa.Table, name: str) -> NDArray[Any]:
    return np.asarray(table.column(name).to_numpy())


def _arrays(
    part: PartTables,
) -> tuple[dict[int, tuple[str, float, float, float]], dict[str, NDArray[np.float64]]]:
    """Runs: array, altitude, azimuth (rad), height (m); arrays: position and radius by tel_id."""
    names = ["obs_id", "subarray_id", "is_last_header", "subarray_pointing_lat",
             "subarray_pointing_lon"]  # fmt: skip
    rows = [row for row in _whole(part, "run", names).to_pylist() if row["is_last_header"]]
    folder = DatasetFolder(part.root)
    telescopes, heights = {}, {}
    for subarray in {row["subarray_id"] for row in rows}:
        own = folder.subarray_rows("telescopes", subarray)
        cameras = {row["camera_index"]: row for row in folder.subarray_rows("cameras", subarray)}
        known = np.full((1 + max((row["tel_id"] for row in own), default=0), 4), np.nan)
        for row in own:
            position = [row["pos_x"], row["pos_y"], row["pos_z"]]
            known[row["tel_id"]] = [*position, cameras[row["camera_index"]]["radius"]]
        telescopes[subarray] = known
        heights[subarray] = own[0]["reference_height"] if own else 0.0
    runs = {}
    for row in rows:
        angles = (row["subarray_pointing_lat"], row["subarray_pointing_lon"])
        lat, lon = (np.nan if value is None else np.radians(value) for value in angles)
        runs[row["obs_id"]] = (row["subarray_id"], lat, lon, heights[row["subarray_id"]])
    return runs, telescopes
