"""Table cuts: selection of gamma-like events, one row per bin of reconstructed energy."""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema

VERSION = 1
#: Key in the metadata of the table: JSON with what does not depend on energy.
CUTS_JSON = b"ctabatch.cuts"

_F = pa.float64()
#: Bins follow each other without gaps. A table without some cut has no values in its column.
CUTS = table_schema(
    "cuts",
    VERSION,
    [
        column("energy_lo", _F, "Lower edge of the reconstructed energy, inclusive", unit="TeV"),
        column("energy_hi", _F, "Upper edge, exclusive", unit="TeV"),
        column("gammaness", _F, "Least gammaness; null: nothing passes in this bin; minus "
               "infinity: there is no such cut", nullable=True),
        column("theta", _F, "Largest distance from the source", unit="deg", nullable=True),
        column("multiplicity", pa.int64(), "Least number of telescopes", nullable=True),
        column("n_events", pa.int64(), "Signal events from which the cuts were derived",
               nullable=True),
        column("gammaness_efficiency", _F, "Share of these that the cut in gammaness keeps",
               nullable=True),
        column("theta_efficiency", _F, "Share of these that the cut in theta keeps",
               nullable=True),
    ],
)  # fmt: skip
