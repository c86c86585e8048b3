"""From image parameters to shower axes: quality query, stereo stage, rows of dl2 tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.config import StereoConfig
from ctabatch.criteria import Criteria
from ctabatch.schemas import geometry as schemas
from ctabatch.schemas.keys import SUBARRAY_KEYS, TELESCOPE_KEYS
from ctabatch.schemas.parameters import parameters as schema_of
from ctabatch.stages.columns import record_batch
from ctabatch.stages.stereo import impact_distances, reconstruct
from ctabatch.stages.telescope_groups import PARAMETERS as GEOMETRY_PARAMETERS
from ctabatch.stages.telescope_groups import TelescopeRows, group_rows, ungroup_rows

GEOMETRY, IMPACT = "dl2/geometry", "dl2/impact"
#: Event type of showers; other types are not reconstructed.
SUBARRAY = 32


class GeometryStep:
    """Reconstructs array events, block by block.

    Parameters
    ----------
    options : StereoConfig

    Attributes
    ----------
    cut_flow : Counter
        Images seen so far, and those that met the first 1, 2, ... criteria.
    n_valid : Counter
        Events with a valid axis so far, by reconstructor.

    Raises
    ------
    OptionError
        A criterion is not valid or reads an unknown column.
    """

    def __init__(self, options: StereoConfig) -> None:
        self.options = options
        self.quality = Criteria(options.quality, schema_of("both").names)
        self.cut_flow: Counter[str] = Counter(dict.fromkeys(("all", *options.quality), 0))
        self.n_valid: Counter[str] = Counter(dict.fromkeys(options.reconstructors, 0))
        prefixes = options.reconstructors
        self.geometry_schema = _joined([schemas.geometry(p) for p in prefixes], len(SUBARRAY_KEYS))
        self.impact_schema = _joined([schemas.impact(p) for p in prefixes], len(TELESCOPE_KEYS))

    @property
    def columns(self) -> list[str]:
        """Columns of dl1/parameters that the step reads."""
        keys = [field.name for field in TELESCOPE_KEYS]
        needed = {*(f"hillas_{name}" for name in GEOMETRY_PARAMETERS), *self.quality.columns}
        return keys + sorted(needed - set(keys))

    def usable(self, parameters: pa.RecordBatch | pa.Table) -> NDArray[np.bool_]:
        """Which images meet the quality criteria; counts them."""
        if not self.options.quality or parameters.num_rows == 0:
            return np.ones(parameters.num_rows, np.bool_)
        passed, counts = self.quality.passed(parameters)
        self.cut_flow.update(counts)
        return passed

    def run(
        self,
        obs_id: NDArray[Any],
        event_id: NDArray[np.int64],
        array_pointing: NDArray[np.float64],
        reference_height: NDArray[np.float64],
        rows: Sequence[TelescopeRows],
    ) -> tuple[pa.RecordBatch, list[dict[str, NDArray[np.float64]]]]:
        """Reconstruct a block of array events; for the arguments see `group_rows`.

        Returns
        -------
        geometry : pyarrow.RecordBatch
            One row of dl2/geometry per event.
        impact : list of dict
            For each of `rows` its columns of dl2/impact without the keys.
        """
        events, order = group_rows(obs_id, event_id, array_pointing, reference_height, rows)
        arrays: dict[str, pa.Array] = {}
        distances: dict[str, NDArray[np.float64]] = {}
        for method in self.options.reconstructors:
            batch = reconstruct(events, method, self.options.weighting)
            arrays |= dict(zip(batch.schema.names, batch.columns, strict=True))
            self.n_valid[method] += int(
                np.count_nonzero(arrays[f"{method}_is_valid"].to_numpy(zero_copy_only=False))
            )
            distances[f"{method}_tel_impact_distance"] = impact_distances(events, batch, method)
        geometry = pa.RecordBatch.from_arrays(
            [arrays[name] for name in self.geometry_schema.names], schema=self.geometry_schema
        )
        impact: list[dict[str, NDArray[np.float64]]] = [{} for _ in rows]
        for name, values in distances.items():
            for columns, own in zip(impact, ungroup_rows(values, order, rows), strict=True):
                columns[name] = own
                columns[f"{name}_uncert"] = np.full(len(own), np.nan)
        return geometry, impact

    def impact_rows(
        self, keys: pa.RecordBatch | pa.Table, columns: dict[str, NDArray[np.float64]]
    ) -> pa.RecordBatch:
        """Rows of dl2/impact from the rows of dl1/parameters that they belong to."""
        own = {
            field.name: keys.column(field.name).to_numpy(
                **({} if isinstance(keys, pa.Table) else {"zero_copy_only": False})
            )
            for field in TELESCOPE_KEYS
        }
        return record_batch(self.impact_schema, {**own, **columns})

    def summary(self) -> dict[str, Any]:
        """What goes into the commit record of a part."""
        return {"quality_cut_flow": dict(self.cut_flow), "valid_events": dict(self.n_valid)}


def _joined(parts: Sequence[pa.Schema], n_keys: int) -> pa.Schema:
    """Schema of several reconstructions side by side."""
    fields = [*list(parts[0])[:n_keys], *(field for part in parts for field in list(part)[n_keys:])]
    return pa.schema(fields, metadata=parts[0].metadata)
