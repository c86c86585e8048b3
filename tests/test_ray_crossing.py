"""Height of the shower maximum."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.ray_crossing import ray_crossing
from tests.naive import stereo as naive
from tests.toy_images import read_only

KERNELS = pytest.mark.parametrize("kernel", [ray_crossing, ray_crossing.py_func])


def run(kernel, sizes, position, ray):
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    height, uncert = np.zeros(len(sizes)), np.zeros(len(sizes))
    columns = [read_only(np.array(c, float).reshape(-1, 3)) for c in (position, ray)]
    kernel(read_only(offsets), *columns, height, uncert)
    return height, uncert


def rays(rng, position, noise=0.0):
    """Towards a point 8 km up."""
    ray = np.array([100.0, -50.0, 8000.0]) - position
    ray /= np.linalg.norm(ray, axis=1)[:, np.newaxis]
    ray += noise * rng.normal(size=ray.shape)
    return ray / np.linalg.norm(ray, axis=1)[:, np.newaxis]


@KERNELS
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_heights_are_those_of_the_twin(kernel, seed, sizes):
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    position = rng.uniform(-500, 500, (n, 3))
    position[::2, :2] += 300  # not all in one place, where the height is anywhere
    ray = rays(rng, position, noise=1e-3)
    height, uncert = run(kernel, sizes, position, ray)
    first = 0
    for k, size in enumerate(sizes):
        own = slice(first, first + size)
        first += size
        if size < 2:
            assert np.isnan(height[k])
            assert np.isnan(uncert[k])
            continue
        expected, matrix = naive.nearest_point(position[own], ray[own])
        assert height[k] == pytest.approx(expected[2], rel=1e-6, abs=1e-3)
        assert uncert[k] == pytest.approx(np.sqrt(matrix[2, 2]), rel=1e-5, abs=1e-3)


@KERNELS
def test_parallel_rays_have_no_height(kernel):
    position = [[0, 0, 0], [100, 0, 0], [0, 100, 5]]
    ray = [[0.0, 0.6, 0.8]] * 3
    assert np.isnan(run(kernel, [3], position, ray)).all()


@KERNELS
def test_rays_of_two_telescopes_at_one_place_cross_there(kernel):
    height, _ = run(kernel, [2], [[5, 6, 7]] * 2, [[0, 0.6, 0.8], [0, 0, 1]])
    assert height[0] == pytest.approx(7)


@KERNELS
def test_a_ray_that_is_not_known_gives_nan(kernel):
    position = [[0, 0, 0], [100, 0, 0]]
    assert np.isnan(run(kernel, [2], position, [[0, 0.6, 0.8], [np.nan, 0, 1]])).all()


def test_the_uncertainty_is_the_scatter_of_heights():
    """Four telescopes at the corners of a square, rays displaced by 20 m in x and y."""
    rng = np.random.default_rng(1)
    n = 3000
    corners = np.tile([[-150.0, -150, 0], [150, -150, 0], [-150, 150, 0], [150, 150, 0]], (n, 1))
    ray = rays(rng, corners)
    shifted = corners + np.column_stack([rng.normal(0, 20, (4 * n, 2)), np.zeros(4 * n)])
    height, uncert = run(ray_crossing, [4] * n, shifted, ray)
    assert np.median(height) == pytest.approx(8000, rel=0.02)
    assert height.std() == pytest.approx(np.sqrt(np.mean(uncert**2)), rel=0.1)
