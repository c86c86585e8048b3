"""The robust line fit."""

import numpy as np
import pytest
from ctapipe.fitting import lts_linear_regression
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.pair_slopes import pair_slopes
from ctabatch.kernels.residual_window import best_window, ends_by_residual
from ctabatch.kernels.trimmed_line import trimmed_line
from tests.naive.trimmed_line import smallest_trimmed_sum, trimmed_sum
from tests.toy_images import read_only

KERNELS = pytest.mark.parametrize("kernel", [trimmed_line, trimmed_line.py_func])
COORDINATES = st.lists(
    st.tuples(st.integers(-20, 20), st.integers(-100, 100)), min_size=0, max_size=14
)


def times(rng, n):
    """Positions along an axis and times: signal with outliers, two groups, or noise alone."""
    x = rng.normal(0, 0.3, n)
    kind = rng.integers(3)
    signal = 30 + 8 * x + rng.normal(0, 1, n)
    noise = rng.uniform(0, 60, n)
    if kind == 0:
        return x, np.where(rng.random(n) < 0.2, noise, signal)
    if kind == 1:
        return x, np.where(rng.random(n) < 0.4, signal + 15, signal)
    return x, noise


@KERNELS
@given(points=COORDINATES)
def test_trimmed_line_of_few_points_is_the_best_of_all_subsets(kernel, points):
    x, y = read_only([p[0] / 10 for p in points]), read_only([float(p[1]) for p in points])
    slope, intercept = kernel(x, y)
    best = smallest_trimmed_sum(x, y) if len(x) > 2 else np.inf
    if np.isfinite(best):
        scale = ((y - y.mean()) ** 2).sum()
        assert trimmed_sum(x, y, slope, intercept) <= best + 1e-9 * scale + 1e-18
    else:
        assert np.isnan(slope)
        assert np.isnan(intercept)


@pytest.mark.parametrize("n", [3, 4, 5, 7, 10, 12, 13, 15, 20, 30, 45, 70, 150])
def test_trimmed_line_fits_at_least_as_well_as_ctapipe(n):
    rng = np.random.default_rng(n)
    for _ in range(100):
        x, y = times(rng, n)
        best, _ = lts_linear_regression(x, y, samples=5)
        if np.isnan(best[0]):
            continue
        ours, theirs = trimmed_sum(x, y, *trimmed_line(x, y)), trimmed_sum(x, y, *best)
        assert ours <= 1.01 * theirs + 1e-12 * ((y - y.mean()) ** 2).sum()


@pytest.mark.parametrize("n", range(3, 21))
def test_trimmed_line_of_up_to_twenty_points_leaves_out_the_best_choice(n):
    x, y = times(np.random.default_rng(n), n)
    scale = ((y - y.mean()) ** 2).sum()
    found = trimmed_sum(x, y, *trimmed_line(x, y))
    assert found == pytest.approx(smallest_trimmed_sum(x, y), rel=1e-9, abs=1e-12 * scale)


@pytest.mark.parametrize("n", [5, 12, 13, 21, 40, 100])
def test_trimmed_line_is_the_same_compiled_and_interpreted(n):
    x, y = times(np.random.default_rng(n), n)
    np.testing.assert_allclose(trimmed_line(x, y), trimmed_line.py_func(x, y), rtol=1e-9)
    by_x = np.argsort(x)
    x, y = x[by_x] - x.mean(), y[by_x] - y.mean()
    np.testing.assert_allclose(pair_slopes(x, y), pair_slopes.py_func(x, y))
    sums = np.array([x.sum(), y.sum(), x @ x, x @ y, y @ y])
    lines = [
        step(x.copy(), y.copy(), 3.0, int(0.85 * n), sums, np.empty(n))
        for step in (best_window, best_window.py_func)
    ]
    np.testing.assert_allclose(*lines, rtol=1e-9)


@pytest.mark.parametrize("kernel", [ends_by_residual, ends_by_residual.py_func])
@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=3, max_size=40),
    st.lists(st.floats(-3, 3), min_size=1, max_size=4),
)
def test_the_ends_hold_the_lowest_and_highest_residuals(kernel, points, slopes):
    x, y = (np.array(values, float) for values in zip(*points, strict=True))
    n, m = len(x), len(x) - int(0.85 * len(x))
    residual = np.empty(n)
    for slope in slopes:  # each begins where the one before ended
        kernel(x, y, slope, m, residual)
        assert sorted(zip(x, y, strict=True)) == sorted(map(tuple, np.array(points, float)))
        np.testing.assert_array_equal(residual, y - slope * x)
        expected = np.sort(residual)
        np.testing.assert_array_equal(residual[:m], expected[:m])
        np.testing.assert_array_equal(residual[n - m :], expected[n - m :])


@KERNELS
def test_trimmed_line_takes_the_flattest_of_lines_through_two_of_three_points(kernel):
    x, y = np.array([-1.0, 0.0, 1.0]), np.array([0.0, 1.0, 0.0])
    slope, intercept = kernel(x, y)
    assert slope == pytest.approx(0, abs=1e-12)
    assert intercept == pytest.approx(0, abs=1e-12)


@KERNELS
@pytest.mark.parametrize("n", [3, 20])
def test_trimmed_line_of_equal_times_is_flat(kernel, n):
    assert kernel(np.linspace(-1, 1, n), np.full(n, 7.0)) == (0, 7)


@KERNELS
@pytest.mark.parametrize("n", [0, 1, 2])
def test_trimmed_line_of_fewer_than_three_points_is_nan(kernel, n):
    assert np.isnan(kernel(np.arange(float(n)), np.arange(float(n)))).all()


@KERNELS
@pytest.mark.parametrize("n", [3, 20])
def test_trimmed_line_of_points_at_one_place_is_nan(kernel, n):
    assert np.isnan(kernel(np.ones(n), np.arange(float(n)))).all()
