"""Tables of the folder subarray/: telescopes, cameras, pixels, optics and readout of all arrays.

One dataset can hold several arrays: every row starts with the digest of its array.
"""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema
from .keys import TEL_ID

SUBARRAY_VERSION = 1

SUBARRAY_ID = column("subarray_id", pa.string(), "Array: digest of its description")
CAMERA_INDEX = column(
    "camera_index", pa.int32(), "Camera in cameras, pixels and readout of the same array"
)
OPTICS_INDEX = column("optics_index", pa.int32(), "Row in optics of the same array")
CAMERA_NAME = column(
    "camera_name", pa.string(), "Camera", source="EventIO 75 CAMERA_CONFIG_NAME, else known numbers"
)
OPTICS_NAME = column(
    "optics_name", pa.string(), "Optics", source="EventIO 75 OPTICS_CONFIG_NAME, else known numbers"
)

TELESCOPES = table_schema(
    "telescopes",
    SUBARRAY_VERSION,
    (
        SUBARRAY_ID,
        TEL_ID,
        column("name", pa.string(), "Telescope, named after its optics"),
        column("type", pa.string(), "Size class by mirror area: SST, MST or LST"),
        column("tel_type", pa.string(), "Telescope type, the partition of the event tables"),
        column("tel_description", pa.string(), "Size class, optics and camera as in ctapipe"),
        column("pos_x", pa.float32(), "Position, to the north", unit="m", source="EventIO 2000"),
        column("pos_y", pa.float32(), "Position, to the west", unit="m", source="EventIO 2000"),
        column("pos_z", pa.float32(), "Position, upwards", unit="m", source="EventIO 2000"),
        CAMERA_NAME,
        OPTICS_NAME,
        CAMERA_INDEX,
        OPTICS_INDEX,
        column(
            "focal_length_kind",
            pa.string(),
            "Focal length used for angles: effective, or equivalent if asked for or if the file "
            "has no effective one",
        ),
        column("subarray_name", pa.string(), "Name of the array", source="EventIO 75"),
        column(
            "reference_latitude",
            pa.float64(),
            "Geodetic latitude of the origin of positions, 0 if the file does not tell",
            unit="deg",
            source="EventIO 75 LATITUDE",
        ),
        column(
            "reference_longitude",
            pa.float64(),
            "Geodetic longitude of the origin of positions, 0 if the file does not tell",
            unit="deg",
            source="EventIO 75 LONGITUDE",
        ),
        column(
            "reference_height",
            pa.float64(),
            "Height of the origin of positions above sea level",
            unit="m",
            source="EventIO 75 ALTITUDE, else EventIO 2001 obsheight",
        ),
    ),
)

CAMERAS = table_schema(
    "cameras",
    SUBARRAY_VERSION,
    (
        SUBARRAY_ID,
        CAMERA_INDEX,
        CAMERA_NAME,
        column("n_pixels", pa.int32(), "Number of pixels", source="EventIO 2002"),
        column("pix_type", pa.string(), "Shape of the pixels: hexagon, square or circle"),
        column(
            "pix_rotation",
            pa.float64(),
            "Rotation of each pixel about its centre, after rotating the camera",
            unit="deg",
        ),
        column(
            "applied_rotation",
            pa.float64(),
            "Rotation of the camera in the file; positions here are already rotated by it",
            unit="deg",
            source="EventIO 2002 cam_rot",
        ),
        column(
            "focal_length",
            pa.float64(),
            "Focal length that turns positions into angles",
            unit="m",
            source="EventIO 2002",
        ),
        column(
            "radius",
            pa.float64(),
            "Mean distance of the border pixels from the centre",
            unit="deg",
        ),
    ),
)

PIXELS = table_schema(
    "pixels",
    SUBARRAY_VERSION,
    (
        SUBARRAY_ID,
        CAMERA_INDEX,
        column("pix_id", pa.int32(), "Pixel: its place in images and waveforms"),
        column(
            "pix_x", pa.float64(), "Centre in the camera frame", unit="m", source="EventIO 2002"
        ),
        column(
            "pix_y", pa.float64(), "Centre in the camera frame", unit="m", source="EventIO 2002"
        ),
        column("pix_area", pa.float64(), "Area", unit="m2", source="EventIO 2002"),
        column("fov_lon", pa.float64(), "Centre in the telescope frame: pix_y / f", unit="deg"),
        column("fov_lat", pa.float64(), "Centre in the telescope frame: pix_x / f", unit="deg"),
        column("neighbors", pa.list_(pa.int32()), "Pixels that touch this one, ascending"),
    ),
)

OPTICS = table_schema(
    "optics",
    SUBARRAY_VERSION,
    (
        SUBARRAY_ID,
        OPTICS_INDEX,
        OPTICS_NAME,
        column("size_type", pa.string(), "Size class by mirror area: SST, MST or LST"),
        column(
            "reflector_shape",
            pa.string(),
            "PARABOLIC, DAVIES_COTTON, HYBRID, SCHWARZSCHILD_COUDER or UNKNOWN",
        ),
        column("mirror_area", pa.float64(), "Reflecting area", unit="m2", source="EventIO 2002"),
        column("n_mirrors", pa.int32(), "Number of reflections, -1 if unknown"),
        column("n_mirror_tiles", pa.int32(), "Number of mirror facets", source="EventIO 2002"),
        column(
            "equivalent_focal_length",
            pa.float64(),
            "Nominal focal length, for two mirrors that of the equivalent thin lens",
            unit="m",
            source="EventIO 2002",
        ),
        column(
            "effective_focal_length",
            pa.float64(),
            "Focal length from ray tracing, null if the file does not have it",
            unit="m",
            source="EventIO 2002 version 5 or later",
            nullable=True,
        ),
    ),
)

READOUT = table_schema(
    "readout",
    SUBARRAY_VERSION,
    (
        SUBARRAY_ID,
        CAMERA_INDEX,
        CAMERA_NAME,
        column("n_channels", pa.int32(), "Number of gain channels", source="EventIO 2003"),
        column("n_pixels", pa.int32(), "Number of pixels", source="EventIO 2003"),
        column("n_samples", pa.int32(), "Samples of a waveform", source="EventIO 2004 sum_bins"),
        column(
            "sampling_rate",
            pa.float64(),
            "Sampling rate",
            unit="GHz",
            source="EventIO 2004 time_slice",
        ),
        column(
            "reference_pulse_sample_width",
            pa.float64(),
            "Step of the reference pulse",
            unit="ns",
            source="EventIO 2004 ref_step",
        ),
        column(
            "reference_pulse_sample_time",
            pa.list_(pa.float64()),
            "Time of each step of the reference pulse",
            unit="ns",
        ),
        column(
            "reference_pulse_shape_channel0",
            pa.list_(pa.float64()),
            "Reference pulse of the high, or only, gain; empty if the file has none",
            source="EventIO 2004 ref_shape",
        ),
        column(
            "reference_pulse_shape_channel1",
            pa.list_(pa.float64()),
            "Reference pulse of the low gain, null for cameras of one gain",
            source="EventIO 2004 ref_shape",
            nullable=True,
        ),
    ),
)
