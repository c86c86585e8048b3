"""Columns that describe one cleaned image, in the groups in which they are computed."""

from __future__ import annotations

from functools import cache
from typing import Literal, NamedTuple

import pyarrow as pa

from .column import column

_HILLAS = "A. M. Hillas, Proc. 19th ICRC 3 (1985) 445, of the charges selected by the cleaning"
_DATA_MODEL = "definition of CTAO's DL1 data model, of the pixels selected by the cleaning"
_LINE_FIT = "weighted straight line along the axis, weights charge / area"
_TRIMMED = "least trimmed squares (Rousseeuw, Van Driessen, 2006) of peak time along the axis"
_MOMENTS = "population moments of the pixels selected by the cleaning"

#: Where positions and extents are measured: angles on the sky, metres in the camera, or both.
Frame = Literal["telescope", "camera", "both"]
#: Prefix of the columns in metres, which is ctapipe's.
CAMERA_FRAME = "camera_frame_"


class _Row(NamedTuple):
    """Declaration of a column whose name and nullability depend on the image it describes."""

    name: str
    dtype: pa.DataType
    description: str
    unit: str = ""
    source: str = ""


def _hillas(*, in_camera: bool = False) -> list[_Row]:
    prefix, unit = (CAMERA_FRAME, "m") if in_camera else ("", "deg")

    def row(name: str, description: str, of: str = "", source: str = _HILLAS) -> _Row:
        return _Row(f"{prefix}hillas_{name}", pa.float64(), description, of, source)

    if in_camera:
        place = [
            row("x", "x of the centroid in the camera, along fov_lat", "m"),
            row("y", "y of the centroid in the camera, along fov_lon", "m"),
        ]
    else:
        place = [
            row("fov_lon", "Longitude of the centroid in the field of view", "deg"),
            row("fov_lat", "Latitude of the centroid in the field of view", "deg"),
        ]
    centre, axis = ("camera", "+x") if in_camera else ("field of view", "+fov_lon")
    return [
        row("intensity", "Sum of the charge, in photoelectrons"),
        row("skewness", "Third standardised moment along the major axis; its sign tells the head"),
        row("kurtosis", "Fourth standardised moment along the major axis, 3 for a normal one"),
        *place,
        row("r", f"Distance of the centroid from the centre of the {centre}", unit),
        row("phi", f"Polar angle of the centroid from {axis}", "deg"),
        row("length", "Standard deviation along the major axis", unit),
        row("length_uncertainty", "Uncertainty of the length from charge fluctuations", unit),
        row("width", "Standard deviation across the major axis", unit),
        row("width_uncertainty", "Uncertainty of the width from charge fluctuations", unit),
        row("psi", f"Angle of the major axis from {axis}, in [-90, 90]", "deg"),
        row("psi_uncertainty", "Uncertainty of psi, larger for round images", "deg", _LINE_FIT),
        row(
            "transverse_cog_uncertainty",
            "Uncertainty of the centroid across the major axis",
            unit,
            _LINE_FIT,
        ),
    ]


def _timing(*, in_camera: bool = False) -> list[_Row]:
    prefix, unit, word = (CAMERA_FRAME, "m", "metre") if in_camera else ("", "deg", "degree")

    def row(name: str, description: str, of: str = "") -> _Row:
        return _Row(f"{prefix}timing_{name}", pa.float64(), description, of, _TRIMMED)

    return [
        row("intercept", "Peak time at the centroid, in ns"),
        row(
            "deviation",
            "Root mean square of the residuals of all selected pixels from the line, in ns",
        ),
        row("slope", f"Change of peak time along the major axis, in ns per {word}", f"{unit}**-1"),
    ]


def _leakage(intensity: pa.DataType) -> list[_Row]:
    rows = []
    for what, dtype in (("pixels", pa.float64()), ("intensity", intensity)):
        for width in (1, 2):
            description = (
                f"Fraction of the selected {'pixels' if what == 'pixels' else 'charge'} in the "
                f"{'outermost pixels' if width == 1 else 'two outermost rings'} of the camera"
            )
            rows.append(_Row(f"leakage_{what}_width_{width}", dtype, description, "", _DATA_MODEL))
    return rows


