"""Light on and around the ring of a muon."""

import numpy as np
import pytest

from ctabatch.kernels.radial_light import radial_light
from ctabatch.kernels.ring_features import COLUMNS, containment, ring_features
from tests.naive import muons as naive
from tests.toy_rings import CAMERA, toy_rings

WIDTHS = 1.5, 0.25, 0.2
THRESHOLD = 8.0
RADIUS = 1.3
kernels = pytest.mark.parametrize("kernel", [ring_features, ring_features.py_func])


def ring_rows(truth):
    ring = np.full((len(truth), 8), np.nan)
    ring[:, :3], ring[:, 7] = truth[:, :3], np.hypot(truth[:, 0], truth[:, 1])
    return ring


def features(kernel, image, mask, ring):
    out = np.zeros((len(image), len(COLUMNS)))
    kernel(
        image, mask, CAMERA.fov_lon, CAMERA.fov_lat, CAMERA.pixel_width_deg, ring, RADIUS,
        THRESHOLD, *WIDTHS, out,
    )  # fmt: skip
    return out


@kernels
def test_features_agree_with_their_twins(kernel):
    image, mask, truth = toy_rings(5)
    out = features(kernel, image, mask, ring_rows(truth))
    for i in range(len(image)):
        expected = naive.features(
            image[i], mask[i], CAMERA.fov_lon, CAMERA.fov_lat, CAMERA.pixel_width_deg,
            truth[i, :3], RADIUS, WIDTHS, THRESHOLD,
        )  # fmt: skip
        # the twin counts 400 000 points of the circle
        assert out[i, 0] == pytest.approx(expected[0], abs=1e-5)
        np.testing.assert_allclose(out[i, 1:], expected[1:], rtol=1e-9)
    assert 0 < out[:, 0].min() < 1  # rings that leave the camera are among them


@pytest.mark.parametrize("kernel", [radial_light, radial_light.py_func])
def test_moments_agree_with_their_twins(kernel):
    image, _, truth = toy_rings(5, noise=0.0)
    out = np.zeros((5, 3))
    kernel(image, CAMERA.fov_lon, CAMERA.fov_lat, ring_rows(truth), out)
    for i in range(5):
        expected = naive.moments(image[i], CAMERA.fov_lon, CAMERA.fov_lat, truth[i, :2])
        np.testing.assert_allclose(out[i], expected, rtol=1e-9)


@kernels
def test_without_a_ring_all_features_are_nan(kernel):
    image, mask, _ = toy_rings(1)
    assert np.isnan(features(kernel, image, mask, np.full((1, 8), np.nan))).all()
    assert features(kernel, image[:0], mask[:0], np.empty((0, 8))).shape == (0, len(COLUMNS))


@kernels
def test_a_dark_mask_has_no_ratios(kernel):
    image, mask, truth = toy_rings(1)
    row = dict(
        zip(COLUMNS, features(kernel, image, mask & False, ring_rows(truth))[0], strict=True)
    )
    assert np.isnan([row["intensity_ratio"], row["mean_squared_error"]]).all()
    assert row["intensity_outside_ring"] == row["n_pixels_in_ring"] == 0
    assert row["ring_intensity"] > 0


@pytest.mark.parametrize("kernel", [radial_light, radial_light.py_func])
@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_moments_without_a_finite_charge_are_nan(kernel, value):
    out = np.zeros((1, 3))
    image = np.full((1, CAMERA.n_pixels), value, np.float32)
    kernel(image, CAMERA.fov_lon, CAMERA.fov_lat, np.zeros((1, 8)), out)
    assert np.isnan(out).all()


@pytest.mark.parametrize("kernel", [containment, containment.py_func])
def test_containment_is_one_inside_zero_outside_and_nan_for_no_ring(kernel):
    assert kernel(0.5, 1.0, 2.0) == kernel(1.0, 1.0, 2.0) == 1.0
    assert kernel(3.5, 1.0, 2.0) == kernel(3.0, 1.0, 2.0) == 0.0
    assert np.isnan(kernel(np.nan, 1.0, 2.0))
    assert np.isnan(kernel(1.0, 1.0, np.nan))
