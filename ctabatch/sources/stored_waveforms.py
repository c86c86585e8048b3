"""Stored calibrated waveforms, with the coefficients and the simulated images beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.subarray import SubarrayDescription
from ctabatch.stages.reduced_waveforms import dense_waveforms

from .protocol import Empty
from .stored_calibration import StoredCalibration
from .stored_images import check_shape, read_out, truth
from .stored_plans import LevelRows
from .stored_rows import Rows, place_of

_LISTS = ("pixel_index", "waveform")
#: Columns that are read besides the keys.
REDUCED_COLUMNS = ("pixel_index", "waveform", "selected_gain_channel", "is_sum", "is_read_out")
WAVEFORM_COLUMNS = ("waveform", "selected_gain_channel", "is_sum", "is_read_out")


def waveform_level(
    tel_type: str,
    rows: Rows,
    first: int,
    calibrations: Sequence[StoredCalibration],
    truths: Sequence[Rows],
) -> LevelRows:
    """Rows of r1 or dl0 as a level that processing starts from.

    Parameters
    ----------
    tel_type : str
    rows : Rows
    first : int
        Array events of the part before the block.
    calibrations : sequence of StoredCalibration
        Of this telescope type, by shape.
    truths : sequence of Rows
        Of dl1/images of this telescope type; may be empty.
    """
    tel_id = rows.numbers("tel_id").astype(np.int64)
    found = [place_of(rows.event, tel_id, t.event, t.numbers("tel_id")) for t in truths]
    fitting = [one.rows(rows.event + first, tel_id) for one in calibrations]
    number = np.full(len(rows), -1, np.int64)
    for k, row in enumerate(fitting):
        number[(row >= 0) & (number < 0)] = k
    if (number < 0).any():
        k = int(np.flatnonzero(number < 0)[0])
        raise InputError(
            f"{rows.file.path}: the table calibration of the part tells nothing of telescope "
            f"{tel_id[k]}; parts that were written before it existed must be made again"
        )
    source = np.full(len(rows), -1, np.int64)
    for k, at in enumerate(found):
        source[at >= 0] = k

    def content(
        chosen: NDArray[np.int64],
        geometry: CameraGeometry,
        subarray: SubarrayDescription,
        empty: Empty,
    ) -> dict[str, Any]:
        coefficients = calibrations[int(number[chosen[0]])]
        waveform, gain = _samples(rows, chosen, geometry, coefficients, empty)
        with_truth = int(source[chosen[0]])
        return {
            "waveform": waveform,
            "gain": gain,
            "is_sum": bool(rows.numbers("is_sum", chosen[:1])[0]),
            "read_out": read_out(rows, chosen, geometry),
            "calibration": coefficients.calibration(subarray),
            "calibration_row": fitting[int(number[chosen[0]])][chosen],
            **(
                truth(truths[with_truth], found[with_truth][chosen], geometry, empty)
                if with_truth >= 0
                else no_truth(len(chosen))
            ),
        }

    kinds = (rows.numbers("is_sum"), rows.present("is_read_out"), number, source)
    return LevelRows(tel_type, rows, content, kinds)


def no_truth(n: int) -> dict[str, Any]:
    """Nothing is known of simulated images."""
    return {"true_image": None, "true_image_sum": np.full(n, -1, np.int64)}


def _samples(
    rows: Rows,
    chosen: NDArray[np.int64],
    geometry: CameraGeometry,
    coefficients: StoredCalibration,
    empty: Empty,
) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Waveforms (n, 1, n_pixels, n_samples) and gains (n, n_pixels)."""
    dtype = rows.file.schema.field("waveform").type
    is_reduced = pa.types.is_list(dtype)
    n_pixels = geometry.n_pixels
    if is_reduced:
        n_samples = int(getattr(dtype.value_type, "list_size", 0))
    else:
        n_samples = int(getattr(dtype, "shape", (0, 0))[-1])
        check_shape(rows, "waveform", (n_pixels, n_samples))
    check_shape(rows, "selected_gain_channel", (n_pixels,))
    if n_samples < 1 or coefficients.n_pixels != n_pixels:
        raise InputError(
            f"{rows.file.path}: waveforms of {n_samples} samples and coefficients of "
            f"{coefficients.n_pixels} pixels for a camera of {n_pixels}"
        )
    waveform = empty((len(chosen), 1, n_pixels, n_samples), np.float32)
    gain = empty((len(chosen), n_pixels), np.int8)
    if is_reduced:
        with rows.file.reading():
            index, traces = rows.lists(_LISTS, chosen)
            waveform[:, 0] = dense_waveforms(index, traces, n_pixels)[0]
    else:
        rows.tensors("waveform", chosen, waveform)
    rows.tensors("selected_gain_channel", chosen, gain)
    if gain.min() < 0 or gain.max() >= coefficients.n_gains:  # it is an index of arrays
        raise InputError(
            f"{rows.file.path}: gain channel {gain.min() if gain.min() < 0 else gain.max()} of "
            f"telescopes with {coefficients.n_gains}"
        )
    return waveform, gain


__all__ = ["REDUCED_COLUMNS", "WAVEFORM_COLUMNS", "waveform_level"]
