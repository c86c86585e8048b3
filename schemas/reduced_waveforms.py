"""Table dl0: waveforms of the pixels that data-volume reduction keeps."""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from .column import column, table_schema, tensor
from .keys import TELESCOPE_KEYS

VERSION = 1

#: Key in the metadata of the schema: pixels of the camera.
N_PIXELS = b"ctabatch.n_pixels"
#: Cameras with more have no place in the type of the column `pixel_index`.
MOST_PIXELS = 1 << 16


@cache
def reduced_waveforms(n_pixels: int, n_samples: int) -> pa.Schema:
    """Schema of reduced waveforms of cameras with `n_pixels` pixels.

    Raises
    ------
    ValueError
        The camera has more than `MOST_PIXELS` pixels.
    """
    if n_pixels > MOST_PIXELS:
        raise ValueError(f"{n_pixels} pixels: at most {MOST_PIXELS} can be numbered")
    item = pa.field("item", pa.uint16(), nullable=False)
    sample = pa.field("item", pa.float32(), nullable=False)
    trace = pa.field("item", pa.list_(sample, n_samples), nullable=False)
    schema = table_schema(
        "dl0",
        VERSION,
        [
            *TELESCOPE_KEYS,
            column("pixel_index", pa.list_(item), "Pixels that are kept, ascending",
                   source="data-volume reduction"),
            column("waveform", pa.list_(trace),
                   "Photo-electrons per sample of the selected gain, one list of samples for each "
                   "pixel of pixel_index",
                   source="(ADC - pedestal [2022]) * calib [2023]"),
            column("selected_gain_channel", tensor(pa.int8(), n_pixels),
                   "Gain channel of the waveform of every pixel, kept or not: 0 high, 1 low"),
            column("is_sum", pa.bool_(),
                   "Whether there is the sum of all samples, which is the charge, not samples",
                   source="EventIO 2012 (sums) or 2013 (samples)"),
            column("is_read_out", tensor(pa.bool_(), n_pixels),
                   "Pixels with data in a zero-suppressed event; null if all have", nullable=True,
                   source="EventIO 2012/2013 zero suppression"),
        ],
    )  # fmt: skip
    return schema.with_metadata({**schema.metadata, N_PIXELS: str(n_pixels).encode()})
