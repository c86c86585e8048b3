"""Core of least squares in the tilted plane."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.core_crossing import core_crossing
from tests.naive import frames, stereo
from tests.toy_images import read_only

KERNELS = pytest.mark.parametrize("kernel", [core_crossing, core_crossing.py_func])


def run(kernel, sizes, position, angle, pointing):
    """Angles of the axes in rad."""
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    axis = np.column_stack([np.cos(angle), np.sin(angle)])
    core, covariance = np.zeros((len(sizes), 2)), np.zeros((len(sizes), 3))
    columns = [read_only(np.array(c, float)) for c in (position, axis, pointing)]
    kernel(read_only(offsets), *columns, core, covariance)
    return core, covariance


@KERNELS
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(0, 6), min_size=1, max_size=5))
def test_cores_are_those_of_the_twin(kernel, seed, sizes):
    rng = np.random.default_rng(seed)
    n = sum(sizes)
    position = rng.uniform(-1000, 1000, (n, 3))
    # apart from each other, so that the twin's method loses no digits
    angle = np.resize(np.linspace(0, np.pi, 7)[:6], n) + rng.uniform(-0.1, 0.1, n)
    pointing = np.column_stack([rng.uniform(0.5, 1.57, len(sizes)), rng.uniform(0, 6, len(sizes))])
    core, covariance = run(kernel, sizes, position, angle, pointing)
    first = 0
    for k, size in enumerate(sizes):
        own = range(first, first + size)
        first += size
        if size < 2:
            assert np.isnan(core[k]).all()
            assert np.isnan(covariance[k]).all()
            continue
        points = [frames.tilted(position[i], *pointing[k])[:2] for i in own]
        lines = [(np.cos(angle[i]), np.sin(angle[i])) for i in own]
        expected, matrix = stereo.nearest_point(points, lines)
        np.testing.assert_allclose(core[k], expected, atol=1e-6)
        found = covariance[k, [0, 2, 2, 1]].reshape(2, 2)
        np.testing.assert_allclose(found, matrix, rtol=1e-6, atol=1e-6)


@KERNELS
def test_parallel_axes_have_no_core(kernel):
    position = [[0, 0, 0], [100, 0, 0], [0, 100, 0]]
    core, covariance = run(kernel, [3], position, np.full(3, 0.3), [[1, 0]])
    assert np.isnan(core).all()
    assert np.isnan(covariance).all()


@KERNELS
def test_the_core_of_two_telescopes_at_one_place_is_there(kernel):
    position = [[30, 40, 0], [30, 40, 0]]
    core, _ = run(kernel, [2], position, np.array([0.1, 1.2]), [[np.pi / 2, 0]])
    np.testing.assert_allclose(core, [[30, 40]], atol=1e-9)


@KERNELS
def test_an_unknown_pointing_gives_no_core(kernel):
    position = [[0, 0, 0], [100, 0, 0]]
    core, _ = run(kernel, [2], position, np.array([0.1, 1.2]), [[np.nan, np.nan]])
    assert np.isnan(core).all()


@KERNELS
def test_the_uncertainty_is_the_scatter_of_cores(kernel):
    """Telescopes all around; lines displaced at random by 5 m."""
    rng = np.random.default_rng(1)
    n, n_tels = 2000, 5
    angle = np.tile(np.arange(n_tels) * np.pi / n_tels, n)
    shift = rng.normal(0, 5, n * n_tels)
    position = np.column_stack([-np.sin(angle) * shift, np.cos(angle) * shift, 0 * shift])
    up = np.tile([np.pi / 2, 0.0], (n, 1))
    core, covariance = run(kernel, [n_tels] * n, position, angle, up)
    np.testing.assert_allclose(core.var(axis=0), covariance[:, :2].mean(axis=0), rtol=0.1)
    assert abs(covariance[:, 2]).max() < 1e-9
