"""The array as tables: what a dataset keeps in its folder subarray/."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from ctabatch.schemas import subarray as schemas

from .camera import CameraGeometry
from .optics import OpticsDescription
from .readout import CameraReadout
from .subarray import SubarrayDescription

Camera = tuple[CameraGeometry, CameraReadout]


def subarray_tables(subarray: SubarrayDescription) -> dict[str, pa.Table]:
    """Tables telescopes, cameras, pixels, optics and readout of one array.

    A camera is a pair of geometry and readout; cameras and optics are numbered in the order in
    which the telescopes of the array first use them.
    """
    cameras: dict[Camera, int] = {}
    optics: dict[OpticsDescription, int] = {}
    for telescope in subarray.telescopes.values():
        cameras.setdefault((telescope.geometry, telescope.readout), len(cameras))
        optics.setdefault(telescope.optics, len(optics))
    digest = subarray.digest
    return {
        "telescopes": _rows(schemas.TELESCOPES, digest, _telescopes(subarray, cameras, optics)),
        "cameras": _rows(schemas.CAMERAS, digest, map(_camera, cameras.items())),
        "pixels": _pixels(digest, cameras),
        "optics": _rows(schemas.OPTICS, digest, map(_optics, optics.items())),
        "readout": _rows(schemas.READOUT, digest, map(_readout, cameras.items())),
    }


def _rows(schema: pa.Schema, digest: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{"subarray_id": digest, **row} for row in rows], schema=schema)


def _telescopes(
    subarray: SubarrayDescription, cameras: dict[Camera, int], optics: dict[OpticsDescription, int]
) -> Iterable[dict[str, Any]]:
    latitude, longitude, height = subarray.reference_location
    for telescope in subarray.telescopes.values():
        x, y, z = telescope.position.tolist()
        yield {
            "tel_id": telescope.tel_id,
            "name": telescope.name,
            "type": telescope.type,
            "tel_type": telescope.tel_type,
            "tel_description": telescope.description,
            "pos_x": x,
            "pos_y": y,
            "pos_z": z,
            "camera_name": telescope.geometry.name,
            "optics_name": telescope.optics.name,
            "camera_index": cameras[telescope.geometry, telescope.readout],
            "optics_index": optics[telescope.optics],
            "focal_length_kind": telescope.focal_length_kind,
            "subarray_name": subarray.name,
            "reference_latitude": latitude,
            "reference_longitude": longitude,
            "reference_height": height,
        }


def _camera(item: tuple[Camera, int]) -> dict[str, Any]:
    (geometry, _), index = item
    return {
        "camera_index": index,
        "camera_name": geometry.name,
        "n_pixels": geometry.n_pixels,
        "pix_type": geometry.pixel_shape,
        "pix_rotation": geometry.pixel_rotation,
        "applied_rotation": geometry.camera_rotation,
        "focal_length": geometry.focal_length,
        "radius": geometry.radius_deg,
    }


def _pixels(digest: str, cameras: dict[Camera, int]) -> pa.Table:
    """One row per camera and pixel, built from whole arrays."""
    batches = []
    for (geometry, _), index in cameras.items():
        n_pixels = geometry.n_pixels
        indptr, indices = geometry.neighbors
        columns = [
            pa.repeat(digest, n_pixels),
            pa.repeat(pa.scalar(index, pa.int32()), n_pixels),
            pa.array(np.arange(n_pixels, dtype=np.int32)),
            *map(pa.array, (geometry.pixel_x, geometry.pixel_y, geometry.pixel_area)),
            *map(pa.array, (geometry.fov_lon, geometry.fov_lat)),
            pa.ListArray.from_arrays(pa.array(indptr), pa.array(indices)),
        ]
        batches.append(pa.record_batch(columns, schema=schemas.PIXELS))
    return pa.Table.from_batches(batches, schema=schemas.PIXELS)


def _optics(item: tuple[OpticsDescription, int]) -> dict[str, Any]:
    optics, index = item
    return {
        "optics_index": index,
        "optics_name": optics.name,
        "size_type": optics.size_type,
        "reflector_shape": optics.reflector_shape,
        "mirror_area": optics.mirror_area,
        "n_mirrors": optics.n_mirrors,
        "n_mirror_tiles": optics.n_mirror_tiles,
        "equivalent_focal_length": optics.equivalent_focal_length,
        "effective_focal_length": optics.effective_focal_length,
    }


def _readout(item: tuple[Camera, int]) -> dict[str, Any]:
    (geometry, readout), index = item
    pulse = readout.reference_pulse
    return {
        "camera_index": index,
        "camera_name": geometry.name,
        "n_channels": readout.n_channels,
        "n_pixels": readout.n_pixels,
        "n_samples": readout.n_samples,
        "sampling_rate": readout.sampling_rate,
        "reference_pulse_sample_width": readout.reference_pulse_sample_width,
        "reference_pulse_sample_time": readout.reference_pulse_sample_time,
        "reference_pulse_shape_channel0": pulse[0],
        "reference_pulse_shape_channel1": pulse[1] if readout.n_channels > 1 else None,
    }
