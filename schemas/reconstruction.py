"""Table dl2/subarray: reconstructed energy, direction and gammaness of every array event."""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema
from .keys import SUBARRAY_KEYS

VERSION = 1


def reconstructed_events(prefix: str) -> pa.Schema:
    """Schema of the predictions of one reconstruction, named by `prefix`."""
    return table_schema(
        "dl2/subarray",
        VERSION,
        [
            *SUBARRAY_KEYS,
            column(f"{prefix}_energy", pa.float64(), "Reconstructed energy", unit="TeV"),
            column(f"{prefix}_alt", pa.float64(), "Reconstructed altitude", unit="deg"),
            column(f"{prefix}_az", pa.float64(), "Reconstructed azimuth", unit="deg"),
            column(f"{prefix}_prediction", pa.float64(), "Gammaness: 1 gamma-like, 0 hadron-like"),
            column(f"{prefix}_is_valid", pa.bool_(), "Whether the reconstruction succeeded"),
        ],
    )  # fmt: skip
