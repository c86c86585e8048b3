"""Table dl1/images: charge and time of every pixel, the cleaning mask and the truth."""

from __future__ import annotations

from functools import cache

import pyarrow as pa

from .column import column, table_schema, tensor
from .keys import TELESCOPE_KEYS

VERSION = 1


@cache
def images(n_pixels: int) -> pa.Schema:
    """Schema of images of cameras with `n_pixels` pixels."""
    return table_schema(
        "dl1/images",
        VERSION,
        [
            *TELESCOPE_KEYS,
            column("image", tensor(pa.float32(), n_pixels), "Charge of each pixel in p.e.",
                   source="charge extraction: config.extraction of the commit record"),
            column("peak_time", tensor(pa.float32(), n_pixels),
                   "Time of the pulse in each pixel after the start of the readout", unit="ns",
                   source="charge extraction: config.extraction of the commit record"),
            column("image_mask", tensor(pa.bool_(), n_pixels), "Pixels that survive cleaning",
                   source="tailcuts cleaning"),
            column("is_valid", pa.bool_(), "Whether charge extraction succeeded"),
            column("selected_gain_channel", tensor(pa.int8(), n_pixels),
                   "Gain channel the charge comes from: 0 high, 1 low"),
            column("is_read_out", tensor(pa.bool_(), n_pixels),
                   "Pixels with data in a zero-suppressed event; null if all have", nullable=True,
                   source="EventIO 2012/2013 zero suppression"),
            column("is_saturated", tensor(pa.bool_(), n_pixels),
                   "Pixels with a sample at the end of the converter's range; null if that is not "
                   "known", nullable=True,
                   source="raw samples and config.pixel_flags of the commit record"),
            column("true_image", tensor(pa.int32(), n_pixels),
                   "Simulated photo-electrons of each pixel; null if the file has none",
                   nullable=True, source="EventIO 1208"),
            column("true_image_sum", pa.int32(),
                   "Simulated photo-electrons in the camera; null if the file has none",
                   nullable=True, source="EventIO 2026"),
        ],
    )  # fmt: skip
