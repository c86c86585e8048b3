"""Circle fits and their repetition with the pixels near the ring."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import minimize

from ctabatch.kernels.circle_fit import kundu_chaudhuri
from ctabatch.kernels.muon_rings import (
    KUNDU_CHAUDHURI,
    TAUBIN,
    WEIGHTED_TAUBIN,
    fit_rings,
)
from ctabatch.kernels.taubin_fit import taubin
from tests.naive import muons as naive
from tests.toy_rings import CAMERA, toy_rings

METHODS = (KUNDU_CHAUDHURI, TAUBIN, WEIGHTED_TAUBIN)
compiled_and_plain = pytest.mark.parametrize("kernel", [fit_rings, fit_rings.py_func])


def circle(fit, x, y, w):
    out = np.empty(6)
    fit(x, y, w, *([np.zeros(2)] if "taubin" in fit.__name__ else []), out)
    return out


def points(seed, n=40):
    rng = np.random.default_rng(seed)
    phi, r = rng.uniform(0, 4, n), 1.2 + rng.normal(0, 0.05, n)
    return 0.3 + r * np.cos(phi), -0.2 + r * np.sin(phi), rng.uniform(1, 20, n)


def rings(image, mask, method=WEIGHTED_TAUBIN, kernel=fit_rings, n_fits=3):
    ring, near = np.zeros((len(image), 8)), np.zeros(mask.shape, bool)
    kernel(image, mask, CAMERA.fov_lon, CAMERA.fov_lat, method, n_fits, 0.4, near, ring)
    return ring, near


@pytest.mark.parametrize("fit", [kundu_chaudhuri, kundu_chaudhuri.py_func])
@pytest.mark.parametrize("seed", range(5))
def test_the_closed_form_solves_its_equations(fit, seed):
    x, y, w = points(seed)
    # 1e-9: the naive sums are not taken from the mean and lose digits
    np.testing.assert_allclose(circle(fit, x, y, w)[:3], naive.kundu_chaudhuri(x, y, w), rtol=1e-9)


@pytest.mark.parametrize("fit", [taubin, taubin.py_func])
@pytest.mark.parametrize("seed", range(5))
def test_no_circle_near_taubins_has_a_smaller_ratio(fit, seed):
    x, y, w = points(seed)
    best = circle(fit, x, y, w)[:3]
    found = minimize(
        lambda c: naive.taubin_loss(x, y, w, c), best + 0.05, method="Nelder-Mead",
        options={"xatol": 1e-10, "fatol": 1e-14, "maxiter": 2000},
    )  # fmt: skip
    # a simplex in a flat minimum is as good as the root of rounding
    np.testing.assert_allclose(best, found.x, atol=1e-6)
    assert naive.taubin_loss(x, y, w, best) <= found.fun * (1 + 1e-12)


@pytest.mark.parametrize("fit", [taubin, taubin.py_func])
def test_uncertainties_of_taubins_fit_raise_the_ratio_by_one(fit):
    x, y, w = points(0)
    out = circle(fit, x, y, w)

    def best_ratio(place, value):
        free = [k for k in range(3) if k != place]

        def ratio(others):
            trial = np.empty(3)
            trial[place], trial[free] = value, others
            return naive.taubin_loss(x, y, w, trial)

        return minimize(ratio, out[free], method="Nelder-Mead").fun

    for place in range(3):
        # half an uncertainty up: a quarter in a parabola; 15 % for its higher orders
        rise = best_ratio(place, out[place] + out[3 + place] / 2) - naive.taubin_loss(
            x, y, w, out[:3]
        )
        assert rise == pytest.approx(0.25, rel=0.15)


@pytest.mark.parametrize("fit", [kundu_chaudhuri, taubin])
def test_points_on_a_circle_give_it_exactly(fit):
    x, y, w = points(1)
    phi = np.arctan2(y, x)
    out = circle(fit, 0.3 + 1.2 * np.cos(phi), -0.2 + 1.2 * np.sin(phi), w)
    np.testing.assert_allclose(out[:3], [0.3, -0.2, 1.2], atol=1e-9)  # rounding, 1e5 times


@pytest.mark.parametrize("fit", [kundu_chaudhuri, kundu_chaudhuri.py_func, taubin, taubin.py_func])
@pytest.mark.parametrize(
    ("x", "y", "w"),
    [
        ([], [], []),
        ([1.0], [1.0], [5.0]),
        ([1.0, 2.0], [1.0, 0.0], [5.0, 5.0]),
        ([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0], [1.0, 2.0, 3.0, 4.0]),
        ([1.0, 1.0, 1.0], [2.0, 2.0, 2.0], [1.0, 2.0, 3.0]),
        ([1.0, 2.0, 0.0], [2.0, 4.0, 1.0], [0.0, 0.0, 0.0]),
        ([1.0, 2.0, 0.0], [2.0, 4.0, 1.0], [9.0, 0.0, 0.0]),
        ([1.0, 2.0, 0.0], [2.0, 4.0, 1.0], [1.0, np.nan, 1.0]),
        ([1.0, 2.0, 0.0], [2.0, 4.0, 1.0], [1.0, np.inf, 1.0]),
        ([1.0, np.nan, 0.0], [2.0, 4.0, 1.0], [1.0, 1.0, 1.0]),
    ],
)
def test_what_is_no_circle_is_nan(fit, x, y, w):
    with np.errstate(invalid="ignore"):
        assert np.isnan(circle(fit, np.array(x), np.array(y), np.array(w))[2])


@compiled_and_plain
@pytest.mark.parametrize("method", METHODS)
def test_rings_are_found_where_they_were_drawn(kernel, method):
    image, mask, truth = toy_rings(6)
    # with equal weights a second fit is one of the band of pixels and not of their light
    n_fits = 1 if method == TAUBIN else 3
    ring, near = rings(image, mask, method, kernel, n_fits)
    # half a pixel: scatter of a hundred lit pixels, and the bias of the closed form
    np.testing.assert_allclose(ring[:, :3], truth[:, :3], atol=0.05)
    away = np.hypot(CAMERA.fov_lon - ring[:, :1], CAMERA.fov_lat - ring[:, 1:2]) - ring[:, 2:3]
    np.testing.assert_array_equal(near, np.abs(away) / ring[:, 2:3] < 0.4)
    np.testing.assert_allclose(ring[:, 7], np.hypot(*ring[:, :2].T), rtol=1e-15)
    np.testing.assert_allclose(ring[:, 6], np.degrees(np.arctan2(ring[:, 1], ring[:, 0])))


def test_compiled_and_plain_rings_are_the_same():
    image, mask, _ = toy_rings(4, seed=3)
    for method in METHODS:
        one, two = (rings(image, mask, method, k) for k in (fit_rings, fit_rings.py_func))
        np.testing.assert_allclose(one[0], two[0], rtol=1e-12)
        np.testing.assert_array_equal(one[1], two[1])


@compiled_and_plain
def test_an_empty_batch_has_no_rings(kernel):
    image = np.empty((0, CAMERA.n_pixels), np.float32)
    assert rings(image, image > 0, kernel=kernel)[0].shape == (0, 8)


def test_a_nan_near_the_ring_leaves_no_ring():
    image, mask, truth = toy_rings(1)
    image = image.copy()
    away = np.hypot(CAMERA.fov_lon - truth[0, 0], CAMERA.fov_lat - truth[0, 1]) - truth[0, 2]
    image[0, np.abs(away).argmin()] = np.nan
    ring, near = rings(image, mask)
    assert np.isnan(ring).all()
    assert not near.any()


def test_a_line_of_pixels_has_no_ring():
    lit = np.flatnonzero(np.abs(CAMERA.fov_lat) < 0.01)
    image = np.zeros((1, CAMERA.n_pixels), np.float32)
    image[0, lit] = 20
    for method in METHODS:
        assert np.isnan(rings(image, image > 0, method)[0][0, 2])


@given(
    arrays(
        np.float32,
        (2, CAMERA.n_pixels),
        elements=st.floats(width=32),
        fill=st.sampled_from([np.float32(0), np.float32(3)]),
    ),
    st.sampled_from(METHODS),
    st.sampled_from([0.0, 2.0]),
)
def test_any_image_gives_a_ring_or_nan(image, method, threshold):
    ring, near = rings(image, image >= threshold, method)
    assert (np.isnan(ring[:, 2]) | (ring[:, 2] > 0)).all()
    assert not near[np.isnan(ring[:, 2])].any()
