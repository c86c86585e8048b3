"""Pixel lists and pixel trigger times."""

import itertools

import numpy as np
import pytest
from eventio.simtel.objects import PixelList, PixelTriggerTimes
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.pixel_lists import read_pixel_lists, read_pixel_trigger_times
from tests import eventio_bytes as eb
from tests.naive import pixel_lists as naive

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
numbers = st.lists(st.integers(0, 11_000), max_size=12)


def content(version, pixels):
    if version == 0:
        return eb.pack(f"h{len(pixels)}h", len(pixels), *pixels)
    return b"".join(map(eb.signed, [len(pixels), *pixels]))


def layout(contents):
    sizes = np.array([len(c) for c in contents], np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    data = np.frombuffer(b"".join(contents) + b"\x01" * 16, np.uint8)
    return data, offsets, sizes


def read(contents, versions, compiled=True):
    data, offsets, sizes = layout(contents)
    n, room = len(contents), int(sizes.sum())
    starts, counts = np.zeros(n + 1, np.int64), np.zeros(n, np.int32)
    pixels = np.full(room + 1, -99, np.int32)
    kernel = read_pixel_lists if compiled else read_pixel_lists.py_func
    kernel(data, np.array(versions), offsets, sizes, starts, pixels, counts)
    assert pixels[room] == -99
    return [pixels[a:b].tolist() for a, b in itertools.pairwise(starts)], counts


def read_times(contents, compiled=True):
    data, offsets, sizes = layout(contents)
    n, room = len(contents), int(sizes.sum())
    starts = np.zeros(n + 1, np.int64)
    pixels, times = np.full(room + 1, -99, np.int32), np.full(room + 1, -99, np.float32)
    kernel = read_pixel_trigger_times if compiled else read_pixel_trigger_times.py_func
    n_bad = kernel(data, offsets, sizes, starts, pixels, times)
    assert pixels[room] == times[room] == -99
    rows = [(pixels[a:b], times[a:b]) for a, b in itertools.pairwise(starts)]
    return n_bad, rows


@COMPILED
@pytest.mark.parametrize("version", [0, 1])
@given(lists=st.lists(numbers, min_size=1, max_size=3))
def test_lists_are_those_of_twin_and_eventio(compiled, version, lists):
    contents = [eb.padded(content(version, pixels)) for pixels in lists]
    found, counts = read(contents, [version] * len(lists), compiled)
    assert found == lists == [naive.pixel_list(c, version) for c in contents]
    assert counts.tolist() == [len(pixels) for pixels in lists]
    expected = eb.parse(PixelList, contents[0], version=version)
    assert found[0] == list(expected["pixel_list"])


@COMPILED
@pytest.mark.parametrize("version", [0, 1])
@given(data=st.binary(max_size=30))
def test_any_bytes_give_a_list_or_minus_one(compiled, version, data):
    good = content(version, [3, 4])
    found, counts = read([good, data, good], [version] * 3, compiled)
    assert found[0] == found[2] == [3, 4]
    assert counts[1] in (-1, len(found[1]))
    assert (found, counts.tolist()) == (lambda f, c: (f, c.tolist()))(
        *read([good, data, good], [version] * 3, not compiled)
    )


@COMPILED
@given(pixels=numbers, step=st.sampled_from([0.25, 0.1]), data=st.data())
def test_trigger_times_are_those_of_twin_and_eventio(compiled, pixels, step, data):
    ticks = data.draw(
        st.lists(st.integers(-500, 90_000), min_size=len(pixels), max_size=len(pixels))
    )
    one = eb.pack("f", step) + b"".join(map(eb.signed, [len(pixels), *pixels, *ticks]))
    n_bad, [(found, times)] = read_times([one], compiled)
    assert n_bad == 0
    np.testing.assert_array_equal(found, naive.pixel_trigger_times(one)[0])
    np.testing.assert_array_equal(times, np.array(naive.pixel_trigger_times(one)[1], np.float32))
    expected = eb.parse(PixelTriggerTimes, one, version=0)
    np.testing.assert_array_equal(found, expected["pixel_ids"])


@COMPILED
@given(data=st.binary(max_size=40))
def test_any_bytes_give_trigger_times_or_none(compiled, data):
    good = eb.pack("f", 1) + b"".join(map(eb.signed, [1, 5, 6]))
    n_bad, rows = read_times([good, b"\0\0\x80\x3f" + data, good], compiled)
    assert n_bad in (0, 1)
    for pixels, times in (rows[0], rows[2]):
        assert (pixels.tolist(), times.tolist()) == ([5], [6.0])


def test_counts_beyond_the_object_are_refused_whatever_their_size():
    for n in (3, 1 << 20, 1 << 40, (1 << 62) - 1, -1, -(1 << 62)):
        one = eb.pack("f", 1) + eb.signed(n) + b"\x02\x02"
        n_bad, rows = read_times([one])
        assert n_bad == 1
        assert len(rows[0][0]) == 0
        found, counts = read([eb.signed(n) + b"\x02\x02"], [1])
        assert (found, counts.tolist()) == ([[]], [-1])
