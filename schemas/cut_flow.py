"""Table cut_flow: how many images are left after each criterion of a quality query."""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema

VERSION = 1

CUT_FLOW = table_schema(
    "cut_flow",
    VERSION,
    [
        column(
            "query",
            pa.string(),
            "parameters: which images are parametrised; stereo: which are used for showers",
            source="configuration",
        ),
        column("step", pa.int16(), "0 for all images, then the criteria in order",
               source="configuration"),
        column("criterion", pa.string(), "Name of the criterion, empty for all images",
               source="configuration"),
        column("expression", pa.string(), "The criterion as SQL", source="configuration"),
        column("n_images", pa.int64(), "Images that meet this criterion and all before it",
               source="count"),
    ],
)  # fmt: skip
