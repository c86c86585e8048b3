"""Table dl1/muon: rings of muons and the optical efficiency that follows from them.

One row per telescope event, whether it has a ring or not, as in ctapipe's tables of muons.
"""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema
from .keys import TELESCOPE_KEYS

VERSION = 1
_CIRCLE = (
    "circle fit of Chaudhuri & Kundu, Pattern Recognit. Lett. 14 (1993) 1, or of Taubin, IEEE "
    "Trans. PAMI 13 (1991) 1115, repeated with the pixels near the circle"
)
_MODEL = "Vacanti et al., Astropart. Phys. 2 (1994) 1, fitted to the pixels near the ring"
_DATA_MODEL = "definition of CTAO's DL1 muon parameters"


def _ring(name: str, description: str) -> pa.Field:
    return column(f"muonring_{name}", pa.float64(), description, unit="deg", source=_CIRCLE)


def _parameter(
    name: str, description: str, unit: str = "", dtype: pa.DataType | None = None
) -> pa.Field:
    return column(
        f"muonparameters_{name}",
        dtype or pa.float64(),
        description,
        unit=unit,
        source=_DATA_MODEL,
    )


def _efficiency(
    name: str, description: str, unit: str = "", dtype: pa.DataType | None = None
) -> pa.Field:
    return column(
        f"muonefficiency_{name}", dtype or pa.float64(), description, unit=unit, source=_MODEL
    )


RING = (
    _ring("center_fov_lon", "Longitude of the ring's centre in the field of view"),
    _ring("center_fov_lat", "Latitude of the ring's centre in the field of view"),
    _ring("radius", "Radius of the ring; NaN if the image has none"),
    _ring("center_fov_lon_err", "Uncertainty of the centre's longitude"),
    _ring("center_fov_lat_err", "Uncertainty of the centre's latitude"),
    _ring("radius_err", "Uncertainty of the radius"),
    _ring("center_phi", "Polar angle of the ring's centre from +fov_lon"),
    _ring("center_distance", "Distance of the ring's centre from that of the field of view"),
)
PARAMETERS = (
    _parameter("containment", "Part of the ring's circumference inside the camera"),
    _parameter("completeness", "Part of 30 sectors around the ring's centre with enough charge"),
    _parameter(
        "intensity_ratio", "Part of the charge selected by the cleaning in a band on the ring"
    ),
    _parameter(
        "mean_squared_error",
        "Mean squared distance from the ring of the charge selected by the cleaning",
        "deg**2",
    ),
    _parameter("ring_intensity", "Charge of all pixels on the ring, in photoelectrons"),
    _parameter(
        "intensity_outside_ring", "Charge selected by the cleaning but not on the ring, in p.e."
    ),
    _parameter(
        "n_pixels_in_ring",
        "Pixels on the ring that were selected by the cleaning, -1 if there is no ring",
        dtype=pa.int64(),
    ),
    _parameter(
        "mean_intensity_outside_ring", "Mean charge of the pixels in bands beside the ring, in p.e."
    ),
    _parameter(
        "radial_std_dev", "Standard deviation of the light's distance from the ring's centre", "deg"
    ),
    _parameter("skewness", "Third standardised moment of that distance"),
    _parameter("excess_kurtosis", "Fourth standardised moment of that distance, less 3"),
)
EFFICIENCY = (
    _efficiency("width", "Standard deviation of the light across the ring", "deg"),
    _efficiency("impact", "Distance of the muon's impact from the centre of the mirror", "m"),
    _efficiency("impact_x", "Offset of the impact towards the ring's brightest azimuth, fov_lon",
                "m"),
    _efficiency("impact_y", "Offset of the impact towards the ring's brightest azimuth, fov_lat",
                "m"),
    _efficiency("optical_efficiency", "Photoelectrons per photon on the mirror"),
    _efficiency("is_valid", "Whether the fit converged", dtype=pa.bool_()),
    _efficiency(
        "parameters_at_limit",
        "Whether impact, width or efficiency is 0 within half a standard deviation",
        dtype=pa.bool_(),
    ),
    _efficiency("likelihood_value", "Negative logarithm of the likelihood at the minimum"),
)  # fmt: skip

MUON = table_schema("dl1/muon", VERSION, (*TELESCOPE_KEYS, *RING, *PARAMETERS, *EFFICIENCY))
