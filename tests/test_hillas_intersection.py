"""Crossing of lines in a plane, and height along the axis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.hillas_intersection import axis_crossing, axis_height
from tests.naive import stereo as naive
from tests.toy_images import read_only

CROSSINGS = pytest.mark.parametrize("kernel", [axis_crossing, axis_crossing.py_func])
HEIGHTS = pytest.mark.parametrize("kernel", [axis_height, axis_height.py_func])


def cross(kernel, sizes, points, psi, intensity):
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    points = np.array(points, float).reshape(-1, 2)
    crossing, covariance = np.zeros((len(sizes), 2)), np.zeros((len(sizes), 3))
    columns = (points[:, 0], points[:, 1], np.array(psi, float), np.array(intensity, float))
    kernel(read_only(offsets), *(read_only(c.copy()) for c in columns), crossing, covariance)
    return crossing, covariance


@CROSSINGS
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_crossings_are_those_of_the_twin(kernel, seed, sizes):
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    points, intensity = rng.uniform(-1, 1, (n, 2)), rng.uniform(50, 5000, n)
    psi = np.resize(np.linspace(0, np.pi, 7)[:6], n) + rng.uniform(-0.1, 0.1, n)
    crossing, covariance = cross(kernel, sizes, points, psi, intensity)
    first = 0
    for k, size in enumerate(sizes):
        own = slice(first, first + size)
        first += size
        if size < 2:
            assert np.isnan(crossing[k]).all()
            assert np.isnan(covariance[k]).all()
            continue
        expected, matrix = naive.line_crossing(points[own], psi[own], intensity[own])
        np.testing.assert_allclose(crossing[k], expected, atol=1e-9)
        found = covariance[k, [0, 2, 2, 1]].reshape(2, 2)
        np.testing.assert_allclose(found, matrix, rtol=1e-8, atol=1e-9)


@CROSSINGS
def test_parallel_lines_do_not_cross(kernel):
    crossing, covariance = cross(kernel, [2], [[0, 0], [1, 0]], [0.5, 0.5], [100, 100])
    assert np.isnan(crossing).all()
    assert np.isnan(covariance).all()


@CROSSINGS
def test_a_parallel_pair_among_others_is_left_out(kernel):
    crossing, _ = cross(kernel, [3], [[0, 0], [0, 0], [1, 7]], [0, 0, np.pi / 2], [9, 9, 9])
    np.testing.assert_allclose(crossing, [[1, 0]], atol=1e-12)


@CROSSINGS
def test_images_without_intensity_do_not_cross(kernel):
    assert np.isnan(cross(kernel, [2], [[0, 0], [1, 0]], [0, 1], [0, 0])[0]).all()


def height(kernel, centroid, position, intensity, source=(0, 0), core=(0, 0)):
    out = np.zeros(1)
    columns = (centroid, position, intensity, [source], [core])
    offsets = read_only(np.array([0, len(intensity)]))
    kernel(offsets, *(read_only(np.array(c, float)) for c in columns), out)
    return out[0]


@HEIGHTS
def test_height_is_the_weighted_mean_of_impact_distance_over_angle(kernel):
    found = height(kernel, [[0.01, 0.0], [0.03, 0.0]], [[0, 100, 5], [300, 0, 5]], [1, 3],
                   source=(0.0, 0.01), core=(0, 20))  # fmt: skip
    first, second = 80 / np.hypot(0.01, 0.01), np.hypot(300, 20) / np.hypot(0.03, 0.01)
    assert found == pytest.approx((first + 3 * second) / 4)


@HEIGHTS
def test_a_centroid_at_the_source_gives_no_height(kernel):
    assert np.isnan(height(kernel, [[0.0, 0.0]], [[100, 0, 0]], [1]))


@HEIGHTS
def test_without_images_there_is_no_height(kernel):
    assert np.isnan(height(kernel, np.empty((0, 2)), np.empty((0, 3)), []))
