"""Raw data and photo-electrons are written as the twin writes them, and the decoders read them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ctabatch.kernels import adc, adc_encode, photoelectron_encode, photoelectrons
from tests.naive import adc_encode as naive

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])


def of(kernel, compiled):
    return kernel if compiled else kernel.py_func


def contents(out, offsets):
    return [out[a:b].tobytes() for a, b in pairwise(offsets)]


@st.composite
def waveforms(draw):
    shape = draw(
        st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 9), st.integers(1, 6))
    )
    elements = st.one_of(st.integers(0, 65535), st.sampled_from([0, 300, 301, 65535]))
    return draw(hnp.arrays(np.uint16, shape, elements=elements))


@st.composite
def orders(draw, n):
    """Some of `n` rows, in any order, also several times."""
    return np.array(draw(st.lists(st.integers(0, n - 1), max_size=4)), np.int64)


@COMPILED
@given(waveform=waveforms(), suppress=st.booleans(), data=st.data())
def test_samples_are_written_as_by_the_twin_and_come_back(compiled, waveform, suppress, data):
    n, n_gains, n_pixels, n_samples = waveform.shape
    rows = data.draw(orders(n))
    read_out = data.draw(hnp.arrays(np.bool_, (n, n_pixels)))
    waveform.flags.writeable = read_out.flags.writeable = False
    bound = adc_encode.samples_bound(n_gains, n_pixels, n_samples)
    out, offsets = np.full(len(rows) * bound + 1, 7, np.uint8), np.empty(len(rows) + 1, np.int64)
    of(adc_encode.encode_samples, compiled)(waveform, rows, read_out, suppress, out, offsets)

    assert contents(out, offsets) == [
        naive.samples(waveform[row], read_out[row] if suppress else None) for row in rows
    ]
    assert all(len(content) <= bound for content in contents(out, offsets))
    assert (out[offsets[-1] :] == 7).all()

    back = np.zeros((len(rows), n_gains, n_pixels, n_samples), np.uint16)
    found, status = np.empty((len(rows), n_pixels), np.bool_), np.empty(len(rows), np.int64)
    ids = np.full(len(rows), int(suppress), np.int64)
    adc.decode_samples(out, ids, offsets[:-1], np.diff(offsets), back, found, status)
    assert (status == adc.OK).all()
    kept = read_out[rows] if suppress else np.ones_like(found)
    np.testing.assert_array_equal(found, kept)
    np.testing.assert_array_equal(back, np.where(kept[:, None, :, None], waveform[rows], 0))


@COMPILED
@given(
    sums=hnp.arrays(
        np.uint32, st.tuples(st.integers(1, 3), st.integers(1, 2), st.integers(1, 9), st.just(1))
    ),
    data=st.data(),
)
def test_sums_are_written_as_by_the_twin_and_come_back(compiled, sums, data):
    n, n_gains, n_pixels, _ = sums.shape
    rows = data.draw(orders(n))
    sums.flags.writeable = False
    bound = adc_encode.sums_bound(n_gains, n_pixels)
    out, offsets = np.full(len(rows) * bound + 1, 7, np.uint8), np.empty(len(rows) + 1, np.int64)
    of(adc_encode.encode_sums, compiled)(sums, rows, out, offsets)
    assert contents(out, offsets) == [naive.sums(sums[row, :, :, 0]) for row in rows]
    assert (out[offsets[-1] :] == 7).all()

    back = np.zeros((len(rows), n_gains, n_pixels, 1), np.uint32)
    found, status = np.empty((len(rows), n_pixels), np.bool_), np.empty(len(rows), np.int64)
    ids = np.zeros(len(rows), np.int64)
    adc.decode_sums(out, ids, offsets[:-1], np.diff(offsets), back, found, status)
    assert (status == adc.OK).all()
    np.testing.assert_array_equal(back, sums[rows])


@COMPILED
@pytest.mark.parametrize(("n_pixels", "version"), [(20, 2), (20, 3), (60000, 3)])
@given(data=st.data())
def test_photoelectrons_are_written_as_by_the_twin_and_come_back(compiled, n_pixels, version, data):
    pixel = st.one_of(st.integers(0, n_pixels - 1), st.sampled_from([0, n_pixels - 1]))
    events = data.draw(st.lists(st.lists(pixel, max_size=8).map(sorted), min_size=1, max_size=3))
    pe_offsets = np.cumsum([0, *map(len, events)])
    pixels = np.array([p for event in events for p in event], np.int32)
    times = st.floats(-100, 100, width=32)
    time = np.array(data.draw(st.lists(times, min_size=len(pixels), max_size=len(pixels))), "f4")
    rows = data.draw(orders(len(events)))
    pixels.flags.writeable = time.flags.writeable = False
    n_written = sum(len(events[row]) for row in rows)
    bound = photoelectron_encode.photoelectrons_bound(len(rows), n_written)
    out, offsets = np.full(bound + 1, 7, np.uint8), np.empty(len(rows) + 1, np.int64)
    of(photoelectron_encode.encode_photoelectrons, compiled)(
        pixels, time, pe_offsets, rows, n_pixels, version, out, offsets
    )
    assert contents(out, offsets) == [
        naive.photoelectrons(events[r], time[pe_offsets[r] : pe_offsets[r + 1]], n_pixels, version)
        for r in rows
    ]
    assert (out[offsets[-1] :] == 7).all()

    images, status = np.empty((len(rows), n_pixels), np.int32), np.empty(len(rows), np.int64)
    versions = np.full(len(rows), version, np.int64)
    photoelectrons.read_true_images(out, versions, offsets[:-1], np.diff(offsets), images, status)
    assert (status == photoelectrons.OK).all()
    expected = [np.bincount(np.array(events[r], int), minlength=n_pixels) for r in rows]
    np.testing.assert_array_equal(images, np.array(expected).reshape(images.shape))