def _concentration() -> list[_Row]:
    def row(name: str, description: str) -> _Row:
        return _Row(f"concentration_{name}", pa.float64(), description, "", _DATA_MODEL)

    return [
        row("cog", "Fraction of the charge closer to the centroid than a pixel is wide"),
        row("core", "Fraction of the charge inside the ellipse of length and width"),
        row("pixel", "Fraction of the charge in the brightest pixel"),
    ]


def _morphology() -> list[_Row]:
    def row(name: str, description: str) -> _Row:
        return _Row(f"morphology_{name}", pa.int64(), description, "", _DATA_MODEL)

    return [
        row("n_pixels", "Selected pixels, -1 if the image has no parameters"),
        row("n_islands", "Connected groups of selected pixels, -1 without parameters"),
        row("n_small_islands", "Islands of 1 or 2 pixels, -1 without parameters"),
        row("n_medium_islands", "Islands of 3 to 50 pixels, -1 without parameters"),
        row("n_large_islands", "Islands of more than 50 pixels, -1 without parameters"),
    ]


def _statistics(
    what: str, values: str, unit: str, extreme: pa.DataType, moment: pa.DataType
) -> list[_Row]:
    def row(name: str, dtype: pa.DataType, description: str) -> _Row:
        return _Row(f"{what}_{name}", dtype, description, "", _MOMENTS)

    return [
        row("max", extreme, f"Highest {values} of the selected pixels, in {unit}"),
        row("min", extreme, f"Lowest {values} of the selected pixels, in {unit}"),
        row("mean", moment, f"Mean {values} of the selected pixels, in {unit}"),
        row("std", moment, f"Standard deviation of the {values} (population), in {unit}"),
        row("skewness", pa.float64(), f"Third standardised moment of the {values}"),
        row("kurtosis", pa.float64(), f"Fourth standardised moment of the {values}, minus 3"),
    ]


def _fields(rows: list[_Row], prefix: str = "", *, nullable: bool = False) -> tuple[pa.Field, ...]:
    return tuple(
        column(
            prefix + row.name,
            row.dtype,
            row.description,
            unit=row.unit,
            source=row.source,
            nullable=nullable,
        )
        for row in rows
    )


def _in_frame(frame: Frame, *, times: bool, rest: list[_Row]) -> list[_Row]:
    """Rows of a frame, of both those of the camera last."""
    groups: dict[bool, list[_Row]] = {
        in_camera: _hillas(in_camera=in_camera) + (_timing(in_camera=in_camera) if times else [])
        for in_camera in (False, True)
    }
    if frame == "both":
        return [*groups[False], *rest, *groups[True]]
    return [*groups[frame == "camera"], *rest]


@cache
def image_parameters(frame: Frame = "telescope") -> tuple[pa.Field, ...]:
    """Parameters of the reconstructed image: NaN (counts: -1) where it has too few pixels.

    Leakage, concentration, morphology and statistics have the same names in every frame.
    """
    rest = [
        *_leakage(pa.float32()),
        *_concentration(),
        *_morphology(),
        *_statistics("intensity", "charge", "photoelectrons", pa.float32(), pa.float32()),
        *_statistics("peak_time", "peak time", "ns", pa.float32(), pa.float32()),
    ]
    return _fields(_in_frame(frame, times=True, rest=rest))


@cache
def true_image_parameters(frame: Frame = "telescope") -> tuple[pa.Field, ...]:
    """Parameters of the simulated image of photoelectrons, all of its pixels with light selected.

    Null where the file has no such image, NaN (integers: -1) where it has too few pixels.
    """
    rest = [
        *_leakage(pa.float64()),
        *_concentration(),
        *_morphology(),
        *_statistics("intensity", "charge", "photoelectrons", pa.int32(), pa.float64()),
    ]
    return _fields(_in_frame(frame, times=False, rest=rest), "true_", nullable=True)


IMAGE_PARAMETERS = image_parameters()
TRUE_IMAGE_PARAMETERS = true_image_parameters()
