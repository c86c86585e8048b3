"""Kernels that find values by the cells of their bits."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels import quantile_cells
from tests.naive import quantile_cells as naive

FORMS = pytest.mark.parametrize("form", ["compiled", "plain"])
special = [np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324, -5e-324, 1e-310, 1.0, 2.0, -1.0]
floats = st.floats(-50, 50) | st.floats(allow_nan=True) | st.sampled_from(special)


def kernel(name, form):
    found = getattr(quantile_cells, name)
    return found if form == "compiled" else found.py_func


def drawn(data):
    values = np.array(data.draw(st.lists(floats, min_size=1, max_size=12)))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    rows, selected = rng.integers(0, 3, len(values)), rng.random(len(values)) < 0.8
    shift = data.draw(st.sampled_from([52, 45, 47]))
    low = data.draw(st.sampled_from([0.5, 2.0**-20, 1e-310]))
    first = int(np.float64(low).view(np.int64) >> shift)
    return values, rows, selected, shift, first


@FORMS
@given(data=st.data())
def test_counts_and_kept_values_are_those_of_the_twin(form, data):
    values, rows, selected, shift, first = drawn(data)
    counts = np.zeros((3, 7), np.uint32)
    kernel("count_cells", form)(values, rows, selected, shift, first, counts)
    expected = [
        [naive.values_in(values, rows, selected, row, cell, shift, first, 7) for cell in range(7)]
        for row in range(3)
    ]
    assert counts.tolist() == [[len(found) for found in line] for line in expected]

    wanted = [(row, cell) for row in range(3) for cell in range(0, 7, 2)]
    slots = np.full((3, 7), -1, np.int32)
    for slot, place in enumerate(wanted):
        slots[place] = slot
    begin = np.append(0, np.cumsum([counts[place] for place in wanted])).astype(np.int64)
    filled, kept = np.zeros(len(wanted), np.int64), np.full(begin[-1], np.nan)
    kernel("collect_cells", form)(
        values, rows, selected, shift, first, slots, begin, filled, kept
    )  # fmt: skip
    assert filled.tolist() == np.diff(begin).tolist()
    for slot, (row, cell) in enumerate(wanted):
        np.testing.assert_array_equal(kept[begin[slot] : begin[slot + 1]], expected[row][cell])


@given(values=st.lists(st.floats(allow_nan=False), min_size=2, max_size=20))
def test_cells_are_in_the_order_of_the_numbers(values):
    values = np.sort(values) + 0.0  # no -0
    cells = [naive.cell(x, 45, -(2**19), 2**20) for x in values.tolist()]
    assert cells == sorted(cells)


@FORMS
def test_a_slot_keeps_no_more_than_it_has_room_for(form):
    values, none = np.array([1.0, 1.1, 1.2]), np.zeros(3, np.int64)
    filled, kept = np.zeros(1, np.int64), np.zeros(3)
    slots, begin = np.zeros((1, 1), np.int32), np.array([0, 2])
    kernel("collect_cells", form)(
        values, none, values > 0, 52, 1023, slots, begin, filled, kept
    )  # fmt: skip
    assert filled.tolist() == [3]
    assert kept.tolist() == [1.0, 1.1, 0.0]


@FORMS
@given(data=st.data())
def test_moments_are_those_of_the_twin(form, data):
    values, rows, selected, _, _ = drawn(data)
    values = np.where(np.abs(values) < 1e6, values, np.nan)
    sums, squares = np.zeros(3), np.zeros(3)
    kernel("add_moments", form)(values, rows, selected, 0.25, sums, squares)
    for row in range(3):
        first, second = naive.moments(values.tolist(), rows, selected, row, 0.25)
        assert math.isclose(sums[row], first, rel_tol=1e-12, abs_tol=1e-9)
        assert math.isclose(squares[row], second, rel_tol=1e-12, abs_tol=1e-12)
