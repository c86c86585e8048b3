"""Kernels that bin and count events."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.irf.axes import Axis
from ctabatch.kernels import event_bins, event_groups, irf_histogram
from tests.naive import irf_histogram as naive

FORMS = pytest.mark.parametrize("form", ["compiled", "plain"])
floats = st.floats(-50, 50) | st.sampled_from([np.inf, -np.inf, np.nan, 0.0, -0.0, 5e-324])


def kernel(name, form):
    modules = (event_bins, event_groups, irf_histogram)
    found = next(getattr(module, name) for module in modules if hasattr(module, name))
    return found if form == "compiled" else found.py_func


@FORMS
@given(data=st.data())
def test_the_bin_is_that_of_the_twin_wherever_the_search_begins(form, data):
    edges = np.array(sorted(data.draw(st.sets(st.floats(-20, 20), min_size=2, max_size=9))))
    edges += 0.0  # -0 is 0
    values = np.array([*data.draw(st.lists(floats, max_size=8)), *edges])
    first = np.array(data.draw(st.lists(st.integers(-3, 12), min_size=1, max_size=5)))
    logarithmic = data.draw(st.booleans())
    scale = 45.0 if logarithmic else 0.7
    origin = float(data.draw(st.integers(-5, 5)))
    out = np.empty(len(values), np.int32)
    kernel("bin_index", form)(values, edges, first, origin, scale, logarithmic, out)
    assert out.tolist() == naive.bin_index(values, edges)


@given(data=st.data())
def test_an_axis_begins_the_search_so_that_nothing_changes(data):
    edges = sorted(data.draw(st.sets(st.floats(1e-9, 1e5), min_size=2, max_size=9)))
    shift = data.draw(st.sampled_from([0.0, -100.0]))
    axis = Axis("x", np.unique(np.array(edges) + shift))
    near = np.concatenate([np.nextafter(axis.edges, s) for s in (-np.inf, np.inf)])
    values = np.concatenate([axis.edges, near, data.draw(st.lists(floats, max_size=5))])
    assert axis.index(values).tolist() == naive.bin_index(values, axis.edges)


@FORMS
def test_cells_are_in_row_major_order(form):
    rng = np.random.default_rng(5)
    bins = np.array([rng.integers(0, n, 40) for n in (4, 7, 3)], np.int32)
    group = rng.integers(0, 3, 40).astype(np.int32)
    out = np.empty(40, np.int64)
    kernel("histogram_cells", form)(bins, group, np.array([2, 0]), np.array([3, 4]), out)
    for i in range(40):
        assert out[i] == naive.cell((bins[2, i], bins[0, i]), group[i], (3, 4))


@FORMS
@given(seed=st.integers(0, 1000))
def test_squares_are_those_of_whole_showers(form, seed):
    rng = np.random.default_rng(seed)
    n = 30
    cells, selected = rng.integers(0, 3, n), rng.random(n) < 0.7
    weight, shower = rng.random(n), np.sort(rng.integers(0, 8, n))
    sums, squares, counts = np.zeros(3), np.zeros(3), np.zeros(3, np.int64)
    kernel("add_weights", form)(cells, selected, weight, shower, sums, squares)
    kernel("add_counts", form)(cells, selected, counts)
    expected = naive.weights(cells, selected, weight, shower, 3)
    np.testing.assert_allclose(sums, expected[0], rtol=1e-13)
    np.testing.assert_allclose(squares, expected[1], rtol=1e-12)
    assert counts.tolist() == [int((selected & (cells == c)).sum()) for c in range(3)]


@FORMS
def test_no_events_change_nothing(form):
    out, none = np.zeros(2), np.empty(0, np.int64)
    kernel("add_weights", form)(none, none > 0, np.empty(0), none, out, out)
    assert out.tolist() == [0, 0]


@FORMS
@given(values=st.lists(st.sampled_from([1.0, 2.5, -3.0, 20.0, np.nan, np.inf]), max_size=9))
def test_a_value_is_matched_with_the_known_one_that_equals_it(form, values):
    known = [20.0, 1.0, -3.0]
    out = np.empty(len(values), np.int32)
    n_none = kernel("match_values", form)(np.array(values, float), np.array(known), out)
    assert (out.tolist(), n_none) == naive.match_values(values, known)


@FORMS
@given(seed=st.integers(0, 1000), n=st.integers(0, 9))
def test_pairs_are_looked_up_and_those_without_number_counted(form, seed, n):
    rng = np.random.default_rng(seed)
    table = rng.integers(-1, 5, (3, 4)).astype(np.int32)
    number, code = (rng.integers(0, size, n).astype(np.int32) for size in table.shape)
    out = np.empty(n, np.int32)
    n_none = kernel("paired_numbers", form)(number, code, table, out)
    assert (out.tolist(), n_none) == naive.paired_numbers(number, code, table)


@FORMS
@pytest.mark.parametrize("dtype", ["i1", "u2", "i4", "i8"])
@given(values=st.lists(st.integers(0, 99), max_size=9), low=st.integers(0, 60))
def test_codes_of_whole_numbers_come_from_a_table(form, dtype, values, low):
    table = np.array([2, -1, 0, 1], np.int32)
    out = np.empty(len(values), np.int32)
    n_none = kernel("table_codes", form)(np.array(values, dtype), low, table, out)
    assert (out.tolist(), n_none) == naive.table_codes(values, low, table)
