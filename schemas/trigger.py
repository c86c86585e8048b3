"""Tables trigger, telescope_trigger and pointing: what triggered when, and looked where."""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema
from .keys import SUBARRAY_KEYS, TELESCOPE_KEYS

VERSION = 1
TIME = pa.timestamp("ns", tz="UTC")

TRIGGER = table_schema(
    "trigger",
    VERSION,
    [
        *SUBARRAY_KEYS,
        column("time", TIME, "Central trigger time", source="EventIO 2009 gps_time"),
        column("event_type", pa.uint8(),
               "CTAO event type: 32 subarray trigger, 0-15 calibration (0 flat-field, 1 single "
               "p.e., 3 dark pedestal, 5 sky pedestal, 15 other)", source="EventIO 2028 id"),
        column("tels_with_trigger", pa.list_(pa.field("item", pa.int16(), nullable=False)),
               "Telescopes that took part in the array trigger", source="EventIO 2009"),
        column("is_complete", pa.bool_(),
               "False if the file ends or is damaged inside this event: telescopes may be missing"),
    ],
)  # fmt: skip

TELESCOPE_TRIGGER = table_schema(
    "telescope_trigger",
    VERSION,
    [
        *TELESCOPE_KEYS,
        column("time", TIME, "Trigger time of the telescope, to the nearest ns",
               source="EventIO 2009"),
        column("relative_trigger_time", pa.float32(),
               "Trigger time of the telescope after the central trigger time", unit="ns",
               source="EventIO 2009 trigger_times"),
        column("event_type", pa.uint8(),
               "CTAO event type: 32 subarray, 16 muon, 18 random mono, 33 long event",
               source="EventIO 2009 teltrg_type_mask"),
        column("n_trigger_pixels", pa.int32(), "Pixels that triggered, -1 if not recorded",
               source="EventIO 2027 code 0"),
    ],
)  # fmt: skip

POINTING = table_schema(
    "pointing",
    VERSION,
    [
        *TELESCOPE_KEYS,
        column("telescope_pointing_azimuth", pa.float32(), "Azimuth, from north through east",
               unit="rad", source="EventIO 21xx, corrected if present, else raw"),
        column("telescope_pointing_altitude", pa.float32(), "Altitude above the horizon",
               unit="rad", source="EventIO 21xx, corrected if present, else raw"),
    ],
)  # fmt: skip
