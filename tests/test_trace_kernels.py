"""Kernels of the extractors of calibrated traces: compiled, plain and as loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctabatch.kernels import deconvolution
from ctabatch.kernels.brightest_island import keep_brightest_island
from ctabatch.kernels.clipped_phases import clipped_phases
from ctabatch.kernels.pairwise_sum import pairwise_sum
from ctabatch.kernels.trace_variance import trace_variance
from ctabatch.kernels.trace_window import first_of, largest_of, window_of_trace
from tests.naive import trace_extractors as naive
from tests.toy_traces import neighbor_lists, toy_geometry

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "plain"])
SINGLES = st.floats(-100, 100, width=32)


def pick(kernel, compiled):
    return kernel if compiled else kernel.py_func


@COMPILED
@given(values=arrays(np.float32, st.integers(0, 300), elements=SINGLES))
def test_sums_are_those_of_numpy_to_the_bit(compiled, values):
    assert pick(pairwise_sum, compiled)(values) == values.sum()


@COMPILED
@given(
    values=arrays(np.float64, st.integers(0, 70), elements=st.floats(allow_nan=False)),
    equal=st.integers(0, 69),
)
def test_the_first_of_the_largest_samples_is_found(compiled, values, equal):
    values = values + 0.0  # no -0, as the kernel asks for
    if equal < len(values):
        values[equal] = values.max()
    padded = np.concatenate([values, np.full(5, -np.inf)])
    bits = padded.view(np.int64)
    assert pick(first_of, compiled)(bits, len(values)) == naive.first_largest(values)
    largest = np.array([pick(largest_of, compiled)(bits)], np.int64).view(np.float64)[0]
    assert largest == padded.max()


@COMPILED
@given(
    trace=arrays(np.float32, st.integers(0, 20), elements=SINGLES),
    peak=st.integers(-30, 30), width=st.integers(0, 40), shift=st.integers(-10, 10),
)  # fmt: skip
def test_a_window_is_clipped_to_the_trace(compiled, trace, peak, width, shift):
    charge, time = pick(window_of_trace, compiled)(trace, peak, width, shift)
    expected = naive.window(trace, peak, width, shift)
    # results are in single precision
    assert charge == pytest.approx(expected[0], rel=1e-6, abs=1e-4)
    assert time == pytest.approx(expected[1], rel=1e-6, abs=1e-5)


@COMPILED
@pytest.mark.parametrize("upsampling", [1, 2, 3, 4, 5, 8])
@pytest.mark.parametrize("n_samples", [1, 2, 3, 25])
def test_upsampling_in_one_step_is_that_in_many(compiled, n_samples, upsampling):
    trace = np.random.default_rng(n_samples).normal(0, 5, n_samples)
    weights = pick(deconvolution.phase_weights, compiled)(upsampling)
    np.testing.assert_allclose(weights.sum(axis=0), 1, rtol=1e-15)
    stride = 32
    short = np.zeros(stride + 2)
    pick(deconvolution.without_pole, compiled)(trace, 0.7, short)
    expected = naive.deconvolved(trace, 0.7, upsampling)
    one = [
        pick(deconvolution.upsampled_at, compiled)(short, weights, s) for s in range(len(expected))
    ]
    np.testing.assert_allclose(one, expected, rtol=1e-12, atol=1e-12)
    out = np.empty(stride * upsampling)
    for level in (0.0, np.inf, 5.0):
        pick(clipped_phases, compiled)(short, weights, level, stride, out)
        phases = out.reshape(upsampling, stride)[:, :n_samples].T.ravel()
        bounded = expected
        if level == 5:
            bounded = np.maximum(expected / 5 / (1 + np.abs(expected / 5)), 0)
        np.testing.assert_allclose(phases, bounded, rtol=1e-12, atol=1e-12)
    for peak in range(len(expected)):
        found = pick(deconvolution.centroid, compiled)(short, weights, len(expected), peak, 0.05)
        assert found == pytest.approx(naive.centroid(expected, peak, 0.05), rel=1e-5, abs=1e-5)


@COMPILED
@given(mask=arrays(bool, (2, 37)), charge=arrays(np.float64, (2, 37), elements=st.integers(-3, 9)))
def test_the_brightest_island_stays(compiled, mask, charge):
    geometry = toy_geometry()
    expected = [naive.brightest_island(c, m, neighbor_lists(geometry))
                for c, m in zip(charge, mask, strict=True)]  # fmt: skip
    kept = mask.copy()
    pick(keep_brightest_island, compiled)(charge, *geometry.neighbors, kept)
    np.testing.assert_array_equal(kept, expected)


@COMPILED
@pytest.mark.parametrize("n_samples", [2, 7, 30, 128, 200])
def test_variances_are_those_of_numpy_to_the_bit(compiled, n_samples):
    samples = np.random.default_rng(1).normal(2, 3, (2, 5, n_samples)).astype(np.float32)
    samples[0, 1, 1] = samples[1, 2] = np.nan
    found = np.empty((2, 5), np.float32)
    pick(trace_variance, compiled)(samples, found)
    assert np.isnan(found[1, 2])
    found[1, 2] = samples[1, 2] = 0
    np.testing.assert_array_equal(found, np.nanvar(samples, axis=2, dtype=np.float32))
