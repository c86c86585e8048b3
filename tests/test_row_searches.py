"""Searches along rows in vector registers are plain loops, also for NaN, infinities and ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.first_pass import SHIFT, best_triples
from ctabatch.kernels.jit import kernel
from ctabatch.kernels.pairwise_sum import pairwise_sum
from ctabatch.kernels.peak_lanes import LANES, N_ROWS, first_of_row, first_weighted_maximum
from ctabatch.kernels.sliding_window import fullest_windows
from ctabatch.kernels.sum_lanes import trace_sums
from ctabatch.kernels.window_peaks import local_peaks
from tests.naive import row_search as naive

#: Few levels make ties; the others are what broken pixels hold.
SAMPLE = st.one_of(st.integers(-2, 3), st.sampled_from([np.nan, np.inf, -np.inf, -0.0]))
TYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


@kernel
def compiled_weighted(rows, stride, numbers, begin, own, weight, n_samples):
    return first_weighted_maximum(rows, stride, numbers, begin, own, weight, n_samples)


@kernel
def compiled_row(rows, place, n_samples):
    return first_of_row(rows, place, n_samples)


@kernel
def compiled_sums(samples, stride, begin, n, sums):
    trace_sums(samples, stride, begin, n, sums)


def padded(rows, dtype):
    """Rows with what must not be looked at behind them."""
    n = len(rows[0])
    table = np.full((len(rows), -(-n // LANES) * LANES), 99, dtype)
    table[:, :n] = rows
    return table


@TYPES
@given(data=st.data(), n=st.integers(1, 70), weight=st.integers(0, 3))
def test_the_first_maximum_of_weighted_sums_is_that_of_the_loop(dtype, data, n, weight):
    with np.errstate(invalid="ignore"):
        rows = data.draw(st.lists(st.lists(SAMPLE, min_size=n, max_size=n), min_size=8, max_size=8))
        table = padded([*rows, [0] * n], dtype)
        numbers = np.array([2, 3, 4, 5, 6, 7, 1, 8, 8, 8, 8, 8], np.uint32)
        for begin in (0, N_ROWS):
            chosen = [table[r, :n] for r in (int(begin > 0), *numbers[begin : begin + N_ROWS])]
            expected = naive.first_largest(naive.summed_rows(chosen, weight).tolist())
            given = (table.reshape(-1), table.shape[1], numbers, begin, int(begin > 0))
            for function in (compiled_weighted, first_weighted_maximum):
                assert function(*given, dtype(weight), n) == expected


@TYPES
@given(row=st.lists(SAMPLE, min_size=1, max_size=70))
def test_the_first_maximum_of_a_row_is_that_of_the_loop(dtype, row):
    table = padded([row, row], dtype)
    for function in (compiled_row, first_of_row):
        assert function(table.reshape(-1), table.shape[1], len(row)) == naive.first_largest(row)


@given(row=st.lists(SAMPLE, min_size=1, max_size=70))
def test_nothing_is_larger_than_a_first_sample_that_is_no_number(row):
    table = padded([row, row[::-1]], np.float32)
    expected = [0 if np.isnan(r[0]) else naive.first_largest(r) for r in (row, row[::-1])]
    for function in (local_peaks, local_peaks.py_func):
        peak = np.full(2, -1)
        function(table, len(row), peak)
        assert peak.tolist() == expected


@given(row=st.lists(SAMPLE, min_size=1, max_size=40))
def test_the_best_three_samples_are_those_of_the_loop(row):
    samples = np.array([row, row[::-1], row], np.float32)
    broken = np.array([False, False, True])
    with np.errstate(invalid="ignore"):
        for function in (best_triples, best_triples.py_func):
            sums = np.full((3, -(-len(row) // LANES) * LANES), -np.inf, np.float32)
            peak = np.full(3, -1)
            function(samples, broken, sums, np.empty(3, np.float32), peak)
            for p, one in enumerate(samples[:2]):
                sums = np.full(len(row), -np.inf)
                for s in range(SHIFT, len(row) - SHIFT):
                    sums[s] = np.float32(float(one[s]) + (float(one[s - 1]) + float(one[s + 1])))
                assert peak[p] == max(naive.first_largest(sums.tolist()), SHIFT)
            assert peak[2] == SHIFT


@given(data=st.data(), n_pixels=st.integers(1, 9), n=st.integers(1, 50), width=st.integers(1, 50))
def test_the_fullest_window_is_that_of_the_loop(data, n_pixels, n, width):
    width = min(width, n)
    rows = data.draw(
        st.lists(st.lists(SAMPLE, min_size=n, max_size=n), min_size=n_pixels, max_size=n_pixels)
    )
    r1 = np.zeros((n_pixels + 1, -(-n // 8) * 8), np.float32)
    r1[:n_pixels, :n] = rows
    with np.errstate(invalid="ignore"):
        expected = [naive.fullest_window(row, width) for row in r1[:n_pixels, :n]]
        for function in (fullest_windows, fullest_windows.py_func):
            begin, charge = np.full(n_pixels, -1), np.full(n_pixels, np.nan)
            function(r1, n, width, begin, charge)
            assert begin.tolist() == [b for b, _ in expected]
            np.testing.assert_array_equal(charge, [c for _, c in expected])


@given(n=st.integers(0, 300), seed=st.integers(0, 10_000))
def test_sums_in_chains_are_numpys_to_the_bit(n, seed):
    values = np.random.default_rng(seed).normal(3, 100, n).astype(np.float32)
    for function in (pairwise_sum, pairwise_sum.py_func):
        assert function(values) == values.sum()


@given(n_traces=st.integers(1, 20), n=st.integers(1, 150), seed=st.integers(0, 10_000))
def test_sums_of_eight_traces_are_numpys_to_the_bit(n_traces, n, seed):
    stride = n + 3
    values = np.random.default_rng(seed).normal(3, 100, (n_traces, stride)).astype(np.float32)
    expected = [row[2 : 2 + n].sum() for row in values]
    for function in (compiled_sums, trace_sums):
        found = np.full(n_traces, 7, np.float32)
        function(values.reshape(-1), stride, 2, n, found)
        np.testing.assert_array_equal(found, expected)
