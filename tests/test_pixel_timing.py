"""Pixel timing: lists of pixels and of ranges, with and without sums."""

import numpy as np
import pytest
from eventio.simtel.objects import PixelTiming
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.pixel_timing import MALFORMED, OK, UNSUPPORTED, read_pixel_timing
from tests import eventio_bytes as eb
from tests.naive import pixel_timing as naive

KERNELS = pytest.mark.parametrize("kernel", [read_pixel_timing, read_pixel_timing.py_func])
N_PIXELS, N_GAINS, N_TYPES = 20, 2, 3


def content(kind, entries, threshold, *, with_sums=True, n_gains=N_GAINS):
    n_listed = len(entries) // kind
    pixels = list(entries)
    if kind == 2:
        pixels = [p for a, b in zip(*[iter(entries)] * 2, strict=True) for p in range(a, b + 1)]
    around = (3, 4) if with_sums else (-1, -1)
    out = eb.pack(f"6h{len(entries)}h", N_PIXELS, n_gains, *around, kind, n_listed, *entries)
    out += eb.pack("2h3h3fff", threshold, N_TYPES, 1, 2, 2, 1, 0.5, 0.5, 0.01, 9.8)
    n_sums = (2 if threshold < 0 else 1) * with_sums
    for p in pixels:
        out += eb.pack(f"{N_TYPES}h", *(100 * p + i for i in range(N_TYPES)))
        for which in range(n_sums):
            out += b"".join(eb.signed(1000 * which - 7 * p - g) for g in range(n_gains))
    if with_sums and entries and threshold >= 0:
        out += b"".join(eb.signed(3 * i) for i in range(n_gains * N_PIXELS))
    return out


def read(kernel, data, version=1, *, n_gains=N_GAINS):
    times = np.zeros((1, N_PIXELS, N_TYPES), np.float32)
    sums = [np.full((1, n_gains, N_PIXELS), 99, np.int32) for _ in range(2)]
    status = np.zeros(1, np.int64)
    one = np.array([version]), np.array([0]), np.array([len(data)])
    kernel(np.frombuffer(data + b"\x01" * 16, np.uint8), *one, times, *sums, status)
    return status[0], times[0], sums[0][0], sums[1][0]


@KERNELS
@pytest.mark.parametrize("with_sums", [True, False])
@pytest.mark.parametrize("threshold", [-30, 30])
@pytest.mark.parametrize(("kind", "entries"), [(1, [0, 7, 19]), (2, [0, 2, 7, 7, 18, 19]), (1, [])])
def test_timing_is_that_of_twin_and_eventio(kernel, kind, entries, threshold, with_sums):
    one = eb.padded(content(kind, entries, threshold, with_sums=with_sums))
    status, times, local_sums, global_sums = read(kernel, one)
    assert status == OK
    expected = naive.timing(one, N_TYPES)
    for found, value in zip((times, local_sums, global_sums), expected, strict=True):
        np.testing.assert_array_equal(found, value)
    if entries:
        by_eventio = eb.parse(PixelTiming, one, version=1)
        np.testing.assert_array_equal(times, by_eventio["time"])
        if with_sums:
            np.testing.assert_array_equal(local_sums, by_eventio["pulse_sum_loc"])
            np.testing.assert_array_equal(global_sums, by_eventio["pulse_sum_glob"])


@KERNELS
def test_pixels_outside_of_the_camera_are_malformed(kernel):
    for kind, entries in ((1, [20]), (1, [-1]), (2, [18, 20]), (2, [-3, 2]), (2, [0, 19, 0, 19])):
        assert read(kernel, content(kind, entries, -30))[0] == MALFORMED


@KERNELS
def test_more_gains_than_the_camera_has_are_malformed(kernel):
    assert read(kernel, content(1, [3], -30), n_gains=1)[0] == MALFORMED


@KERNELS
def test_another_version_is_unsupported(kernel):
    assert read(kernel, content(1, [3], -30), version=2)[0] == UNSUPPORTED


@KERNELS
@given(at=st.integers(0, 200), new=st.binary(min_size=1, max_size=4), cut=st.integers(0, 200))
def test_any_damage_is_read_within_bounds(kernel, at, new, cut):
    one = content(2, [0, 2, 7, 7, 18, 19], -30)
    broken = (one[:at] + new + one[at + len(new) :])[: max(len(one) - cut, 0)]
    found = read(kernel, broken)
    assert found[0] in (OK, MALFORMED)
    for a, b in zip(found, read(read_pixel_timing, broken), strict=True):
        np.testing.assert_array_equal(a, b)
