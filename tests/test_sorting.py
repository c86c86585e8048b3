"""Counting and heapsort give the stable order that numpy gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ctabatch.kernels.sorting import _sift_down, sorted_order

ARRAYS = hnp.arrays(
    np.float64,
    st.integers(0, 60),
    elements=st.floats(-5, 5, allow_nan=False).map(lambda value: round(value, 1)),
)


@given(ARRAYS)
def test_order_is_numpys_stable_order(values: np.ndarray) -> None:
    expected = np.argsort(values, kind="stable")
    np.testing.assert_array_equal(sorted_order(values), expected)


@pytest.mark.parametrize("n", [1023, 1024, 1025, 3000])
def test_many_values_are_sorted_as_few_are(n) -> None:
    values = np.random.default_rng(n).normal(size=n).round(2)
    np.testing.assert_array_equal(sorted_order(values), np.argsort(values, kind="stable"))


@pytest.mark.parametrize("function", [sorted_order, sorted_order.py_func])
def test_equal_values_keep_their_order(function) -> None:
    values = np.array([2.0, 1.0, 2.0, 1.0, 2.0])
    values.setflags(write=False)
    np.testing.assert_array_equal(function(values), [1, 3, 0, 2, 4])


def test_sinking_restores_the_heap() -> None:
    values, order = np.array([0.0, 5.0, 4.0]), np.arange(3)
    _sift_down.py_func(values, order, 0, 3)
    assert order.tolist() == [1, 0, 2]


@pytest.mark.parametrize("n", [5, 40, 1100])
def test_places_stay_in_the_array_whatever_it_holds(n):
    values = np.random.default_rng(n).normal(size=n)
    values[::3] = np.nan
    order = sorted_order(values)
    assert ((order >= 0) & (order < n)).all()
