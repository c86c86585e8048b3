"""The columns that identify a row in every event table."""

from __future__ import annotations

import pyarrow as pa

from .column import column

OBS_ID = column(
    "obs_id",
    pa.int32(),
    "Observation: the run number of the simulation",
    source="EventIO 2000 run header",
)
EVENT_ID = column(
    "event_id",
    pa.int64(),
    "Array event, unique within an observation",
    source="EventIO 2009/2010/2021 header id",
)
TEL_ID = column(
    "tel_id", pa.int16(), "Telescope, unique within the array", source="EventIO 2000 run header"
)

SUBARRAY_KEYS = (OBS_ID, EVENT_ID)
TELESCOPE_KEYS = (OBS_ID, EVENT_ID, TEL_ID)
