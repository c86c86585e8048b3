"""Hillas parameters."""

import numpy as np
import pytest
from ctapipe.image.hillas import hillas_parameters

from ctabatch.kernels.hillas import COLUMNS, LENGTH, PSI, WIDTH, hillas
from tests.naive import hillas as naive
from tests.toy_images import each, ragged, toy_camera

CAMERA = toy_camera()
KERNELS = pytest.mark.parametrize("kernel", [hillas, hillas.py_func])


def run(kernel, offsets, pixels, charge):
    out = np.zeros((len(offsets) - 1, len(COLUMNS)))
    kernel(offsets, pixels, charge, CAMERA.fov_lon, CAMERA.fov_lat, CAMERA.area_deg2, out)
    return out


def one_image(kernel, pixels, charge):
    return run(
        kernel,
        np.array([0, len(pixels)]),
        np.array(pixels, dtype=np.int32),
        np.array(charge, dtype=float),
    )[0]


@KERNELS
def test_hillas_agrees_with_its_twin(kernel):
    offsets, pixels, charge, _ = ragged(CAMERA)
    out = run(kernel, offsets, pixels, charge)
    for row, image in zip(out, each(offsets), strict=True):
        p = pixels[image]
        expected = naive.hillas(
            charge[image], CAMERA.fov_lon[p], CAMERA.fov_lat[p], CAMERA.area_deg2[p]
        )
        np.testing.assert_allclose(row, expected, rtol=1e-9, atol=1e-13)


def test_hillas_agrees_with_ctapipe_to_1e_9():
    offsets, pixels, charge, _ = ragged(CAMERA, seed=1)
    out = run(hillas, offsets, pixels, charge)
    for row, image in zip(out, each(offsets), strict=True):
        if image.stop - image.start < 2:
            assert np.isnan(row).all()
            continue
        expected = hillas_parameters(CAMERA.ctapipe[pixels[image]], charge[image])
        for name, value in zip(COLUMNS, row, strict=True):
            want = expected[name.removeprefix("hillas_")]
            want = want.to_value("deg") if hasattr(want, "unit") else want
            np.testing.assert_allclose(value, want, rtol=1e-9, atol=1e-13, err_msg=name)


@KERNELS
@pytest.mark.parametrize("pixels", [[], [7]])
def test_hillas_of_too_few_pixels_are_nan(kernel, pixels):
    assert np.isnan(one_image(kernel, pixels, [5.0] * len(pixels))).all()


@KERNELS
def test_hillas_without_positive_charge_are_nan(kernel):
    assert np.isnan(one_image(kernel, [1, 2], [-3.0, 2.0])).all()


@KERNELS
def test_hillas_of_two_pixels_have_no_width(kernel):
    neighbor = CAMERA.neighbor_lists[20][0]
    row = one_image(kernel, [20, neighbor], [10.0, 30.0])
    assert row[WIDTH] == 0
    assert row[LENGTH] == pytest.approx(0.1 * np.sqrt(3) / 4)
    assert np.isnan(row[COLUMNS.index("hillas_width_uncertainty")])
    assert np.isfinite(np.delete(row, COLUMNS.index("hillas_width_uncertainty"))).all()


@KERNELS
def test_hillas_of_light_in_one_point_have_no_orientation(kernel):
    row = one_image(kernel, [20, 21], [10.0, 0.0])
    assert row[LENGTH] == row[WIDTH] == 0
    assert np.isnan(row[PSI])


@KERNELS
@pytest.mark.parametrize("angle", [-90.0, -60.0, 0.0, 30.0, 60.0, 90.0])
def test_hillas_orientation_follows_the_pixels(kernel, angle):
    along = CAMERA.fov_lon * np.cos(np.radians(angle)) + CAMERA.fov_lat * np.sin(np.radians(angle))
    across = CAMERA.fov_lat * np.cos(np.radians(angle)) - CAMERA.fov_lon * np.sin(np.radians(angle))
    pixels = np.flatnonzero((np.abs(across) < 0.09) & (np.abs(along) < 0.6))
    psi = one_image(kernel, pixels, np.ones(len(pixels)))[PSI]
    assert -90 <= psi <= 90
    assert np.cos(np.radians(2 * (psi - angle))) == pytest.approx(1)
