"""Maxima of eight pixels at a time are those of one after the other, also for NaN and ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.jit import kernel
from ctabatch.kernels.maxima_lanes import first_maxima, first_row_maxima, first_weighted_maxima
from ctabatch.kernels.peak_lanes import LANES, N_ROWS
from tests.naive import row_search as naive

TYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])
LEVELS = [-2, -1, 0, 1, 2, np.nan, np.inf, -np.inf]


@kernel
def sums(rows, stride, numbers, n_samples, peak):
    first_maxima(rows, stride, numbers, n_samples, peak)


@kernel
def weighted(rows, stride, numbers, weight, n_samples, peak, highest):
    first_weighted_maxima(rows, stride, numbers, weight, n_samples, peak, highest)


@kernel
def own(rows, stride, n_samples, peak, highest):
    first_row_maxima(rows, stride, n_samples, peak, highest)


def traces(n_pixels, n_samples, seed, dtype, n_levels):
    """Few levels make ties; behind the samples there is what must not be looked at."""
    rng = np.random.default_rng(seed)
    rows = np.full((n_pixels + 1, -(-n_samples // LANES) * LANES), 99, dtype)
    rows[:, :n_samples] = rng.choice(LEVELS[:n_levels], (n_pixels + 1, n_samples))
    rows[n_pixels, :n_samples] = 0
    numbers = rng.integers(0, n_pixels + 1, (n_pixels, N_ROWS)).astype(np.uint32)
    return rows, numbers


def largest(values):
    """The maximum that is a number, or that nothing is."""
    values = values[~np.isnan(values)]
    return values.max() if len(values) else -np.inf


SIZES = {
    "n_pixels": st.integers(1, 20),
    "n_samples": st.integers(1, 60),
    "seed": st.integers(0, 10_000),
    "n_levels": st.integers(1, len(LEVELS)),
}


@given(**SIZES)
def test_maxima_of_sums(n_pixels, n_samples, seed, n_levels):
    rows, numbers = traces(n_pixels, n_samples, seed, np.float32, n_levels)
    with np.errstate(invalid="ignore"):
        totals = [naive.summed_rows(list(rows[of, :n_samples]), 1) for of in numbers]
        for function in (sums, first_maxima):
            peak = np.full(n_pixels, -1)
            function(rows.reshape(-1), rows.shape[1], numbers.reshape(-1), n_samples, peak)
            assert peak.tolist() == [naive.first_largest(total.tolist()) for total in totals]


@TYPES
@given(**SIZES, weight=st.integers(0, 3))
def test_maxima_of_weighted_sums(dtype, n_pixels, n_samples, seed, n_levels, weight):
    rows, numbers = traces(n_pixels, n_samples, seed, dtype, n_levels)
    with np.errstate(invalid="ignore"):
        totals = [naive.summed_rows([rows[p, :n_samples], *rows[of, :n_samples]], weight)
                  for p, of in enumerate(numbers)]  # fmt: skip
        for function in (weighted, first_weighted_maxima):
            peak, highest = np.full(n_pixels, -1), np.full(n_pixels, 7, dtype)
            function(rows.reshape(-1), rows.shape[1], numbers.reshape(-1), dtype(weight),
                     n_samples, peak, highest)  # fmt: skip
            assert peak.tolist() == [naive.first_largest(total.tolist()) for total in totals]
            np.testing.assert_array_equal(highest, [largest(total) for total in totals])


@TYPES
@given(**SIZES)
def test_maxima_of_rows(dtype, n_pixels, n_samples, seed, n_levels):
    rows, _ = traces(n_pixels, n_samples, seed, dtype, n_levels)
    samples = rows[:n_pixels, :n_samples]
    for function in (own, first_row_maxima):
        peak, highest = np.full(n_pixels, -1), np.full(n_pixels, 7, dtype)
        function(rows.reshape(-1), rows.shape[1], n_samples, peak, highest)
        assert peak.tolist() == [naive.first_largest(row.tolist()) for row in samples]
        np.testing.assert_array_equal(highest, [largest(row) for row in samples])
