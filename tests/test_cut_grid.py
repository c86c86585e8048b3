"""The kernel that counts events for all combinations of cuts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctabatch.kernels.cut_grid import fill_cut_grid
from tests.naive import cut_grid as naive


@pytest.mark.parametrize("form", ["compiled", "plain"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@settings(max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 40))
def test_the_cells_summed_up_are_what_passes_their_cuts(form, dtype, seed, n):
    rng = np.random.default_rng(seed)
    n_bins, n_m, n_g, n_t = rng.integers(1, 4, 4)
    bins = rng.integers(0, n_bins, n).astype(np.int32)
    multiplicity = rng.integers(0, 6, n)
    # few different values, so that events lie exactly on cuts; some have no value
    gammaness, theta = (rng.integers(0, 5, n) / 4 for _ in range(2))
    gammaness[rng.random(n) < 0.1], theta[rng.random(n) < 0.1] = np.nan, np.nan
    columns = [a.astype(dtype) for a in (gammaness, theta, rng.integers(1, 9, n))]
    cuts = (
        np.sort(rng.integers(0, 6, n_m)),
        -np.sort(-rng.integers(0, 5, (n_m, n_bins, n_g)) / 4, axis=2),
        np.sort(rng.integers(0, 5, (n_m, n_bins, n_t)) / 4, axis=2),
    )
    counts = np.zeros((n_bins, n_m, n_g, n_t), np.int64)
    weights = np.zeros(counts.shape)
    kernel = fill_cut_grid if form == "compiled" else fill_cut_grid.py_func
    kernel(bins, multiplicity, *columns, *cuts, counts, weights)
    expected = naive.passing(bins, multiplicity, *columns, *cuts)
    # whole numbers: sums are exact
    assert np.array_equal(counts.cumsum(axis=2).cumsum(axis=3), expected[0])
    assert np.array_equal(weights.cumsum(axis=2).cumsum(axis=3), expected[1])
