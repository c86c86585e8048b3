"""Table calibration: coefficients of the telescopes whose calibrated waveforms are stored."""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from .column import column, table_schema, tensor
from .keys import EVENT_ID, OBS_ID, TEL_ID

VERSION = 1


@cache
def calibration(n_gains: int, n_pixels: int) -> pa.Schema:
    """Schema of the coefficients of cameras of one shape: one row per telescope and change.

    A row is valid from its array event on, until the next row of the same telescope and run.
    """
    return table_schema(
        "calibration",
        VERSION,
        [
            OBS_ID,
            column(EVENT_ID.name, EVENT_ID.type, "First array event for which the row is valid"),
            TEL_ID,
            column("pedestal", tensor(pa.float32(), n_gains, n_pixels),
                   "Pedestal of one sample, ADC counts", source="EventIO 2022"),
            column("dc_to_pe", tensor(pa.float32(), n_gains, n_pixels),
                   "Photo-electrons per ADC count", source="EventIO 2023 calib"),
            column("time_shift", tensor(pa.float32(), n_gains, n_pixels),
                   "Subtracted from peak times", unit="ns", source="EventIO 2023 tm_calib"),
            column("n_summed", pa.int32(), "Samples in a sum, for data that are sums",
                   source="EventIO 2004 sum_bins"),
            column("is_invalid", tensor(pa.bool_(), n_pixels),
                   "Pixels whose signal is replaced by that of their neighbours",
                   source="EventIO 2005"),
        ],
    )  # fmt: skip
