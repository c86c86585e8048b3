"""Gain selection and calibration."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.calibration import KNOWN, calibrate_samples, calibrate_sums, select_gain
from tests.naive import calibration as naive

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
GAINS = pytest.mark.parametrize("n_gains", [1, 2])


def of(kernel, compiled):
    return kernel if compiled else kernel.py_func


def batch(n_gains, n_events=4, n_pixels=7, n_samples=5, seed=1):
    rng = np.random.default_rng(seed)
    waveform = rng.integers(200, 5000, (n_events, n_gains, n_pixels, n_samples)).astype(np.uint16)
    pedestal = rng.normal(300, 3, (2, n_gains, n_pixels)).astype(np.float32)
    factor = rng.uniform(0.01, 0.2, (2, n_gains, n_pixels)).astype(np.float32)
    rows = np.array([0, 1, 1, 0][:n_events])
    for values in (waveform, pedestal, factor):
        values.flags.writeable = False
    return waveform, rows, pedestal, factor


@COMPILED
@GAINS
@pytest.mark.parametrize("threshold", [0, 4000, 1 << 16])
def test_calibration_is_that_of_the_twin(compiled, n_gains, threshold):
    waveform, rows, pedestal, factor = batch(n_gains)
    gain, r1 = np.zeros((4, 7), np.int8), np.zeros((4, 7, 5), np.float32)
    of(calibrate_samples, compiled)(waveform, rows, pedestal, factor, threshold, gain, r1)
    for k, row in enumerate(rows):
        expected = naive.calibrate(waveform[k], pedestal[row], factor[row], threshold)
        np.testing.assert_array_equal(gain[k], expected[0])
        np.testing.assert_allclose(r1[k], expected[1], rtol=1e-6, atol=1e-6)


@COMPILED
@given(highest=st.integers(3998, 4003))
def test_the_threshold_itself_keeps_the_high_gain(compiled, highest):
    waveform = np.full((2, 1, 3), 100, np.uint16)
    waveform[0, 0, 2] = highest
    gain = np.full(1, 9, np.int8)
    of(select_gain, compiled)(waveform, 4000, gain)
    assert gain[0] == (highest > 4000)


@COMPILED
@GAINS
def test_pedestal_and_threshold_of_sums_count_once_per_sample(compiled, n_gains):
    waveform, rows, pedestal, factor = batch(n_gains)
    sums = waveform.astype(np.uint32).sum(axis=-1, keepdims=True, dtype=np.uint32)
    gain, image = np.zeros((4, 7), np.int8), np.zeros((4, 7), np.float32)
    n_summed = np.array([5, 5])
    of(calibrate_sums, compiled)(sums, rows, pedestal, factor, n_summed, 2600, gain, image)
    for k, row in enumerate(rows):
        chosen, r1 = naive.calibrate(sums[k], 5 * pedestal[row], factor[row], 5 * 2600)
        np.testing.assert_array_equal(gain[k], chosen)
        np.testing.assert_allclose(image[k], r1[:, 0], rtol=1e-5)


@COMPILED
@GAINS
def test_calibrated_samples_of_known_gains_pass_unchanged(compiled, n_gains):
    _, rows, pedestal, factor = batch(n_gains)
    rng = np.random.default_rng(3)
    samples = rng.normal(0, 30, (4, 1, 7, 5)).astype(np.float32)
    samples[0, 0, :4, 0] = np.nan, np.inf, -np.inf, -0.0
    gain = rng.integers(0, n_gains, (4, 7)).astype(np.int8)
    given, r1 = gain.copy(), np.zeros((4, 7, 5), np.float32)
    zeros, ones = np.zeros_like(pedestal), np.ones_like(factor)
    of(calibrate_samples, compiled)(samples, rows, zeros, ones, KNOWN, gain, r1)
    np.testing.assert_array_equal(gain, given)
    np.testing.assert_array_equal(r1.view(np.uint32), samples[:, 0].view(np.uint32))
    of(calibrate_samples, compiled)(samples, rows, pedestal, factor, KNOWN, gain, r1)
    for k, row in enumerate(rows):
        expected = naive.calibrated(samples[k], gain[k], pedestal[row], factor[row])
        np.testing.assert_allclose(r1[k], expected, rtol=1e-6, atol=1e-6)
    image, n_summed = np.zeros((4, 7), np.float32), np.array([5, 5])
    sums = np.ascontiguousarray(samples[..., :1])
    of(calibrate_sums, compiled)(sums, rows, zeros, ones, n_summed, KNOWN, gain, image)
    np.testing.assert_array_equal(image, sums[:, 0, :, 0])
