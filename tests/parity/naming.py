"""Where each table and column of ctapipe's DL1 files is in ours.

Everything that is not listed as different has the same name and unit. Each difference is explained
in docs/deviations.md.
"""

from __future__ import annotations

#: Table in ctapipe's file ("*" stands for its number) -> our table.
TABLES = {
    "/dl1/event/subarray/trigger": "trigger",
    "/dl1/event/telescope/trigger": "telescope_trigger",
    "/dl1/event/telescope/images/*": "dl1/images",
    "/dl1/event/telescope/parameters/*": "dl1/parameters",
    "/r1/event/telescope/*": "r1",
    "/simulation/event/subarray/shower": "shower",
    "/simulation/event/telescope/images/*": "dl1/images",
    "/simulation/event/telescope/parameters/*": "dl1/parameters",
    "/simulation/event/telescope/impact/*": "dl1/parameters",
    "/simulation/service/shower_distribution": "shower_distribution",
    "/configuration/simulation/run": "run",
    "/configuration/observation/observation_block": "run",
    "/configuration/telescope/pointing/*": "pointing",
    "/configuration/instrument/subarray/layout": "subarray/telescopes",
    "/configuration/instrument/telescope/optics": "subarray/optics",
    "/configuration/instrument/telescope/camera/geometry_*": "subarray/pixels",
    "/configuration/instrument/telescope/camera/readout_*": "subarray/readout",
}
#: Tables of ctapipe that we do not have.
ABSENT_TABLES = {
    "/configuration/observation/scheduling_block": "made up by ctapipe, the file has none",
    "/simulation/service/atmosphere_density_profile": "not stored",
    "/dl1/service/image_statistics": "counts for ctapipe's progress of quality cuts",
    "/dl2/": "stereo reconstruction is not part of DL1",
}
#: (our table, column) -> name of our column, None if we have none.
COLUMNS: dict[tuple[str, str], str | None] = {
    ("r1", "event_type"): None,  # in trigger
    ("r1", "event_time"): None,  # in telescope_trigger
    ("r1", "pixel_status"): None,  # constant: simulations set no status
    ("run", "actual_start_time"): "start_time",
    ("run", "sb_id"): None,  # observation_block: made up by ctapipe, or constant
    ("run", "producer_id"): None,
    ("run", "state"): None,
    ("run", "subarray_pointing_frame"): None,
    ("run", "scheduled_duration"): None,
    ("run", "scheduled_start_time"): None,
    ("run", "actual_duration"): None,
}
#: (our table, column) -> unit that ctapipe's file leaves out.
ADDED_UNITS = {("dl1/images", "peak_time"): "ns"}
