"""Concentration parameters."""

import numpy as np
import pytest
from ctapipe.image.concentration import concentration_parameters
from ctapipe.image.hillas import hillas_parameters

from ctabatch.kernels.concentration import COLUMNS, concentration
from ctabatch.kernels.hillas import hillas
from tests.naive import concentration as naive
from tests.toy_images import each, ragged, toy_camera

CAMERA = toy_camera()
KERNELS = pytest.mark.parametrize("kernel", [concentration, concentration.py_func])


def run(kernel, offsets, pixels, charge):
    lon, lat = CAMERA.fov_lon, CAMERA.fov_lat
    parameters = np.empty((len(offsets) - 1, 14))
    hillas(offsets, pixels, charge, lon, lat, CAMERA.area_deg2, parameters)
    out = np.zeros((len(offsets) - 1, len(COLUMNS)))
    kernel(offsets, pixels, charge, lon, lat, CAMERA.pixel_width_deg, parameters, out)
    return out


@KERNELS
def test_concentration_agrees_with_its_twin(kernel):
    offsets, pixels, charge, _ = ragged(CAMERA)
    out = run(kernel, offsets, pixels, charge)
    for row, image in zip(out, each(offsets), strict=True):
        p = pixels[image]
        expected = naive.concentration(
            charge[image], CAMERA.fov_lon[p], CAMERA.fov_lat[p], CAMERA.pixel_width_deg[p]
        )
        np.testing.assert_allclose(row, expected, rtol=1e-12)


def test_concentration_agrees_with_ctapipe():
    offsets, pixels, charge, _ = ragged(CAMERA, seed=2)
    out = run(concentration, offsets, pixels, charge)
    for row, image in zip(out, each(offsets), strict=True):
        if image.stop - image.start < 2:
            continue  # ctapipe's function does not know the rule, its image processor does
        geometry = CAMERA.ctapipe[pixels[image]]
        expected = concentration_parameters(
            geometry, charge[image], hillas_parameters(geometry, charge[image])
        )
        for name, value in zip(COLUMNS, row, strict=True):
            assert value == pytest.approx(expected[name.removeprefix("concentration_")])


@KERNELS
def test_concentration_counts_a_pixel_on_the_ellipse_as_inside(kernel):
    # Of three pixels the one with half of the light is on the ellipse, wherever the others are.
    for pixels in ([0, 1, 30], [5, 77, 200], [10, 60, 110], [33, 34, 60]):
        row = run(kernel, np.array([0, 3]), np.array(pixels), np.array([4.0, 2.0, 2.0]))[0]
        assert row[COLUMNS.index("concentration_core")] == 0.5


@KERNELS
def test_concentration_in_the_ellipse_of_a_line_is_zero(kernel):
    row = run(kernel, np.array([0, 2]), np.array([3, 4]), np.array([1.0, 3.0]))[0]
    assert row[COLUMNS.index("concentration_core")] == 0
    assert row[COLUMNS.index("concentration_pixel")] == 0.75


@KERNELS
def test_concentration_of_one_pixel_or_none_is_nan(kernel):
    assert np.isnan(run(kernel, np.array([0, 0, 1]), np.array([3]), np.ones(1))).all()
