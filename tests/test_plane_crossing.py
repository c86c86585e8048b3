"""Directions in which planes cross."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.plane_crossing import plane_crossing
from tests.naive import stereo as naive
from tests.toy_images import read_only

KERNELS = pytest.mark.parametrize("kernel", [plane_crossing, plane_crossing.py_func])


def run(kernel, sizes, normal, weight):
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    direction, spread = np.zeros((len(sizes), 3)), np.zeros(len(sizes))
    columns = [read_only(np.array(c, float)) for c in (normal, weight)]
    kernel(read_only(offsets), columns[0].reshape(-1, 3), columns[1], direction, spread)
    return direction, spread


@KERNELS
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 6), max_size=5))
def test_crossings_are_those_of_the_twin(kernel, seed, sizes):
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    normal, weight = rng.normal(size=(n, 3)), rng.uniform(1, 1000, n)
    direction, spread = run(kernel, sizes, normal, weight)
    first = 0
    for k, size in enumerate(sizes):
        own = slice(first, first + size)
        first += size
        if size < 2:
            assert np.isnan(direction[k]).all()
            assert np.isnan(spread[k])
            continue
        expected, angle = naive.plane_direction(normal[own], weight[own])
        np.testing.assert_allclose(direction[k], expected, atol=1e-9)
        assert spread[k] == pytest.approx(angle, abs=1e-7)


@KERNELS
def test_crossings_below_the_horizon_are_turned_up(kernel):
    direction, _ = run(kernel, [2], [[0, 1, 0], [1, 0, 0]], [1, 1])
    assert direction.tolist() == [[0, 0, 1]]


@KERNELS
def test_parallel_planes_have_no_direction(kernel):
    normal = np.array([0.3, 0.4, 0.1])
    direction, spread = run(kernel, [2], [normal, 3 * normal], [1, 1])
    assert np.isnan(direction).all()
    assert np.isnan(spread).all()


@KERNELS
def test_a_parallel_pair_among_others_is_left_out(kernel):
    normal = [[1, 0, 0], [2, 0, 0], [0, 1, 0]]
    direction, spread = run(kernel, [3], normal, [1, 1, 1])
    assert direction.tolist() == [[0, 0, 1]]
    assert spread[0] == 0


@KERNELS
def test_images_without_weight_have_no_direction(kernel):
    assert np.isnan(run(kernel, [2], [[1, 0, 0], [0, 1, 0]], [0, 1])[0]).all()


@KERNELS
def test_a_plane_that_is_not_known_gives_nan(kernel):
    assert np.isnan(run(kernel, [2], [[1, 0, 0], [0, np.nan, 0]], [1, 1])[0]).all()
