"""Leakage parameters."""

import numpy as np
import pytest
from ctapipe.image.leakage import leakage_parameters

from ctabatch.kernels.leakage import COLUMNS, leakage
from tests.naive import leakage as naive
from tests.toy_images import each, ragged, toy_camera

CAMERA = toy_camera()
KERNELS = pytest.mark.parametrize("kernel", [leakage, leakage.py_func])


def run(kernel, offsets, pixels, charge):
    out = np.zeros((len(offsets) - 1, len(COLUMNS)))
    kernel(offsets, pixels, charge, CAMERA.border1, CAMERA.border2, out)
    return out


@KERNELS
def test_leakage_agrees_with_its_twin(kernel):
    offsets, pixels, charge, _ = ragged(CAMERA)
    out = run(kernel, offsets, pixels, charge)
    for row, image in zip(out, each(offsets), strict=True):
        p = pixels[image]
        expected = naive.leakage(charge[image], CAMERA.border1[p], CAMERA.border2[p])
        np.testing.assert_allclose(row, expected, rtol=1e-12)


def test_leakage_agrees_with_ctapipe():
    offsets, pixels, charge, _ = ragged(CAMERA, seed=2, threshold=3.0)
    out = run(leakage, offsets, pixels, charge)
    assert (out[3:] > 0).any()
    for row, s in zip(out[2:], each(offsets)[2:], strict=True):
        image, mask = np.zeros(CAMERA.n_pixels), np.zeros(CAMERA.n_pixels, dtype=bool)
        image[pixels[s]], mask[pixels[s]] = charge[s], True
        expected = leakage_parameters(CAMERA.ctapipe, image, mask)
        for name, value in zip(COLUMNS, row, strict=True):
            assert value == pytest.approx(expected[name.removeprefix("leakage_")], rel=1e-12)


@KERNELS
def test_leakage_of_one_pixel_or_none_is_nan(kernel):
    assert np.isnan(run(kernel, np.array([0, 0, 1]), np.array([3]), np.ones(1))).all()


@KERNELS
def test_leakage_without_positive_charge_is_nan(kernel):
    assert np.isnan(run(kernel, np.array([0, 2]), np.array([3, 4]), np.array([1.0, -1.0]))).all()
