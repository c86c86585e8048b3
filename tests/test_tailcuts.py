"""Two-threshold cleaning."""

import numpy as np
import pytest
from ctapipe.image.cleaning import tailcuts_clean
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctabatch.kernels.tailcuts import tailcuts
from tests.naive import tailcuts as naive
from tests.toy_images import read_only, shower_images, toy_camera

SMALL = toy_camera(rings=2)
#: A pixel in the middle and its six neighbours.
CENTRE = int(np.argmin(np.hypot(SMALL.fov_lon, SMALL.fov_lat)))
AROUND = SMALL.neighbor_lists[CENTRE]


def run(kernel, camera, image, *options):
    image = read_only(np.atleast_2d(image), np.float32)
    mask = np.ones(image.shape, dtype=bool)
    kernel(image, *camera.neighbors, *options, mask)
    return mask


def image_of(charges):
    image = np.zeros(SMALL.n_pixels, dtype=np.float32)
    for pixel, charge in charges.items():
        image[pixel] = charge
    return image


@pytest.mark.parametrize("kernel", [tailcuts, tailcuts.py_func])
@given(
    image=arrays(
        np.float32,
        (2, SMALL.n_pixels),
        elements=st.sampled_from([0, 4, 5, 7, 10, 11, np.nan, np.inf, -np.inf]),
    ),
    picture=st.sampled_from([10.0, 5.0, 4.0]),
    boundary=st.sampled_from([5.0, 10.0]),
    neighbors=st.integers(-1, 4),
    isolated=st.booleans(),
)
def test_tailcuts_agrees_with_its_twin(kernel, image, picture, boundary, neighbors, isolated):
    mask = run(kernel, SMALL, image, picture, boundary, neighbors, isolated)
    for row, selected in zip(image, mask, strict=True):
        expected = naive.tailcuts(row, SMALL.neighbor_lists, picture, boundary, neighbors, isolated)
        np.testing.assert_array_equal(selected, expected)


@pytest.mark.parametrize("isolated", [False, True])
@pytest.mark.parametrize("neighbors", [0, 1, 2, 3])
@pytest.mark.parametrize("thresholds", [(10.0, 5.0), (6.1, 3.05), (4.0, 8.0)])
def test_tailcuts_agrees_with_ctapipe_exactly(thresholds, neighbors, isolated):
    camera = toy_camera()
    image, _ = shower_images(camera, 40, seed=3)
    mask = run(tailcuts, camera, image, *thresholds, neighbors, isolated)
    for row, selected in zip(image, mask, strict=True):
        expected = tailcuts_clean(
            camera.ctapipe,
            row,
            *thresholds,
            keep_isolated_pixels=isolated,
            min_number_picture_neighbors=neighbors,
        )
        np.testing.assert_array_equal(selected, expected)


def test_tailcuts_drops_a_lonely_bright_pixel():
    image = image_of({CENTRE: 100})
    assert not run(tailcuts, SMALL, image, 10.0, 5.0, 2, False).any()


def test_tailcuts_keeps_a_lonely_bright_pixel_when_asked():
    image = image_of({CENTRE: 100})
    mask = run(tailcuts, SMALL, image, 10.0, 5.0, 2, True)
    assert np.flatnonzero(mask).tolist() == [CENTRE]


def test_tailcuts_never_selects_a_nan_pixel():
    image = image_of(dict.fromkeys([*AROUND, CENTRE], 100))
    image[CENTRE] = np.nan
    mask = run(tailcuts, SMALL, image, 10.0, 5.0, 2, False)
    assert sorted(np.flatnonzero(mask)) == sorted(AROUND)


def test_tailcuts_compares_thresholds_in_single_precision():
    image = image_of(dict.fromkeys([*AROUND, CENTRE], np.float32(6.1)))
    assert run(tailcuts, SMALL, image, 6.1, 3.0, 2, False).sum() == 7


def test_tailcuts_forgets_one_image_before_the_next():
    images = np.array([image_of(dict.fromkeys(AROUND, 20)), image_of({CENTRE: 20})])
    together = run(tailcuts, SMALL, images, 10.0, 5.0, 1, False)
    assert together[0].any()
    assert not together[1].any()
