"""Kernels of data-volume reduction, each with its twin, and the table of reduced waveforms."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctabatch.errors import InputError
from ctabatch.kernels.volume_reduction import dilate, grow_above
from ctabatch.schemas.reduced_waveforms import MOST_PIXELS, reduced_waveforms
from ctabatch.stages.reduced_waveforms import bytes_saved, expand_waveforms, reduce_waveforms
from ctabatch.stages.reducers import NullDataVolumeReducer, TailCutsDataVolumeReducer
from tests.naive import cleaning as naive
from tests.toy_images import masks, read_only, shower_images, toy_camera

CAMERA = toy_camera()
SMALL = toy_camera(rings=2)
PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])


@PLAIN
@given(mask=masks(SMALL.n_pixels), data=st.data())
def test_growth_above_a_threshold_agrees_with_its_twin(plain, mask, data):
    charge = st.sampled_from([0, 4, 5, 7, np.nan, np.inf])
    image = data.draw(arrays(np.float32, mask.shape, elements=charge))
    kernel = grow_above.py_func if plain else grow_above
    found = mask.copy()
    kernel(read_only(image), *SMALL.neighbors, 5.0, found)
    for row, before, charges in zip(found, mask, image, strict=True):
        expected = naive.grow_above(charges, SMALL.neighbor_lists, 5.0, before)
        np.testing.assert_array_equal(row, expected)


@PLAIN
@given(mask=masks(SMALL.n_pixels), n_times=st.integers(0, 4))
def test_dilation_agrees_with_its_twin(plain, mask, n_times):
    found = mask.copy()
    (dilate.py_func if plain else dilate)(*SMALL.neighbors, n_times, found)
    for row, before in zip(found, mask, strict=True):
        expected = naive.dilate(SMALL.neighbor_lists, n_times, before)
        np.testing.assert_array_equal(row, expected)


def one_way():
    """Pixel 1 has pixel 0 among its neighbours, but not the other way round."""
    return np.array([0, 0, 1], np.int32), np.array([0], np.int32)


@pytest.mark.parametrize(("selected", "expected"), [(0, [True, True]), (1, [False, True])])
def test_growth_follows_neighbours_that_are_not_mutual(selected, expected):
    bright = np.ones((1, 2), np.float32)
    for kernel, arguments in ((dilate, (1,)), (grow_above, (0.5,))):
        mask = np.arange(2)[np.newaxis] == selected
        data = (bright,) if kernel is grow_above else ()
        kernel(*data, *one_way(), *arguments, mask)
        assert mask[0].tolist() == expected


def test_the_null_reducer_keeps_everything():
    waveform = np.zeros((3, SMALL.n_pixels, 5), np.float32)
    assert NullDataVolumeReducer().select_pixels(waveform, None, SMALL).all()


def test_a_reduced_event_keeps_its_bright_pixels_and_a_row_around():
    image, _ = shower_images(CAMERA, 20, seed=8)
    waveform = np.zeros((*image.shape, 1), np.float32)
    narrow = TailCutsDataVolumeReducer(n_end_dilates=0).select_pixels(waveform, image, CAMERA)
    wide = TailCutsDataVolumeReducer().select_pixels(waveform, image, CAMERA)
    assert narrow.any()
    assert (image[narrow] >= 5).all()
    dilate(*CAMERA.neighbors, 1, narrow)
    np.testing.assert_array_equal(wide, narrow)


def test_reducers_refuse_arrays_that_do_not_fit():
    waveform = np.zeros((2, SMALL.n_pixels, 4), np.float32)
    with pytest.raises(InputError, match="no images"):
        TailCutsDataVolumeReducer().select_pixels(waveform, None, SMALL)
    with pytest.raises(InputError, match="images of shape"):
        TailCutsDataVolumeReducer().select_pixels(waveform, waveform[:1, :, 0], SMALL)
    with pytest.raises(InputError, match="samples"):
        NullDataVolumeReducer().select_pixels(waveform[:, 1:], None, SMALL)


@st.composite
def reduced(draw):
    """Dense waveforms of some events with what is kept, NaN and infinity among them."""
    mask = draw(masks(SMALL.n_pixels))
    n_samples = draw(st.integers(1, 4))
    waveform = draw(arrays(np.float32, (*mask.shape, n_samples),
                           elements=st.floats(width=32)))  # fmt: skip
    gain = draw(arrays(np.int8, mask.shape, elements=st.integers(0, 1)))
    return waveform, mask, gain


def keys(n):
    numbers = np.arange(n)
    return {"obs_id": numbers.astype(np.int32), "event_id": numbers, "tel_id": numbers.astype("i2")}


@given(reduced())
def test_kept_waveforms_come_back_bit_by_bit_and_others_as_zeros(dense):
    waveform, mask, gain = dense
    rows = reduce_waveforms(keys(len(mask)), waveform, mask, gain)
    rows.validate(full=True)
    assert rows.schema.equals(reduced_waveforms(*waveform.shape[1:]), check_metadata=True)
    back = expand_waveforms(rows)
    np.testing.assert_array_equal(back.mask, mask)
    np.testing.assert_array_equal(back.selected_gain_channel, gain)
    expected = np.where(mask[..., np.newaxis], waveform, np.float32(0))
    np.testing.assert_array_equal(back.waveform.view(np.uint32), expected.view(np.uint32))


@given(reduced(), st.data())
def test_slices_and_files_expand_like_the_whole(dense, data):
    waveform, mask, gain = dense
    rows = reduce_waveforms(keys(len(mask)), waveform, mask, gain)
    begin = data.draw(st.integers(0, len(mask)))
    part = expand_waveforms(rows.slice(begin))
    np.testing.assert_array_equal(part.mask, mask[begin:])
    np.testing.assert_array_equal(part.waveform, expand_waveforms(rows).waveform[begin:])
    file = pa.BufferOutputStream()
    pq.write_table(pa.table(rows), file)
    table = pq.read_table(pa.BufferReader(file.getvalue())).combine_chunks()
    for batch in table.to_batches():
        np.testing.assert_array_equal(expand_waveforms(batch).mask, mask)


@given(reduced())
def test_the_bytes_saved_are_those_of_the_arrow_arrays(dense):
    waveform, mask, gain = dense
    rows = reduce_waveforms(keys(len(mask)), waveform, mask, gain)
    size = sum(rows.column(name).get_total_buffer_size() for name in ("pixel_index", "waveform"))
    assert bytes_saved(mask, waveform.shape[2]) == waveform.nbytes - size


def changed(rows, name, values):
    field = rows.schema.field(name)
    place = rows.schema.get_field_index(name)
    return rows.set_column(place, field, pa.array(values, field.type))


def test_damaged_rows_are_refused():
    waveform = np.ones((1, SMALL.n_pixels, 2), np.float32)
    mask = np.arange(SMALL.n_pixels)[np.newaxis] < 2
    rows = reduce_waveforms(keys(1), waveform, mask, mask.astype(np.int8))
    for damaged, message in (
        ([[0, SMALL.n_pixels]], "of a camera"),
        ([[1, 1]], "ascending"),
        ([[1, 0]], "ascending"),
        ([[1]], "more or fewer"),
    ):
        with pytest.raises(InputError, match=message):
            expand_waveforms(changed(rows, "pixel_index", damaged))
    with pytest.raises(InputError, match="n_pixels"):
        expand_waveforms(rows.replace_schema_metadata(None))


def test_arrays_that_do_not_fit_are_refused():
    waveform, mask = np.ones((1, 4, 2), np.float32), np.ones((1, 4), bool)
    gain = mask.astype(np.int8)
    for arguments in (
        (keys(2), waveform, mask, gain),
        (keys(1), waveform, mask[:, 1:], gain),
        (keys(1), waveform, mask, gain[:, 1:]),
        (keys(1), waveform[0], mask, gain),
    ):
        with pytest.raises(InputError, match="shape"):
            reduce_waveforms(*arguments)
    with pytest.raises(ValueError, match="numbered"):
        reduced_waveforms(MOST_PIXELS + 1, 1)
