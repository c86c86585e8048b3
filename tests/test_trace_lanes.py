"""Steps along traces, sixteen samples at a time, do what the plain loops do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.jit import kernel
from ctabatch.kernels.trace_lanes import calibrated_traces, traces_above


@kernel
def calibrated(samples, n_samples, pedestal, factor, gain, out, stride):
    calibrated_traces(samples, n_samples, pedestal, factor, gain, out, stride)


@kernel
def above(samples, n_samples, threshold, found):
    traces_above(samples, n_samples, threshold, found)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.float32])
@given(
    n_pixels=st.integers(1, 5), n_samples=st.integers(1, 70), n_gains=st.integers(1, 2),
    all_stored=st.booleans(), seed=st.integers(0, 10_000),
)  # fmt: skip
def test_calibrated_traces(dtype, n_pixels, n_samples, n_gains, all_stored, seed):
    rng = np.random.default_rng(seed)
    shape = (n_gains if all_stored else 1, n_pixels, n_samples)
    samples = rng.integers(0, 1 << 16, shape).astype(dtype)
    pedestal, factor = rng.normal(300, 9, (2, n_gains, n_pixels)).astype(np.float32)
    gain = rng.integers(0, n_gains, n_pixels).astype(np.int8)
    stride = n_samples + 3
    for function in (calibrated, calibrated_traces):
        out = np.full((n_pixels + 1, stride), 7, np.float32)
        function(samples.reshape(-1), n_samples, pedestal, factor, gain, out.reshape(-1), stride)
        for p, g in enumerate(gain):
            trace = samples[min(g, len(samples) - 1), p].astype(np.float32)
            expected = (trace - pedestal[g, p]) * factor[g, p]
            np.testing.assert_array_equal(out[p, :n_samples], expected)
        assert (out[:n_pixels, n_samples:] == 7).all()
        assert (out[n_pixels] == 7).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32, np.float32])
@given(
    n_pixels=st.integers(1, 5), n_samples=st.integers(1, 70), seed=st.integers(0, 10_000),
    threshold=st.integers(-1, 70_000),
)  # fmt: skip
def test_traces_above(dtype, n_pixels, n_samples, seed, threshold):
    samples = np.random.default_rng(seed).integers(0, 1 << 16, (n_pixels, n_samples)).astype(dtype)
    highest = samples.max(axis=1).astype(int)
    for at in (threshold, int(highest[0]), int(highest[0]) - 1):
        for function in (above, traces_above):
            found = np.full(n_pixels, 7, np.int8)
            function(samples.reshape(-1), n_samples, at, found)
            assert found.tolist() == (highest > at).astype(int).tolist()
