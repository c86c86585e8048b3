"""Tables dl2/geometry and dl2/impact: axes of showers from several images, distances from them."""

from __future__ import annotations

import pyarrow as pa

from .column import column, table_schema
from .keys import SUBARRAY_KEYS, TELESCOPE_KEYS

VERSION = 1
HOFMANN = "W. Hofmann et al., Astropart. Phys. 12, 135 (1999)"


def geometry(prefix: str) -> pa.Schema:
    """Schema of the shower axes of one reconstruction: one row per array event.

    Parameters
    ----------
    prefix : {"HillasReconstructor", "HillasIntersection"}
        Name of the reconstruction, begin of its columns.

    Returns
    -------
    pyarrow.Schema
        Numbers are NaN in events that are not valid.
    """
    planes = prefix == "HillasReconstructor"
    spread = (
        "mean angle to the crossings of pairs of image planes"
        if planes
        else "weighted standard deviation of the crossings of pairs of image axes"
    )
    scatter = (
        "from the scatter of the image axes around the core, NaN for two telescopes"
        if planes
        else "weighted standard deviation of the crossings, 0 for two telescopes"
    )
    height = (
        "least-squares crossing of the rays of the image centroids"
        if planes
        else "from the angles between centroids and origin; NaN above 100 km"
    )

    def number(name: str, unit: str, description: str, source: str = "") -> pa.Field:
        return column(f"{prefix}_{name}", pa.float64(), description, unit=unit, source=source)

    return table_schema(
        "dl2/geometry",
        VERSION,
        [
            *SUBARRAY_KEYS,
            number("alt", "deg", "Altitude of the origin of the shower", HOFMANN),
            number("alt_uncert", "deg", f"Uncertainty of the altitude: {spread}"),
            number("az", "deg", "Azimuth of the origin, from north through east, in [0, 360)"),
            number("az_uncert", "deg", "Uncertainty of the azimuth on the sphere: as of altitude"),
            number("ang_distance_uncert", "deg", f"Uncertainty of the direction: {spread}"),
            number("core_x", "m", "Core on the ground, to the north", HOFMANN),
            number("core_y", "m", "Core on the ground, to the west"),
            number("core_uncert_x", "m", f"Uncertainty of core_x, {scatter}"),
            number("core_uncert_y", "m", f"Uncertainty of core_y, {scatter}"),
            number("core_tilted_x", "m", "Core in the plane tilted to the array pointing, x"),
            number("core_tilted_y", "m", "Core in the plane tilted to the array pointing, y"),
            number("core_tilted_uncert_x", "m", f"Uncertainty of core_tilted_x, {scatter}"),
            number("core_tilted_uncert_y", "m", f"Uncertainty of core_tilted_y, {scatter}"),
            number("h_max", "m", f"Height of the shower maximum above sea level: {height}"),
            number("h_max_uncert", "m",
                   "Uncertainty of h_max, from the scatter of the rays" if planes
                   else "Uncertainty of h_max: not known, NaN"),
            column(f"{prefix}_is_valid", pa.bool_(), "Whether there is a shower axis"),
            number("average_intensity", "", "Mean intensity of the images used, in p.e."),
            number("goodness_of_fit", "", "Not used: NaN"),
            column(f"{prefix}_telescopes", pa.list_(pa.field("item", pa.int16(), nullable=False)),
                   "Telescopes used, ascending; empty in events that are not valid"),
        ],
    )  # fmt: skip


def impact(prefix: str) -> pa.Schema:
    """Schema of the distances of telescopes from the shower axes of one reconstruction."""
    return table_schema(
        "dl2/impact",
        VERSION,
        [
            *TELESCOPE_KEYS,
            column(f"{prefix}_tel_impact_distance", pa.float64(),
                   "Distance of the telescope from the reconstructed shower axis, NaN without one",
                   unit="m"),
            column(f"{prefix}_tel_impact_distance_uncert", pa.float64(),
                   "Uncertainty of the distance: not known, NaN", unit="m"),
        ],
    )  # fmt: skip


GEOMETRY = geometry("HillasReconstructor")
HILLAS_INTERSECTION = geometry("HillasIntersection")
IMPACT = impact("HillasReconstructor")
