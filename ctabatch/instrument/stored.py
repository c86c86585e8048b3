"""The array that the tables of a dataset describe: the way back from `tables`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError

from .camera import CameraGeometry
from .optics import OpticsDescription
from .readout import CameraReadout
from .subarray import SubarrayDescription, TelescopeDescription


def subarray_from_tables(tables: Mapping[str, pa.Table]) -> SubarrayDescription:
    """Describe the array of the tables telescopes, cameras, pixels, optics and readout.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        All of one array, as `subarray_tables` makes them.

    Returns
    -------
    SubarrayDescription
        Equal to the one that was stored (it has the same digest), but that no pixel is disabled:
        that depends on the run and is not stored.

    Raises
    ------
    InputError
        There is no telescope, or a telescope names a camera or optics that is not there.
    """
    pixels = _pixels_by_camera(tables["pixels"])
    geometries = {
        row["camera_index"]: _geometry(row, pixels[row["camera_index"]])
        for row in tables["cameras"].to_pylist()
        if row["camera_index"] in pixels
    }
    readouts = {row["camera_index"]: _readout(row) for row in tables["readout"].to_pylist()}
    optics = {row["optics_index"]: _optics(row) for row in tables["optics"].to_pylist()}
    rows = tables["telescopes"].to_pylist()
    if not rows:
        raise InputError("a stored array without telescopes")
    try:
        telescopes = {
            row["tel_id"]: _telescope(
                row,
                optics[row["optics_index"]],
                geometries[row["camera_index"]],
                readouts[row["camera_index"]],
            )
            for row in rows
        }
    except KeyError as error:
        raise InputError(f"a stored array lacks its camera or optics number {error}") from error
    first = rows[0]
    place = ("reference_latitude", "reference_longitude", "reference_height")
    latitude, longitude, height = (float(first[name]) for name in place)
    return SubarrayDescription(first["subarray_name"], telescopes, (latitude, longitude, height))


def _pixels_by_camera(table: pa.Table) -> dict[int, tuple[NDArray[np.float64], ...]]:
    """Camera -> pix_x, pix_y and pix_area by ascending pixel."""
    camera, pixel = (table[name].to_numpy() for name in ("camera_index", "pix_id"))
    columns = [table[name].to_numpy() for name in ("pix_x", "pix_y", "pix_area")]
    found = {}
    for index in np.unique(camera).tolist():
        own = np.flatnonzero(camera == index)
        own = own[np.argsort(pixel[own], kind="stable")]
        found[index] = tuple(column[own] for column in columns)
    return found


def _geometry(row: Mapping[str, Any], pixels: tuple[NDArray[np.float64], ...]) -> CameraGeometry:
    x, y, area = pixels
    return CameraGeometry(
        name=row["camera_name"],
        pixel_x=x,
        pixel_y=y,
        pixel_area=area,
        pixel_shape=row["pix_type"],
        pixel_rotation=row["pix_rotation"],
        camera_rotation=row["applied_rotation"],
        focal_length=row["focal_length"],
    )


def _readout(row: Mapping[str, Any]) -> CameraReadout:
    names = ("reference_pulse_shape_channel0", "reference_pulse_shape_channel1")
    return CameraReadout(
        sampling_rate=row["sampling_rate"],
        reference_pulse=np.array([row[name] for name in names if row[name] is not None]),
        reference_pulse_sample_width=row["reference_pulse_sample_width"],
        n_channels=row["n_channels"],
        n_pixels=row["n_pixels"],
        n_samples=row["n_samples"],
    )


def _optics(row: Mapping[str, Any]) -> OpticsDescription:
    names = ("size_type", "reflector_shape", "mirror_area", "n_mirrors", "n_mirror_tiles",
             "equivalent_focal_length", "effective_focal_length")  # fmt: skip
    return OpticsDescription(name=row["optics_name"], **{name: row[name] for name in names})


def _telescope(
    row: Mapping[str, Any],
    optics: OpticsDescription,
    geometry: CameraGeometry,
    readout: CameraReadout,
) -> TelescopeDescription:
    position = np.array([row["pos_x"], row["pos_y"], row["pos_z"]], np.float64)
    disabled = np.zeros(geometry.n_pixels, np.bool_)
    for values in (position, disabled):
        values.setflags(write=False)
    return TelescopeDescription(
        tel_id=row["tel_id"],
        name=row["name"],
        type=row["type"],
        tel_type=row["tel_type"],
        optics=optics,
        geometry=geometry,
        readout=readout,
        position=position,
        disabled_pixels=disabled,
        focal_length_kind=row["focal_length_kind"],
    )


__all__ = ["subarray_from_tables"]
