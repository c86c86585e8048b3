"""Parameters of cleaned images: everything that is known from one image alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry, Neighbors
from ctabatch.kernels import concentration, hillas, leakage, morphology, statistics, timing
from ctabatch.kernels.selection import selected_pixels, selected_values
from ctabatch.schemas.image_parameters import CAMERA_FRAME, Frame
from ctabatch.schemas.parameters import parameters

Columns = dict[str, NDArray[Any]]


class _Plane(NamedTuple):
    """Pixels as they lie in one frame: in degrees, or in metres with x and y not swapped."""

    prefix: str
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    area: NDArray[np.float64]
    width: NDArray[np.float64]
    border1: NDArray[np.bool_]
    border2: NDArray[np.bool_]
    neighbors: Neighbors


def parametrise(
    image: NDArray[Any],
    peak_time: NDArray[np.float32] | None,
    mask: NDArray[np.bool_],
    geometry: CameraGeometry,
    frame: Frame = "telescope",
) -> Columns:
    """Compute the parameters of every image.

    Parameters
    ----------
    image : float32 or integer array of shape (n_images, n_pixels), p.e.
        Charge; integers are simulated photoelectrons.
    peak_time : float32 array of shape (n_images, n_pixels), ns, or None
        Pulse times; without them the timing and peak time groups are left out.
    mask : bool array of shape (n_images, n_pixels)
        Selected pixels.
    geometry : CameraGeometry
        Camera of all images.
    frame : {"telescope", "camera", "both"}
        Frame of ellipse and time gradient. Leakage, concentration and islands, of which there is
        one column each, belong to the camera frame only if it is the only one.

    Returns
    -------
    dict of str to array of shape (n_images,)
        Columns of `schemas.image_parameters`, without the prefix of simulated images, in their
        units and types; ``hillas_*`` are there in any frame. An image of fewer than two selected
        pixels, or without positive charge, has NaN everywhere and -1 in integer columns.
    """
    simulated = np.issubdtype(image.dtype, np.integer)
    offsets, pixels = selected_pixels(np.ascontiguousarray(mask))
    n_images = len(mask)
    charge = _selected(image, offsets, pixels)
    time = None if peak_time is None else _selected(peak_time, offsets, pixels)

    # The angle of the axis on the ground is made from the ellipse on the sky.
    plane = _telescope_plane(geometry)
    columns, ellipse = _ellipse(plane, offsets, pixels, charge)
    if frame != "camera" and time is not None:
        columns |= _gradient(plane, offsets, pixels, time, ellipse)
    if frame != "telescope":
        camera = _camera_plane(geometry)
        own, in_metres = _ellipse(camera, offsets, pixels, charge)
        if time is not None:
            own |= _gradient(camera, offsets, pixels, time, in_metres)
        if frame == "camera":
            plane, ellipse = camera, in_metres

    out = np.empty((n_images, len(leakage.COLUMNS)))
    leakage.leakage(offsets, pixels, charge, plane.border1, plane.border2, out)
    columns |= _columns(leakage.COLUMNS, out)

    out = np.empty((n_images, len(concentration.COLUMNS)))
    concentration.concentration(
        offsets, pixels, charge, plane.x, plane.y, plane.width, ellipse, out
    )
    columns |= _columns(concentration.COLUMNS, out)

    counts = np.empty((n_images, len(morphology.COLUMNS)), dtype=np.int64)
    morphology.morphology(offsets, pixels, *plane.neighbors, counts)
    # The other groups know the charge and leave dark images out by themselves.
    dark = ~(ellipse[:, hillas.INTENSITY] > 0)
    counts[dark] = -1
    columns |= _columns(morphology.COLUMNS, counts)

    columns |= _statistics("intensity", offsets, charge, dark)
    if time is not None:
        columns |= _statistics("peak_time", offsets, time, dark)
    if frame != "telescope":
        columns |= own
    return _as_stored(columns, simulated)


def _telescope_plane(geometry: CameraGeometry) -> _Plane:
    return _Plane(
        "", geometry.fov_lon, geometry.fov_lat, geometry.area_deg2, geometry.pixel_width_deg,
        geometry.border1, geometry.border2, geometry.neighbors_telescope_frame,
    )  # fmt: skip


def _camera_plane(geometry: CameraGeometry) -> _Plane:
    return _Plane(
        CAMERA_FRAME, geometry.pixel_x, geometry.pixel_y, geometry.pixel_area,
        geometry.pixel_width, *geometry.borders_camera_frame, geometry.neighbors,
    )  # fmt: skip


def _ellipse(
    plane: _Plane,
    offsets: NDArray[np.int64],
    pixels: NDArray[np.int32],
    charge: NDArray[np.float64],
) -> tuple[Columns, NDArray[np.float64]]:
    """Hillas parameters in a frame, as columns and as other kernels take them."""
    out = np.empty((len(offsets) - 1, len(hillas.COLUMNS)))
    hillas.hillas(offsets, pixels, charge, plane.x, plane.y, plane.area, out)
    return _columns(tuple(_name_in(plane, name) for name in hillas.COLUMNS), out), out


def _gradient(
    plane: _Plane,
    offsets: NDArray[np.int64],
    pixels: NDArray[np.int32],
    time: NDArray[np.float64],
    ellipse: NDArray[np.float64],
) -> Columns:
    """Time gradient in a frame."""
    out = np.empty((len(offsets) - 1, len(timing.COLUMNS)))
    timing.timing(offsets, pixels, time, plane.x, plane.y, ellipse, out)
    return _columns(tuple(_name_in(plane, name) for name in timing.COLUMNS), out)


def _name_in(plane: _Plane, column: str) -> str:
    """Name of a column in a frame; the camera has x and y for longitude and latitude."""
    if not plane.prefix:
        return column
    own = {"hillas_fov_lon": "hillas_x", "hillas_fov_lat": "hillas_y"}.get(column, column)
    return plane.prefix + own


def column_names(frame: Frame) -> list[str]:
    """Columns of dl1/parameters in a frame."""
    return list(parameters(frame).names)


def _selected(
    values: NDArray[Any], offsets: NDArray[np.int64], pixels: NDArray[np.int32]
) -> NDArray[np.float64]:
    out = np.empty(len(pixels))
    selected_values(np.ascontiguousarray(values), offsets, pixels, out)
    return out


def _columns(names: tuple[str, ...], out: NDArray[Any]) -> Columns:
    return {name: np.ascontiguousarray(out[:, i]) for i, name in enumerate(names)}


def _statistics(
    prefix: str,
    offsets: NDArray[np.int64],
    values: NDArray[np.float64],
    dark: NDArray[np.bool_],
) -> Columns:
    out = np.empty((len(dark), len(statistics.COLUMNS)))
    statistics.statistics(offsets, values, out)
    out[dark] = np.nan
    return _columns(tuple(f"{prefix}_{name}" for name in statistics.COLUMNS), out)


def _as_stored(columns: Columns, simulated: bool) -> Columns:
    """Give the columns the types of their tables: float32 for what float32 images determine."""
    if simulated:
        for name in ("intensity_max", "intensity_min"):
            values = columns[name]
            columns[name] = np.where(np.isnan(values), -1, values).astype(np.int32)
        return columns
    for name in columns:
        if name.startswith("leakage_intensity_") or (
            name.startswith(("intensity_", "peak_time_"))
            and name.endswith(("_max", "_min", "_mean", "_std"))
        ):
            columns[name] = columns[name].astype(np.float32)
    return columns


__all__ = ["Frame", "column_names", "parametrise"]
