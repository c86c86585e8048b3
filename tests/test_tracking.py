"""Tracking positions: raw, corrected, both or none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.tracking import CORRECTED, RAW, read_tracking
from tests.naive import tracking as naive

KERNELS = pytest.mark.parametrize("kernel", [read_tracking, read_tracking.py_func])


def read(kernel, contents, idents):
    sizes = np.array([-1 if c is None else len(c) for c in contents], np.int64)
    before = np.concatenate([[0], np.cumsum(np.maximum(sizes, 0))[:-1]])
    offsets = np.where(sizes < 0, -1, before).astype(np.int64)
    data = np.frombuffer(b"".join(c or b"" for c in contents) + b"\x7f" * 16, np.uint8)
    azimuth, altitude = np.zeros(len(sizes), np.float32), np.zeros(len(sizes), np.float32)
    kernel(data, np.array(idents, np.int64), offsets, sizes, azimuth, altitude)
    return np.column_stack([azimuth, altitude])


def floats(*values):
    return np.array(values, "<f4").tobytes()


@KERNELS
def test_the_corrected_position_wins_where_it_has_a_value(kernel):
    nan = np.nan
    contents = [
        floats(1, 2), floats(3, 4), floats(1, 2, 3, 4), floats(1, 2, nan, 4), None, b"", floats(1),
    ]  # fmt: skip
    idents = [RAW, CORRECTED, RAW | CORRECTED, RAW | CORRECTED | 9, RAW, RAW, RAW]
    found = read(kernel, contents, idents)
    expected = [[1, 2], [3, 4], [3, 4], [1, 4], [nan, nan], [nan, nan], [nan, nan]]
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


@KERNELS
@given(content=st.binary(max_size=20), kinds=st.sampled_from([0, RAW, CORRECTED, RAW | CORRECTED]))
def test_any_bytes_are_read_as_by_the_twin(kernel, content, kinds):
    found = read(kernel, [content], [kinds])[0]
    np.testing.assert_array_equal(found, naive.pointing(content, kinds))
