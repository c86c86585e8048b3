"""Small datasets to learn from, written row by row: every relation in them is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.schemas.column import column

UNITS = {
    "hillas_width": "deg", "hillas_length": "deg", "hillas_fov_lon": "deg", "hillas_psi": "deg",
    "hillas_fov_lat": "deg", "true_alt": "deg", "true_az": "deg", "true_energy": "TeV",
    "telescope_pointing_altitude": "rad", "telescope_pointing_azimuth": "rad",
    "HillasReconstructor_h_max": "m", "HillasReconstructor_tel_impact_distance": "m",
}  # fmt: skip
Tables = dict[str, dict[str, Any]]
#: A configuration whose columns the toy has.
CONFIG: dict[str, Any] = {
    "n_cross_validation": 3,
    **{
        task: {
            "features": ["hillas_intensity", "area", *features],
            "generated": {"area": "hillas_width * hillas_length"},
            "quality": {
                "geometry": "HillasReconstructor_is_valid",
                "bright": "hillas_intensity > 50",
            },
            "options": {"rounds": 12, "num_leaves": 7},
        }
        for task, features in {
            "energy": ["HillasReconstructor_tel_impact_distance", "HillasReconstructor_h_max"],
            "particle_type": ["{prefix}_energy", "{prefix}_tel_energy"],
            "disp": ["{prefix}_energy", "hillas_skewness"],
        }.items()
    },
}  # fmt: skip


def toy_tables(
    n_events: int = 400, *, primary: int = 0, obs_id: int = 1, seed: int = 0, first: int = 1
) -> Tables:
    """Tables of one part: each event is seen by 1 to 4 of 5 telescopes of the types A and B."""
    rng = np.random.default_rng([seed, primary, obs_id, first])
    event_id = np.arange(first, first + n_events, dtype=np.int64)
    obs = np.full(n_events, obs_id, np.int32)
    energy = 10 ** rng.uniform(-1.5, 1.5, n_events)
    chosen = [np.sort(rng.choice(5, rng.integers(1, 5), replace=False)) + 1 for _ in event_id]
    tables: Tables = {
        "trigger": {"obs_id": obs, "event_id": event_id, "tels_with_trigger": chosen},
        "shower": {
            "obs_id": obs,
            "event_id": event_id,
            "true_energy": energy,
            "true_alt": 70 + rng.uniform(-1, 1, n_events),
            "true_az": rng.uniform(-1, 1, n_events),
            "true_shower_primary_id": np.full(n_events, primary, np.int32),
        },
        "dl2/geometry": {
            "obs_id": obs,
            "event_id": event_id,
            "HillasReconstructor_is_valid": np.array([len(tels) > 1 for tels in chosen]),
            "HillasReconstructor_h_max": rng.uniform(5e3, 2e4, n_events),
            "HillasReconstructor_telescopes": chosen,
        },
    }
    event = np.repeat(np.arange(n_events), [len(tels) for tels in chosen])
    tel_id = np.concatenate(chosen).astype(np.int16)
    n = len(event)
    keys = {"obs_id": obs[event], "event_id": event_id[event], "tel_id": tel_id}
    tables["pointing"] = {
        **keys,
        "telescope_pointing_altitude": np.full(n, np.radians(70), np.float32),
        "telescope_pointing_azimuth": np.zeros(n, np.float32),
    }
    impact = rng.uniform(20, 300, n)
    intensity = 800 * energy[event] * np.exp(-impact / 200) * rng.lognormal(0, 0.15, n)
    broad = 1.0 if primary == 0 else 1.8
    # on which side of the image the source is shows in the skewness
    lon = rng.uniform(-2, 2, n)
    side = np.sign(-lon)
    columns = {
        "hillas_intensity": intensity,
        "hillas_width": 0.05 * broad * rng.lognormal(0, 0.2, n),
        "hillas_length": 0.15 * broad * rng.lognormal(0, 0.2, n),
        "hillas_skewness": side * rng.uniform(0.0, 0.5, n) + rng.normal(0, 0.1, n),
        "hillas_fov_lon": lon,
        "hillas_fov_lat": rng.uniform(-0.1, 0.1, n),
        "hillas_psi": rng.uniform(-2, 2, n),
    }
    for name, of_type in (("A", tel_id <= 2), ("B", tel_id > 2)):
        own = {key: values[of_type] for key, values in keys.items()}
        tables[f"dl1/parameters/tel_type={name}"] = {
            **own, **{key: values[of_type] for key, values in columns.items()}
        }  # fmt: skip
        tables[f"dl2/impact/tel_type={name}"] = {
            **own, "HillasReconstructor_tel_impact_distance": impact[of_type]
        }  # fmt: skip
    return tables


def write_part(
    root: Path,
    tables: Mapping[str, Mapping[str, Any]],
    name: str = "toy",
    *,
    rows_per_group: int = 17,
    units: Mapping[str, str] = UNITS,
) -> Path:
    """Write tables as a committed part, in row groups so small that each table has many."""
    (root / "parts").mkdir(parents=True, exist_ok=True)
    (root / "ctabatch.json").write_text('{"format": "ctabatch dataset", "format_version": 1}')
    written = {}
    for table_name, columns in tables.items():
        arrays = {key: _array(values) for key, values in columns.items()}
        fields = [column(key, a.type, "toy", unit=units.get(key, "")) for key, a in arrays.items()]
        table = pa.Table.from_arrays(list(arrays.values()), schema=pa.schema(fields))
        path = root / table_name / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path, row_group_size=rows_per_group)
        written[path.relative_to(root).as_posix()] = {"rows": len(table)}
    digest = hashlib.sha256(repr(tables).encode()).hexdigest()
    record = {"part": name, "input": {"sha256": digest}, "tables": written}
    (root / "parts" / f"{name}.json").write_text(json.dumps(record))
    return root


def _array(values: Any) -> pa.Array:
    if isinstance(values, list):
        return pa.array(values, pa.list_(pa.int16()))
    return pa.array(values)


def reordered(table: Mapping[str, Any], order: Any) -> dict[str, Any]:
    """Rows of a table in another order."""
    return {
        key: [values[i] for i in order] if isinstance(values, list) else values[order]
        for key, values in table.items()
    }
