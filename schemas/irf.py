"""Table irf: response functions and benchmarks of all groups, one row per bin."""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema

VERSION = 2
#: Key in the metadata of the table: whether a theta cut was applied, "true" or "false".
POINT_LIKE = b"ctabatch.point_like"

_F = pa.float64()
#: What has no bins of some axis has no value in its columns.
IRF = table_schema(
    "irf",
    VERSION,
    [
        column("quantity", pa.string(), "aeff, edisp, psf, background, rad_max, energy_resolution, "
               "theta_68, sensitivity, ..."),
        column("group", pa.string(), "Event type, zenith bin, ...; empty if all events are one"),
        column("energy_lo", _F, "Lower edge: true energy of aeff, edisp, psf, energy_bias, "
               "energy_resolution, theta; else, and if the name ends in _reco, reconstructed",
               unit="TeV", nullable=True),
        column("energy_hi", _F, "Upper edge", unit="TeV", nullable=True),
        column("offset_lo", _F, "Lower edge of the offset from the pointing", unit="deg",
               nullable=True),
        column("offset_hi", _F, "Upper edge", unit="deg", nullable=True),
        column("x_lo", _F, "Lower edge of the third axis: migra = reconstructed / true energy of "
               "edisp, distance from the source in deg of psf", nullable=True),
        column("x_hi", _F, "Upper edge", nullable=True),
        column("fov_lon_lo", _F, "Lower edge of the longitude in the field of view, positive "
               "westward", unit="deg", nullable=True, source="GADF v0.3, coordinates"),
        column("fov_lon_hi", _F, "Upper edge", unit="deg", nullable=True),
        column("fov_lat_lo", _F, "Lower edge of the latitude in the field of view", unit="deg",
               nullable=True, source="GADF v0.3, coordinates"),
        column("fov_lat_hi", _F, "Upper edge", unit="deg", nullable=True),
        column("value", _F, "The value, in the unit of the row. Responses and rates are 0 in bins "
               "without events; other benchmarks have no value where too few events give none, "
               "which n_events tells. Never NaN", nullable=True),
        column("error", _F, "Standard deviation; of responses and rates in bins without events the "
               "upper limit of the value (1.841 events), infinite if nothing limits it. No value "
               "where too few events give none", nullable=True),
        column("unit", pa.string(), "In astropy's string form"),
        column("n_events", pa.int64(), "Events in the bin"),
        column("n_simulated", _F, "Showers simulated in the bin", nullable=True),
    ],
)  # fmt: skip
