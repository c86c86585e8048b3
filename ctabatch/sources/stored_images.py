"""Stored images: charges and times as they are, and the simulated images beside them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.stages.charges import Charges

from .protocol import Empty
from .stored_plans import LevelRows
from .stored_rows import Rows

#: Columns that are read besides the keys.
TRUE_COLUMNS = ("true_image", "true_image_sum")
IMAGE_COLUMNS = (
    "image", "peak_time", "is_valid", "selected_gain_channel", "is_read_out", *TRUE_COLUMNS,
)  # fmt: skip


def image_level(tel_type: str, rows: Rows) -> LevelRows:
    """Rows of dl1/images as a level that processing starts from."""

    def content(
        chosen: NDArray[np.int64],
        geometry: CameraGeometry,
        subarray: SubarrayDescription,
        empty: Empty,
    ) -> dict[str, Any]:
        del subarray
        shape = (len(chosen), geometry.n_pixels)
        check_shape(rows, "image", shape[1:])
        image, peak_time = empty(shape, np.float32), empty(shape, np.float32)
        gain = empty(shape, np.int8)
        for name, out in (
            ("image", image), ("peak_time", peak_time), ("selected_gain_channel", gain),
        ):  # fmt: skip
            rows.tensors(name, chosen, out)
        is_valid = rows.numbers("is_valid", chosen).astype(np.bool_)
        return {
            "charges": Charges(image, peak_time, gain, is_valid),
            "waveform": np.empty((0, 0, 0, 0), np.uint16),
            "read_out": read_out(rows, chosen, geometry),
            "calibration": no_calibration(geometry),
            "calibration_row": np.full(len(chosen), -1, np.int64),
            **truth(rows, chosen, geometry, empty),
        }

    return LevelRows(tel_type, rows, content, (rows.present("is_read_out"),))


def check_shape(rows: Rows, name: str, shape: tuple[int, ...]) -> None:
    """Refuse arrays of another shape than that of the camera."""
    dtype = rows.file.schema.field(name).type
    found = tuple(getattr(dtype, "shape", ()))
    if found != shape:
        raise InputError(
            f"{rows.file.path}: column {name} holds {dtype}, the camera needs arrays of {shape}"
        )


def read_out(
    rows: Rows, chosen: NDArray[np.int64], geometry: CameraGeometry
) -> NDArray[np.bool_] | None:
    """Pixels with data; None if all have in all rows."""
    out = np.empty((len(chosen), geometry.n_pixels), np.bool_)
    check_shape(rows, "is_read_out", out.shape[1:])
    return out if rows.tensors("is_read_out", chosen, out, fill=True).any() else None


def truth(
    rows: Rows, chosen: NDArray[np.int64], geometry: CameraGeometry, empty: Empty
) -> dict[str, Any]:
    """Simulated images and their sums; of rows -1 there are none."""
    n = len(chosen)
    sums, images = np.full(n, -1, np.int64), None
    at = np.flatnonzero(chosen >= 0)
    if len(at):
        check_shape(rows, "true_image", (geometry.n_pixels,))
        sums[at] = rows.counts("true_image_sum", chosen[at])
        images = empty((n, geometry.n_pixels), np.int32)
        found = np.empty((len(at), geometry.n_pixels), np.int32)
        present = rows.tensors("true_image", chosen[at], found, fill=-1)
        images[:] = -1
        images[at] = found
        images = images if present.any() else None
    return {"true_image": images, "true_image_sum": sums}


def no_calibration(geometry: CameraGeometry) -> CameraCalibration:
    """Coefficients of no telescope: images need none."""
    nothing = np.empty((0, 1, geometry.n_pixels), np.float32)
    return CameraCalibration(
        tel_ids=np.empty(0, np.int64),
        pedestal=nothing,
        dc_to_pe=nothing,
        time_shift=nothing,
        n_summed=np.empty(0, np.int64),
        readouts=(),
        invalid_pixels=np.empty((0, geometry.n_pixels), np.bool_),
    )


__all__ = ["IMAGE_COLUMNS", "TRUE_COLUMNS", "check_shape", "image_level", "read_out", "truth"]
