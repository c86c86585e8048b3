"""Waveforms of the pixels that are kept: from dense arrays to rows of a table, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.schemas.reduced_waveforms import N_PIXELS, reduced_waveforms
from ctabatch.stages.columns import record_batch

_INDEX, _SAMPLE, _OFFSET = (np.dtype(t).itemsize for t in (np.uint16, np.float32, np.int32))


class DenseWaveforms(NamedTuple):
    """Waveforms of all pixels, zero where they were dropped.

    Attributes
    ----------
    waveform : (n_events, n_pixels, n_samples) float32
        Photo-electrons per sample.
    mask : (n_events, n_pixels) bool
        True for pixels that were kept.
    selected_gain_channel : (n_events, n_pixels) int8
    """

    waveform: NDArray[np.float32]
    mask: NDArray[np.bool_]
    selected_gain_channel: NDArray[np.int8]


def reduce_waveforms(
    keys: Mapping[str, NDArray[Any]],
    waveform: NDArray[np.float32],
    mask: NDArray[np.bool_],
    selected_gain_channel: NDArray[np.int8],
    *,
    is_sum: bool = False,
    read_out: NDArray[np.bool_] | None = None,
) -> pa.RecordBatch:
    """Rows with the waveforms of the kept pixels.

    Parameters
    ----------
    keys : mapping
        Columns obs_id, event_id and tel_id, (n_events,).
    waveform : (n_events, n_pixels, n_samples) float32
    mask : (n_events, n_pixels) bool
        Pixels that are kept, from a reducer.
    selected_gain_channel : (n_events, n_pixels) int8
    is_sum : bool
        Whether the waveforms are sums, of one sample.
    read_out : (n_events, n_pixels) bool, optional
        Pixels with data; all by default.

    Returns
    -------
    RecordBatch of the schema `reduced_waveforms`

    Raises
    ------
    InputError
        The arrays do not fit together, or more pixels are kept than Arrow's lists can count.
    """
    if (
        waveform.ndim != 3
        or mask.shape != waveform.shape[:2]
        or selected_gain_channel.shape != mask.shape
        or any(len(values) != len(waveform) for values in keys.values())
    ):
        raise InputError(
            f"waveforms of shape {waveform.shape}, mask of shape {mask.shape} and gains of shape "
            f"{selected_gain_channel.shape} for {[len(values) for values in keys.values()]} keys"
        )
    _, n_pixels, n_samples = waveform.shape
    schema = reduced_waveforms(n_pixels, n_samples)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(mask.sum(axis=1, dtype=np.int64))])
    if offsets[-1] > np.iinfo(np.int32).max:
        raise InputError(f"{offsets[-1]} waveforms in one batch: make batches of fewer events")
    pixels = np.nonzero(mask)[1].astype(np.uint16)
    kept = np.ascontiguousarray(waveform[mask], np.float32)
    samples = pa.array(kept.reshape(-1), pa.float32())
    trace = schema.field("waveform").type.value_type
    traces = pa.Array.from_buffers(trace, len(kept), [None], null_count=0, children=[samples])
    columns = {
        **keys,
        "pixel_index": _lists(schema.field("pixel_index").type, offsets, pa.array(pixels)),
        "waveform": _lists(schema.field("waveform").type, offsets, traces),
        "selected_gain_channel": np.ascontiguousarray(selected_gain_channel, np.int8),
        "is_sum": np.full(len(waveform), is_sum),
        "is_read_out": read_out,
    }
    return record_batch(schema, columns)


def expand_waveforms(rows: pa.RecordBatch) -> DenseWaveforms:
    """Waveforms of all pixels from rows of `reduce_waveforms`, also after a filter or from a file.

    Parameters
    ----------
    rows : RecordBatch
        With the metadata of the schema `reduced_waveforms`.

    Raises
    ------
    InputError
        The number of pixels is missing, or pixels and waveforms do not fit together.
    """
    metadata = rows.schema.metadata or {}
    if N_PIXELS not in metadata:
        raise InputError(f"no {N_PIXELS.decode()} in the metadata of the table: not a table dl0")
    n_pixels = int(metadata[N_PIXELS])
    index, traces = rows.column("pixel_index"), rows.column("waveform")
    n_samples = traces.type.value_type.list_size
    counts = _counts(index)
    if not np.array_equal(counts, _counts(traces)):
        raise InputError("an event has more or fewer waveforms than entries in pixel_index")
    pixels = index.flatten().to_numpy(zero_copy_only=False).astype(np.int64)
    event = np.repeat(np.arange(rows.num_rows), counts)
    place = event * n_pixels + pixels
    if len(pixels) and pixels.max() >= n_pixels:
        raise InputError(f"pixel {pixels.max()} in pixel_index of a camera of {n_pixels} pixels")
    if (np.diff(place) <= 0).any():
        raise InputError("pixel_index is not ascending: a pixel may be there twice")
    waveform = np.zeros((rows.num_rows, n_pixels, n_samples), np.float32)
    mask = np.zeros((rows.num_rows, n_pixels), np.bool_)
    samples = traces.flatten().flatten().to_numpy(zero_copy_only=False)
    waveform.reshape(-1, n_samples)[place] = samples.reshape(-1, n_samples)
    mask.reshape(-1)[place] = True
    gain = rows.column("selected_gain_channel").storage.flatten().to_numpy(zero_copy_only=False)
    return DenseWaveforms(waveform, mask, gain.reshape(mask.shape).astype(np.int8))


def bytes_saved(mask: NDArray[np.bool_], n_samples: int) -> int:
    """Bytes that reduction saves in memory, before any compression.

    Dense waveforms have `n_samples` numbers of four bytes for every pixel; reduced ones for every
    kept pixel, its index (two bytes) and two offsets per event (four each). Negative if so many
    pixels are kept that the indices cost more than the rest saves.
    """
    n_kept = int(np.count_nonzero(mask))
    reduced = n_kept * (n_samples * _SAMPLE + _INDEX) + 2 * (len(mask) + 1) * _OFFSET
    return mask.size * n_samples * _SAMPLE - reduced


def _lists(dtype: pa.DataType, offsets: NDArray[np.int64], values: pa.Array) -> pa.Array:
    """List array over the memory of the values."""
    begin = pa.py_buffer(offsets.astype(np.int32))
    n = len(offsets) - 1
    return pa.Array.from_buffers(dtype, n, [None, begin], null_count=0, children=[values])


def _counts(lists: pa.Array) -> NDArray[np.int64]:
    """Length of every list; a slice of a longer array counts as such."""
    offsets = np.asarray(lists.offsets, np.int64)
    return offsets[1:] - offsets[:-1]


__all__ = ["DenseWaveforms", "bytes_saved", "expand_waveforms", "reduce_waveforms"]
