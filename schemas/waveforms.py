"""Tables r0, r0_stream and r1: raw data as they stand in the input, calibrated waveforms.

Raw waveforms are stored as the bytes of the input: table r0_stream holds the whole stream, table r0
says where in it the raw data of each telescope event stand.
"""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema, tensor
from .keys import TELESCOPE_KEYS

VERSION = 2
#: Of table r1; 3: what a later extraction of charges needs to know.
CALIBRATED_VERSION = 3

#: Where the raw data of each telescope event stand.
RAW_DATA = table_schema(
    "r0",
    VERSION,
    [
        *TELESCOPE_KEYS,
        column("n_gains", pa.int8(), "Gain channels", source="EventIO 2012/2013"),
        column("n_pixels", pa.int32(), "Pixels of the camera", source="EventIO 2012/2013"),
        column("n_samples", pa.int32(), "Samples of a waveform, 1 for sums",
               source="EventIO 2012/2013"),
        column("is_sum", pa.bool_(), "Whether there is one sum per pixel instead of samples",
               source="EventIO 2012 (sums) or 2013 (samples)"),
        column("stream_offset", pa.int64(),
               "First byte of the object with the raw data, its header included: a position in the "
               "decompressed input, as column offset of table r0_stream", unit="byte",
               source="EventIO 2012/2013"),
        column("stream_size", pa.int32(), "Length of the object, its header included",
               unit="byte", source="EventIO 2012/2013"),
    ],
)  # fmt: skip

#: The decompressed input in pieces of whole objects, in order.
RAW_STREAM = table_schema(
    "r0_stream",
    VERSION,
    [
        column("offset", pa.int64(), "Position of the piece in the decompressed input",
               unit="byte"),
        column("size", pa.int64(), "Length of the piece, decompressed", unit="byte"),
        column("frame", pa.large_binary(),
               "EventIO objects as they stand in the input, a zstd frame with a checksum; all "
               "frames one behind the other are a sim_telarray file (.simtel.zst)",
               source="EventIO"),
    ],
)  # fmt: skip


def raw_waveforms(
    n_gains: int, n_pixels: int, n_samples: int, value_type: pa.DataType
) -> pa.Schema:
    """Schema of decoded raw waveforms (uint16 samples, or uint32 sums of one sample)."""
    return table_schema(
        "r0",
        VERSION,
        [
            *TELESCOPE_KEYS,
            column("waveform", tensor(value_type, n_gains, n_pixels, n_samples),
                   "ADC counts of each gain (0 high, 1 low), pixel and sample",
                   source="EventIO 2013 (samples) or 2012 (sums)"),
            column("is_read_out", tensor(pa.bool_(), n_pixels),
                   "Pixels with data in a zero-suppressed event; null if all have", nullable=True,
                   source="EventIO 2012/2013 zero suppression"),
        ],
    )  # fmt: skip


def calibrated_waveforms(n_pixels: int, n_samples: int) -> pa.Schema:
    """Schema of calibrated waveforms of the selected gain."""
    return table_schema(
        "r1",
        CALIBRATED_VERSION,
        [
            *TELESCOPE_KEYS,
            column("waveform", tensor(pa.float32(), n_pixels, n_samples),
                   "Photo-electrons per sample of the selected gain of each pixel",
                   source="(ADC - pedestal [2022]) * calib [2023]"),
            column("selected_gain_channel", tensor(pa.int8(), n_pixels),
                   "Gain channel of the waveform: 0 high, 1 low"),
            column("is_sum", pa.bool_(),
                   "Whether there is the sum of all samples, which is the charge, not samples",
                   source="EventIO 2012 (sums) or 2013 (samples)"),
            column("is_read_out", tensor(pa.bool_(), n_pixels),
                   "Pixels with data in a zero-suppressed event; null if all have", nullable=True,
                   source="EventIO 2012/2013 zero suppression"),
        ],
    )  # fmt: skip


def calibrated_waveforms_of_all_gains(n_gains: int, n_pixels: int, n_samples: int) -> pa.Schema:
    """Schema of calibrated waveforms without gain selection."""
    return table_schema(
        "r1_gains",
        VERSION,
        [
            *TELESCOPE_KEYS,
            column("waveform", tensor(pa.float32(), n_gains, n_pixels, n_samples),
                   "Photo-electrons per sample of each gain (0 high, 1 low) and pixel",
                   source="(ADC - pedestal [2022]) * calib [2023]"),
            column("is_read_out", tensor(pa.bool_(), n_pixels),
                   "Pixels with data in a zero-suppressed event; null if all have", nullable=True,
                   source="EventIO 2012/2013 zero suppression"),
        ],
    )  # fmt: skip
