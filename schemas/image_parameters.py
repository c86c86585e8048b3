"""Columns that describe one cleaned image, in the groups in which they are computed."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from .column import column

_HILLAS = "A. M. Hillas, Proc. 19th ICRC 3 (1985) 445, of the charges selected by the cleaning"
_DATA_MODEL = "definition of CTAO's DL1 data model, of the pixels selected by the cleaning"
_LINE_FIT = "weighted straight line along the axis, weights charge / area"
_TRIMMED = "least trimmed squares (Rousseeuw, Van Driessen, 2006) of peak time along the axis"
_MOMENTS = "population moments of the pixels selected by the cleaning"


class _Row(NamedTuple):
    """Declaration of a column whose name and nullability depend on the image it describes."""

    name: str
    dtype: pa.DataType
    description: str
    unit: str = ""
    source: str = ""


def _hillas() -> list[_Row]:
    def row(name: str, description: str, unit: str = "", source: str = _HILLAS) -> _Row:
        return _Row(f"hillas_{name}", pa.float64(), description, unit, source)

    return [
        row("intensity", "Sum of the charge, in photoelectrons"),
        row("skewness", "Third standardised moment along the major axis; its sign tells the head"),
        row("kurtosis", "Fourth standardised moment along the major axis, 3 for a normal one"),
        row("fov_lon", "Longitude of the centroid in the field of view", "deg"),
        row("fov_lat", "Latitude of the centroid in the field of view", "deg"),
        row("r", "Distance of the centroid from the centre of the field of view", "deg"),
        row("phi", "Polar angle of the centroid from +fov_lon", "deg"),
        row("length", "Standard deviation along the major axis", "deg"),
        row("length_uncertainty", "Uncertainty of the length from charge fluctuations", "deg"),
        row("width", "Standard deviation across the major axis", "deg"),
        row("width_uncertainty", "Uncertainty of the width from charge fluctuations", "deg"),
        row("psi", "Angle of the major axis from +fov_lon, in [-90, 90]", "deg"),
        row("psi_uncertainty", "Uncertainty of psi, larger for round images", "deg", _LINE_FIT),
        row(
            "transverse_cog_uncertainty",
            "Uncertainty of the centroid across the major axis",
            "deg",
            _LINE_FIT,
        ),
    ]


def _timing() -> list[_Row]:
    return [
        _Row("timing_intercept", pa.float64(), "Peak time at the centroid, in ns", "", _TRIMMED),
        _Row(
            "timing_deviation",
            pa.float64(),
            "Root mean square of the residuals of all selected pixels from the line, in ns",
            "",
            _TRIMMED,
        ),
        _Row(
            "timing_slope",
            pa.float64(),
            "Change of peak time along the major axis, in ns per degree",
            "deg**-1",
            _TRIMMED,
        ),
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


#: Parameters of the reconstructed image: NaN (counts: -1) where it has too few pixels.
IMAGE_PARAMETERS: tuple[pa.Field, ...] = _fields(
    [
        *_hillas(),
        *_timing(),
        *_leakage(pa.float32()),
        *_concentration(),
        *_morphology(),
        *_statistics("intensity", "charge", "photoelectrons", pa.float32(), pa.float32()),
        *_statistics("peak_time", "peak time", "ns", pa.float32(), pa.float32()),
    ]
)

#: Parameters of the simulated image of photoelectrons, all of its pixels with light selected:
#: null where the file has no such image, NaN (integers: -1) where it has too few pixels.
TRUE_IMAGE_PARAMETERS: tuple[pa.Field, ...] = _fields(
    [
        *_hillas(),
        *_leakage(pa.float64()),
        *_concentration(),
        *_morphology(),
        *_statistics("intensity", "charge", "photoelectrons", pa.int32(), pa.float64()),
    ],
    "true_",
    nullable=True,
)
