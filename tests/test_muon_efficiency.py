"""Prediction of a ring, its likelihood, and the fit of impact, width and efficiency."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from ctabatch.kernels import muon_likelihood as ml
from ctabatch.kernels.cholesky import cholesky, invert
from ctabatch.kernels.muon_fits import fit_muons
from ctabatch.kernels.muon_slopes import muon_likelihood_slopes
from ctabatch.kernels.ring_model import crossed
from tests.naive import muons as naive
from tests.toy_rings import CAMERA, HOLE, MIRROR, PIXEL, SHAPE, toy_rings

SPE, PEDESTAL = 0.5, 1.1


def rings_of(truth):
    ring = np.full((len(truth), 8), np.nan)
    ring[:, :3] = truth[:, :3]
    return ring


def near(ring):
    away = np.hypot(CAMERA.fov_lon - ring[:, :1], CAMERA.fov_lat - ring[:, 1:2]) - ring[:, 2:3]
    return np.abs(away) < 0.4 * ring[:, 2:3]


def fit(image, ring, kernel=fit_muons, hole=HOLE, oversampling=3):
    out = np.zeros((len(image), 8))
    kernel(
        image, near(ring), CAMERA.fov_lon, CAMERA.fov_lat, ring, math.degrees(PIXEL), SHAPE, MIRROR,
        hole, 300e-9, 600e-9, SPE, PEDESTAL, oversampling, 0.15, 0.1, out,
    )  # fmt: skip
    return out


def twin(image, truth, point):
    """Likelihood of one image: impact, width (deg), efficiency."""
    lon, lat = np.radians(CAMERA.fov_lon), np.radians(CAMERA.fov_lat)
    used = near(rings_of(truth[None]))[0]
    x, y, width, efficiency = point
    light = naive.predict(
        lon[used], lat[used], np.radians(truth[:3]), math.radians(width), x, y, MIRROR, HOLE, PIXEL,
        SHAPE,
    )  # fmt: skip
    return naive.negative_log_likelihood(image[used], efficiency * light, SPE, PEDESTAL)


@pytest.mark.parametrize("kernel", [fit_muons, fit_muons.py_func])
def test_the_likelihood_of_a_fit_is_that_of_its_twin(kernel):
    image, _, truth = toy_rings(4)
    out = fit(image, rings_of(truth), kernel)
    for i in range(4):
        point = out[i, 1], out[i, 2], out[i, 3], out[i, 4]
        # 1e-7: light beyond six widths is left out
        assert out[i, 5] == pytest.approx(twin(image[i], truth[i], point), rel=1e-7)


def test_a_search_from_the_truth_finds_no_better_fit():
    image, _, truth = toy_rings(4, seed=4)
    out = fit(image, rings_of(truth))
    assert out[:, 6].all()
    for i in range(4):
        start = truth[i, [4, 5, 3, 6]]
        found = minimize(lambda p, i=i: twin(image[i], truth[i], p), start, method="Nelder-Mead")
        # minima between cusps differ by hundredths; 0.5 would be a standard deviation
        assert out[i, 5] < found.fun + 0.1


def test_fits_find_what_was_drawn():
    image, _, truth = toy_rings(40, seed=1)
    out = fit(image, rings_of(truth))
    efficiency = out[:, 4] / truth[:, 6]
    # a thousand photo-electrons each with a spread of 1.12: 3.5 %, plus what impact and width take
    assert 0.02 < efficiency.std() < 0.08
    assert efficiency.mean() == pytest.approx(1, abs=3 * 0.05 / math.sqrt(40))
    assert np.median(np.abs(out[:, 1:3] - truth[:, 4:6])) < 0.3
    assert np.median(np.abs(out[:, 3] / truth[:, 3] - 1)) < 0.1
    np.testing.assert_allclose(out[:, 0], np.hypot(out[:, 1], out[:, 2]), rtol=1e-15)


def test_slopes_are_those_of_the_likelihood():
    rng = np.random.default_rng(2)
    n = 150
    pixels = np.zeros((n, ml.N_KNOWN))
    pixels[:, ml.DISTANCE] = np.radians(rng.uniform(0.9, 1.3, n))
    pixels[:, ml.CELL], pixels[:, ml.FRACTION] = rng.integers(0, 199, n), rng.random(n)
    pixels[:, ml.CHARGE] = rng.poisson(10, n)
    constants = np.empty(ml.N_CONSTANTS)
    constants[:] = np.radians(1.1), MIRROR, HOLE, PIXEL, 30.0, SPE, PEDESTAL, 0.5
    angle = np.linspace(-np.pi, np.pi, 200)
    directions = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    point = np.array([2.0, -1.0, math.log(math.radians(0.06)), math.log(0.2)])
    gradient, information = np.empty(4), np.empty((4, 4))
    common = pixels, constants, directions, 3, np.empty((6, 200))

    def value(p):
        ml.set_shares(p[ml.LOG_WIDTH], pixels, constants)
        return ml.muon_likelihood(p, *common)

    step = 1e-5 * np.eye(4)
    expected = [(value(point + s) - value(point - s)) / 2e-5 for s in step]
    for kernel in (muon_likelihood_slopes, muon_likelihood_slopes.py_func):
        value(point)
        kernel(point, *common, gradient, information)
        # differences of the kernel are over 1 cm
        np.testing.assert_allclose(gradient, expected, rtol=2e-4, atol=1e-3)
        assert invert(information, np.empty((4, 4)))


@pytest.mark.parametrize("kernel", [crossed, crossed.py_func])
def test_mirror_on_a_ray_is_the_solution_of_its_equation(kernel):
    rng = np.random.default_rng(3)
    for x, y, angle in rng.uniform(-8, 8, (200, 3)):
        across = x * math.sin(angle) - y * math.cos(angle)
        along = x * math.cos(angle) + y * math.sin(angle)
        expected = naive.crossed(x, y, angle, MIRROR)
        assert kernel(across, along, MIRROR, 0.0) == pytest.approx(expected, abs=1e-9)
        # a soft rim adds at most about the chord at its depth
        assert abs(kernel(across, along, MIRROR, 1e-6) - expected) < 0.02


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_charges_that_are_no_numbers_give_nan(bad):
    image, _, truth = toy_rings(1)
    image = image.copy()
    image[0, near(rings_of(truth))[0].argmax()] = bad
    for kernel in (fit_muons, fit_muons.py_func):
        with np.errstate(all="ignore"):
            out = fit(image, rings_of(truth), kernel)
        assert np.isnan(out[0, :6]).all()
        assert not out[0, 6:].any()


def test_no_ring_or_one_smaller_than_a_pixel_gives_nan():
    image, _, _ = toy_rings(1)
    for radius in (np.nan, 0.0, 0.01, np.inf):
        ring = np.array([[0.0, 0.0, radius, 0, 0, 0, 0, 0]])
        with np.errstate(invalid="ignore"):
            out = fit(image, ring)
        assert np.isnan(out[0, :6]).all()
    assert fit(image[:0], ring[:0]).shape == (0, 8)


@settings(max_examples=30)
@given(
    st.floats(0.05, 3), st.floats(-3, 3), st.integers(1, 5), st.sampled_from([0.0, 0.6, 5.9]),
    st.sampled_from([0.0, 1.0, 1e4, -50.0]),
)  # fmt: skip
def test_any_image_gives_a_result(radius, x, oversampling, hole, level):
    rng = np.random.default_rng(5)
    image = (level * rng.random((1, CAMERA.n_pixels))).astype(np.float32)
    ring = np.array([[x, 0.0, radius, 0, 0, 0, 0, 0]])
    out = fit(image, ring, hole=hole, oversampling=oversampling)
    assert np.isfinite(out[0, :6]).all()


@pytest.mark.parametrize("kernel", [cholesky, cholesky.py_func])
def test_a_triangular_root_multiplies_to_the_matrix(kernel):
    a = np.random.default_rng(0).normal(size=(4, 4))
    matrix, root, inverse = a @ a.T, np.zeros((4, 4)), np.empty((4, 4))
    assert kernel(matrix, root)
    np.testing.assert_allclose(root @ root.T, matrix, rtol=1e-12)
    for function in (invert, invert.py_func):
        assert function(matrix, inverse)
        np.testing.assert_allclose(inverse @ matrix, np.eye(4), atol=1e-10)
        assert not function(np.full((2, 2), np.nan), np.empty((2, 2)))
