"""Tables r0 and r1: raw and calibrated waveforms."""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema, tensor
from .keys import TELESCOPE_KEYS

VERSION = 1


def raw_waveforms(
    n_gains: int, n_pixels: int, n_samples: int, value_type: pa.DataType
) -> pa.Schema:
    """Schema of raw waveforms (uint16 samples, or uint32 sums of one sample)."""
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
        VERSION,
        [
            *TELESCOPE_KEYS,
            column("waveform", tensor(pa.float32(), n_pixels, n_samples),
                   "Photo-electrons per sample of the selected gain of each pixel",
                   source="(ADC - pedestal [2022]) * calib [2023]"),
            column("selected_gain_channel", tensor(pa.int8(), n_pixels),
                   "Gain channel of the waveform: 0 high, 1 low"),
        ],
    )  # fmt: skip
