"""Parameters of cleaned images: everything that is known from one image alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels import concentration, hillas, leakage, morphology, statistics, timing
from ctabatch.kernels.selection import selected_pixels, selected_values

Columns = dict[str, NDArray[Any]]


def parametrise(
    image: NDArray[Any],
    peak_time: NDArray[np.float32] | None,
    mask: NDArray[np.bool_],
    geometry: CameraGeometry,
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

    Returns
    -------
    dict of str to array of shape (n_images,)
        Columns of `schemas.image_parameters`, without the prefix of simulated images, in their
        units and types. An image of fewer than two selected pixels, or without positive charge,
        has NaN everywhere and -1 in integer columns.
    """
    simulated = np.issubdtype(image.dtype, np.integer)
    offsets, pixels = selected_pixels(np.ascontiguousarray(mask))
    n_images = len(mask)
    charge = _selected(image, offsets, pixels)
    lon, lat = geometry.fov_lon, geometry.fov_lat

    ellipse = np.empty((n_images, len(hillas.COLUMNS)))
    hillas.hillas(offsets, pixels, charge, lon, lat, geometry.area_deg2, ellipse)
    columns = _columns(hillas.COLUMNS, ellipse)
    if peak_time is not None:
        time = _selected(peak_time, offsets, pixels)
        out = np.empty((n_images, len(timing.COLUMNS)))
        timing.timing(offsets, pixels, time, lon, lat, ellipse, out)
        columns |= _columns(timing.COLUMNS, out)

    out = np.empty((n_images, len(leakage.COLUMNS)))
    leakage.leakage(offsets, pixels, charge, geometry.border1, geometry.border2, out)
    columns |= _columns(leakage.COLUMNS, out)

    out = np.empty((n_images, len(concentration.COLUMNS)))
    widths = geometry.pixel_width_deg
    concentration.concentration(offsets, pixels, charge, lon, lat, widths, ellipse, out)
    columns |= _columns(concentration.COLUMNS, out)

    counts = np.empty((n_images, len(morphology.COLUMNS)), dtype=np.int64)
    morphology.morphology(offsets, pixels, *geometry.neighbors_telescope_frame, counts)
    # The other groups know the charge and leave dark images out by themselves.
    dark = ~(ellipse[:, hillas.INTENSITY] > 0)
    counts[dark] = -1
    columns |= _columns(morphology.COLUMNS, counts)

    columns |= _statistics("intensity", offsets, charge, dark)
    if peak_time is not None:
        columns |= _statistics("peak_time", offsets, time, dark)
    return _as_stored(columns, simulated)


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
