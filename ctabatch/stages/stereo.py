"""The stereo stage: image parameters of the telescopes of array events become shower axes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.kernels.core_crossing import core_crossing
from ctabatch.kernels.frames import field_of_sky, sky_of_direction, sky_of_field
from ctabatch.kernels.ground_frames import ground_of_tilted_plane, tilted_of_ground
from ctabatch.kernels.hillas_intersection import axis_crossing, axis_height
from ctabatch.kernels.image_planes import image_planes
from ctabatch.kernels.impact import impact_distance
from ctabatch.kernels.plane_crossing import plane_crossing
from ctabatch.kernels.ray_crossing import ray_crossing
from ctabatch.schemas.geometry import geometry as geometry_schema

from .columns import record_batch
from .telescope_groups import (
    PARAMETERS,
    StereoEvents,
    TelescopeRows,
    event_places,
    group_rows,
    ungroup_rows,
)

Method = Literal["HillasReconstructor", "HillasIntersection"]
METHODS = ("HillasReconstructor", "HillasIntersection")
#: I1 I2 / (I1 + I2) and 1 / (1 / I1 + 1 / I2): two spellings of one weight.
Weighting = Literal["Konrad", "hess"]
WEIGHTINGS = ("Konrad", "hess")
#: Origins farther from the array pointing than this in longitude or latitude are not believed.
FIELD_LIMIT = np.radians(45.0)
#: Shower maxima above this (m) are not believed.
HEIGHT_LIMIT = 100_000.0


def reconstruct(
    events: StereoEvents,
    method: Method = "HillasReconstructor",
    weighting: Weighting = "Konrad",
) -> pa.RecordBatch:
    """Reconstruct the shower axes of array events.

    Used are telescopes that are usable and of which every number is known, with an image of
    positive width; an event needs two. It is valid if that gives a direction and a core. With
    HillasReconstructor an event of unknown array pointing is valid without a core (NaN).

    Parameters
    ----------
    events : StereoEvents
    method : {"HillasReconstructor", "HillasIntersection"}
        Crossing of planes in space, or of lines in the nominal and in the tilted plane.
    weighting : {"Konrad", "hess"}
        Weight of a pair of images in HillasIntersection. Both names stand for the same weight,
        I1 I2 / (I1 + I2) times the sine of the angle between the axes.

    Returns
    -------
    pyarrow.RecordBatch
        Rows of the table dl2/geometry, one for each event.

    Raises
    ------
    OptionError
        Unknown method or weighting.
    """
    if method not in METHODS:
        raise OptionError.unknown_name("geometry reconstruction", method, METHODS)
    if weighting not in WEIGHTINGS:
        raise OptionError.unknown_name("weighting", weighting, WEIGHTINGS)
    images = _Images.usable(events)
    with np.errstate(invalid="ignore"):
        if method == "HillasReconstructor":
            columns = _cross_planes(events, images)
        else:
            columns = _cross_lines(events, images)
    return _rows(method, events, images, columns)


def impact_distances(
    events: StereoEvents, geometry: pa.RecordBatch, method: Method = "HillasReconstructor"
) -> NDArray[np.float64]:
    """Distances of all telescopes of the events, used or not, from the reconstructed axes.

    Parameters
    ----------
    events : StereoEvents
    geometry : pyarrow.RecordBatch
        From `reconstruct`, one row per event.
    method : {"HillasReconstructor", "HillasIntersection"}
        Whose axes.

    Returns
    -------
    (n,) float64, m
        NaN in events that are not valid.
    """
    counts = np.diff(events.offsets)
    alt, az, core_x, core_y = (
        np.repeat(geometry.column(f"{method}_{name}").to_numpy(), counts)
        for name in ("alt", "az", "core_x", "core_y")
    )
    out = np.empty(len(events.tel_id))
    position = np.ascontiguousarray(events.position)
    impact_distance(position, core_x, core_y, np.radians(alt), np.radians(az), out)
    return out


@dataclass(eq=False)
class _Images:
    """The images that take part, grouped by event."""

    row: NDArray[np.int64]
    offsets: NDArray[np.int64]
    values: dict[str, NDArray[np.float64]]

    @classmethod
    def usable(cls, events: StereoEvents) -> _Images:
        columns = {name: getattr(events, f"hillas_{name}") for name in PARAMETERS}
        columns |= {name: getattr(events, name) for name in ("position", "pointing")}
        columns["camera_radius"] = events.camera_radius
        row = np.flatnonzero(events.usable & (events.hillas_width > 0))
        values = {name: column[row] for name, column in columns.items()}
        known = np.ones(len(row), np.bool_)
        for column in values.values():
            finite = np.isfinite(column)
            known &= finite if finite.ndim == 1 else finite.all(axis=1)
        if not known.all():
            row, values = row[known], {name: column[known] for name, column in values.items()}
        values["field"] = np.column_stack([values["fov_lon"], values["fov_lat"]])
        return cls(row, np.searchsorted(row, events.offsets), values)


def _cross_planes(events: StereoEvents, images: _Images) -> dict[str, NDArray[Any]]:
    v, n, n_images = images.values, len(events), len(images.row)
    ray, normal, axis = np.empty((n_images, 3)), np.empty((n_images, 3)), np.empty((n_images, 2))
    image_planes(
        np.column_stack([v["field"], v["psi"]]),
        v["pointing"],
        images.offsets,
        events.array_pointing,
        v["camera_radius"],
        ray,
        normal,
        axis,
    )
    direction, spread, sky = np.empty((n, 3)), np.empty(n), np.empty((n, 2))
    weight = v["intensity"] * v["length"] / v["width"]
    plane_crossing(images.offsets, normal, weight, direction, spread)
    sky_of_direction(direction, sky)
    core, covariance = np.empty((n, 2)), np.empty((n, 3))
    core_crossing(images.offsets, v["position"], axis, events.array_pointing, core, covariance)
    height, height_uncert = np.empty(n), np.empty(n)
    ray_crossing(images.offsets, v["position"], ray, height, height_uncert)
    uncert = np.degrees(spread)
    has_core = np.isfinite(core).all(axis=1)
    pointing_unknown = np.isnan(events.array_pointing).any(axis=1)
    return {
        **_sky_columns(sky, uncert),
        **_core_columns(core, covariance, events.array_pointing),
        "h_max": height + events.reference_height,
        "h_max_uncert": height_uncert,
        "is_valid": np.asarray(np.isfinite(sky).all(axis=1) & (has_core | pointing_unknown)),
    }


def _cross_lines(events: StereoEvents, images: _Images) -> dict[str, NDArray[Any]]:
    v, n = images.values, len(events)
    array = np.repeat(events.array_pointing, np.diff(images.offsets), axis=0)
    sky, centroid, position = (np.empty((len(images.row), k)) for k in (2, 2, 3))
    sky_of_field(np.radians(v["field"]), v["pointing"], sky)
    field_of_sky(sky, array, centroid)
    tilted_of_ground(v["position"], array, position)
    source, source_covariance = np.empty((n, 2)), np.empty((n, 3))
    core, covariance = np.empty((n, 2)), np.empty((n, 3))
    psi, strength = np.radians(v["psi"]), v["intensity"]
    lon, lat = np.ascontiguousarray(centroid.T)
    x, y, _ = np.ascontiguousarray(position.T)
    axis_crossing(images.offsets, lon, lat, psi, strength, source, source_covariance)
    # the x axis of the tilted plane belongs to the latitude, so both change places
    axis_crossing(images.offsets, y, x, psi, strength, core, covariance)
    core, covariance = core[:, ::-1].copy(), covariance[:, [1, 0, 2]]
    distance, origin = np.empty(n), np.empty((n, 2))
    axis_height(images.offsets, centroid, position, strength, source, core, distance)
    height = distance * np.sin(events.array_pointing[:, 0]) + events.reference_height
    sky_of_field(source, events.array_pointing, origin)
    uncert = np.degrees(np.sqrt(source_covariance[:, 0] + source_covariance[:, 1]))
    return {
        **_sky_columns(origin, uncert),
        **_core_columns(core, covariance, events.array_pointing),
        "h_max": np.where(height <= HEIGHT_LIMIT, height, np.nan),
        "h_max_uncert": np.full(n, np.nan),
        "is_valid": (abs(source) <= FIELD_LIMIT).all(axis=1) & np.isfinite(core).all(axis=1),
    }


def _sky_columns(
    sky: NDArray[np.float64], uncert: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    az = np.degrees(sky[:, 1])
    return {
        "alt": np.degrees(sky[:, 0]),
        "az": np.where(az < 360.0, az, 0.0 * az),  # 0, but NaN where it is
        "alt_uncert": uncert,
        "az_uncert": uncert,
        "ang_distance_uncert": uncert,
    }


def _core_columns(
    core: NDArray[np.float64], covariance: NDArray[np.float64], pointing: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    ground, uncert = np.empty_like(core), np.empty_like(core)
    ground_of_tilted_plane(core, covariance, pointing, ground, uncert)
    return {
        "core_x": ground[:, 0],
        "core_y": ground[:, 1],
        "core_uncert_x": uncert[:, 0],
        "core_uncert_y": uncert[:, 1],
        "core_tilted_x": core[:, 0],
        "core_tilted_y": core[:, 1],
        "core_tilted_uncert_x": np.sqrt(covariance[:, 0]),
        "core_tilted_uncert_y": np.sqrt(covariance[:, 1]),
    }


def _rows(
    prefix: str, events: StereoEvents, images: _Images, columns: dict[str, NDArray[Any]]
) -> pa.RecordBatch:
    """Rows of dl2/geometry; all numbers of events that are not valid become NaN."""
    valid, counts = columns.pop("is_valid").astype(np.bool_), np.diff(images.offsets)
    event = np.repeat(np.arange(len(events)), counts)
    total = np.bincount(event, images.values["intensity"], minlength=len(events))
    columns["average_intensity"] = total / np.where(counts, counts, 1)
    columns["goodness_of_fit"] = np.full(len(events), np.nan)
    named: dict[str, Any] = {
        f"{prefix}_{name}": np.where(valid, column, np.nan) for name, column in columns.items()
    }
    ends = np.cumsum(np.where(valid, counts, 0))
    tel_id = np.asarray(events.tel_id)[images.row[valid[event]]].astype(np.int16)
    schema = geometry_schema(prefix)
    named[f"{prefix}_is_valid"] = valid
    named[f"{prefix}_telescopes"] = pa.ListArray.from_arrays(
        pa.array(np.r_[0, ends].astype(np.int32)),
        pa.array(tel_id),
        type=schema.field(f"{prefix}_telescopes").type,
    )
    named |= {"obs_id": events.obs_id, "event_id": events.event_id}
    return record_batch(schema, named)


__all__ = [
    "StereoEvents",
    "TelescopeRows",
    "event_places",
    "group_rows",
    "impact_distances",
    "reconstruct",
    "ungroup_rows",
]
