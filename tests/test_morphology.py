"""Islands of selected pixels."""

import numpy as np
import pytest
from ctapipe.image.morphology import morphology_parameters
from hypothesis import given

from ctabatch.kernels.morphology import COLUMNS, morphology
from ctabatch.kernels.selection import selected_pixels
from tests.naive import morphology as naive
from tests.toy_images import each, masks, ragged, read_only, toy_camera

CAMERA = toy_camera()
SMALL = toy_camera(rings=3)
KERNELS = pytest.mark.parametrize("kernel", [morphology, morphology.py_func])


def run(kernel, camera, offsets, pixels):
    out = np.zeros((len(offsets) - 1, len(COLUMNS)), dtype=np.int64)
    kernel(offsets, pixels, *camera.neighbors_telescope_frame, out)
    return out


@KERNELS
@given(mask=masks(SMALL.n_pixels))
def test_morphology_agrees_with_its_twin(kernel, mask):
    offsets, pixels = map(read_only, selected_pixels(mask))
    out = run(kernel, SMALL, offsets, pixels)
    for row, image in zip(out, each(offsets), strict=True):
        expected = naive.morphology(pixels[image].tolist(), SMALL.neighbor_lists)
        np.testing.assert_array_equal(row, expected)


@pytest.mark.parametrize("threshold", [0.0, 2.0, 6.0])
def test_morphology_agrees_with_ctapipe(threshold):
    offsets, pixels, _, _ = ragged(CAMERA, seed=3, threshold=threshold)
    out = run(morphology, CAMERA, offsets, pixels)
    for row, image in zip(out, each(offsets), strict=True):
        if image.stop - image.start < 2:
            continue  # ctapipe's function does not know the rule, its image processor does
        mask = np.zeros(CAMERA.n_pixels, dtype=bool)
        mask[pixels[image]] = True
        expected = morphology_parameters(CAMERA.ctapipe, mask)
        for name, value in zip(COLUMNS, row, strict=True):
            assert value == expected[name.removeprefix("morphology_")]


@KERNELS
def test_morphology_of_one_pixel_or_none_is_minus_one(kernel):
    assert (run(kernel, CAMERA, np.array([0, 0, 1]), np.array([3])) == -1).all()


@KERNELS
def test_morphology_calls_islands_large_above_fifty_pixels(kernel):
    pixels = np.arange(CAMERA.n_pixels)
    assert run(kernel, CAMERA, np.array([0, len(pixels)]), pixels).tolist() == [
        [CAMERA.n_pixels, 1, 0, 0, 1]
    ]
