"""Tables dl2/telescope and dl2/subarray: predicted energy, gammaness and direction.

All columns begin with the prefix under which a set of models was applied, so that predictions of
several models can be joined. The metadata of each column name the digest of its model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from .column import column, table_schema
from .keys import SUBARRAY_KEYS, TELESCOPE_KEYS

VERSION = 2
#: What models predict.
TASKS = ("energy", "particle_type", "disp")
#: Key in the metadata of a column: digest of the model that made it.
MODEL = b"model"


def telescope_predictions(
    prefix: str, tasks: Sequence[str] = TASKS, digests: Mapping[str, str] | None = None
) -> pa.Schema:
    """Schema of dl2/telescope: one row per telescope event.

    Parameters
    ----------
    prefix : str
    tasks : sequence of str
        Which of `TASKS` were predicted.
    digests : mapping, optional
        Task -> digest of the model, for the metadata of the columns.
    """
    p = f"{prefix}_tel"
    columns = {
        "energy": [
            column(f"{p}_energy", pa.float64(), "Predicted energy", unit="TeV"),
            column(f"{p}_energy_is_valid", pa.bool_(), "Whether the energy was predicted"),
        ],
        "particle_type": [
            column(f"{p}_prediction", pa.float64(), "Gammaness: 1 gamma-like, 0 hadron-like"),
            column(f"{p}_prediction_is_valid", pa.bool_(), "Whether the gammaness was predicted"),
        ],
        "disp": [
            column(f"{p}_disp", pa.float64(), "Distance from the centroid to the source along the "
                   "image axis, positive towards psi", unit="deg"),
            column(f"{p}_disp_sign_score", pa.float64(), "|2 p - 1| of the sign: 0 unsure, 1 sure"),
            column(f"{p}_alt", pa.float64(), "Altitude of the predicted direction", unit="deg"),
            column(f"{p}_az", pa.float64(), "Azimuth of the predicted direction", unit="deg"),
            column(f"{p}_disp_is_valid", pa.bool_(), "Whether the direction was predicted"),
        ],
    }  # fmt: skip
    return _schema("dl2/telescope", TELESCOPE_KEYS, columns, tasks, digests)


def event_predictions(
    prefix: str, tasks: Sequence[str] = TASKS, digests: Mapping[str, str] | None = None
) -> pa.Schema:
    """Schema of dl2/subarray: one row per array event; for the parameters see above."""
    p = prefix
    columns = {
        "energy": [
            column(f"{p}_energy", pa.float64(), "Energy: mean of the telescopes", unit="TeV"),
            column(f"{p}_energy_uncert", pa.float64(), "Spread of the telescopes", unit="TeV"),
            column(f"{p}_energy_n_tels", pa.int16(), "Telescopes used"),
            column(f"{p}_energy_is_valid", pa.bool_(), "Whether a telescope was used"),
        ],
        "particle_type": [
            column(f"{p}_prediction", pa.float64(), "Gammaness: mean of the telescopes"),
            column(f"{p}_prediction_uncert", pa.float64(), "Spread of the telescopes"),
            column(f"{p}_prediction_n_tels", pa.int16(), "Telescopes used"),
            column(f"{p}_prediction_is_valid", pa.bool_(), "Whether a telescope was used"),
        ],
        "disp": [
            column(f"{p}_alt", pa.float64(), "Altitude of the direction", unit="deg"),
            column(f"{p}_az", pa.float64(), "Azimuth of the direction", unit="deg"),
            column(f"{p}_ang_distance_uncert", pa.float64(), "Spread of the telescopes",
                   unit="deg"),
            column(f"{p}_direction_n_tels", pa.int16(), "Telescopes used: 1 is a mono event"),
            column(f"{p}_direction_is_valid", pa.bool_(), "Whether a telescope was used"),
        ],
    }  # fmt: skip
    return _schema("dl2/subarray", SUBARRAY_KEYS, columns, tasks, digests)


def response_events(prefix: str) -> pa.Schema:
    """Schema of dl2/subarray as a response model without telescopes fills it."""
    whole = event_predictions(prefix)
    fields = [field for field in whole if not field.name.endswith(("_uncert", "_n_tels"))]
    return pa.schema(fields, metadata=whole.metadata)


def _schema(
    table: str,
    keys: Sequence[pa.Field],
    columns: Mapping[str, list[pa.Field]],
    tasks: Sequence[str],
    digests: Mapping[str, str] | None,
) -> pa.Schema:
    fields = list(keys)
    for task in TASKS:
        if task in tasks:
            made_by = {MODEL: digests[task].encode()} if digests and task in digests else {}
            fields += [f.with_metadata({**f.metadata, **made_by}) for f in columns[task]]
    return table_schema(table, VERSION, fields)
