"""Statistics of selected values."""

import numpy as np
import pytest
from ctapipe.image.statistics import descriptive_statistics

from ctabatch.kernels.statistics import COLUMNS, statistics
from tests.naive import statistics as naive
from tests.toy_images import each, ragged, toy_camera

KERNELS = pytest.mark.parametrize("kernel", [statistics, statistics.py_func])


def run(kernel, offsets, values):
    out = np.zeros((len(offsets) - 1, len(COLUMNS)))
    kernel(offsets, values, out)
    return out


@KERNELS
def test_statistics_agree_with_their_twin(kernel):
    offsets, _, charge, times = ragged(toy_camera())
    for values in (charge, times):
        out = run(kernel, offsets, values)
        for row, image in zip(out, each(offsets), strict=True):
            np.testing.assert_allclose(row, naive.statistics(values[image]), rtol=1e-9, atol=1e-11)


def test_statistics_agree_with_ctapipe():
    offsets, _, charge, times = ragged(toy_camera(), seed=2)
    for values in (charge, times):
        out = run(statistics, offsets, values)
        for row, image in zip(out, each(offsets), strict=True):
            if image.stop - image.start < 2:
                continue  # ctapipe's function does not know the rule, its image processor does
            expected = descriptive_statistics(values[image])
            for name, value in zip(COLUMNS, row, strict=True):
                assert value == pytest.approx(expected[name], rel=1e-9, abs=1e-11, nan_ok=True)


@KERNELS
def test_statistics_of_one_value_or_none_are_nan(kernel):
    assert np.isnan(run(kernel, np.array([0, 0, 1]), np.ones(1))).all()


@KERNELS
def test_statistics_of_equal_values_have_no_shape(kernel):
    row = run(kernel, np.array([0, 3]), np.full(3, 0.1))[0]
    np.testing.assert_array_equal(row, [0.1, 0.1, 0.1, 0, np.nan, np.nan])


@KERNELS
def test_statistics_with_a_nan_are_nan(kernel):
    assert np.isnan(run(kernel, np.array([0, 3]), np.array([1.0, np.nan, 3.0]))).all()
