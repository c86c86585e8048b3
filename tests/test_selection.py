"""Ragged lists of selected pixels."""

import numpy as np
import pytest
from hypothesis import given

from ctabatch.kernels.selection import selected_pixels, selected_values
from tests.naive import selection as naive
from tests.toy_images import masks, read_only


@pytest.mark.parametrize("select", [selected_pixels, selected_pixels.py_func])
@given(mask=masks(40))
def test_selection_lists_the_pixels_of_the_mask(select, mask):
    offsets, pixels = select(read_only(mask))
    expected = naive.selected_pixels(mask)
    assert (offsets.dtype, pixels.dtype) == (np.int64, np.int32)
    np.testing.assert_array_equal(offsets, expected[0])
    np.testing.assert_array_equal(pixels, expected[1])


@pytest.mark.parametrize("copy", [selected_values, selected_values.py_func])
@pytest.mark.parametrize("dtype", [np.float32, np.int32])
@given(mask=masks(40))
def test_selection_copies_the_values_of_the_mask(copy, dtype, mask):
    image = read_only(np.arange(mask.size).reshape(mask.shape), dtype)
    offsets, pixels = selected_pixels(mask)
    out = np.empty(len(pixels))
    copy(image, offsets, pixels, out)
    np.testing.assert_array_equal(out, naive.selected_values(image, mask))


def test_selection_of_no_images_is_empty():
    offsets, pixels = selected_pixels(np.empty((0, 7), dtype=bool))
    assert offsets.tolist() == [0]
    assert pixels.size == 0
