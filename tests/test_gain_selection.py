"""Gain selectors, both gains, and saturated pixels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.errors import OptionError
from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.kernels.both_gains import calibrate_all_gains, calibrate_all_sums, select_gains
from ctabatch.kernels.saturation import saturated_pixels
from ctabatch.schemas.waveforms import calibrated_waveforms_of_all_gains
from ctabatch.stages.columns import record_batch
from ctabatch.stages.extract import ExtractionOptions, calibrate
from ctabatch.stages.gain_selection import (
    ManualGainSelector,
    ThresholdGainSelector,
    calibrate_both_gains,
    selected_gains,
)
from ctabatch.stages.saturation import SaturationFlags
from tests.naive import calibration as naive
from tests.toy_images import read_only

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
GAINS = pytest.mark.parametrize("n_gains", [1, 2])
ROWS = np.array([0, 1, 1, 0])


def batch(n_gains=2, n_samples=5, dtype=np.uint16, seed=1):
    """Waveforms with the extreme values of their type, and coefficients of two telescopes."""
    rng = np.random.default_rng(seed)
    waveform = rng.integers(200, 5000, (4, n_gains, 7, n_samples)).astype(dtype)
    waveform[0, 0, 0], waveform[1, 0, 1] = 0, np.iinfo(dtype).max
    pedestal = rng.normal(300, 3, (2, n_gains, 7)).astype(np.float32)
    factor = rng.uniform(0.01, 0.2, (2, n_gains, 7)).astype(np.float32)
    return read_only(waveform), read_only(pedestal), read_only(factor)


def calibration(pedestal, factor, n_summed=1):
    return CameraCalibration(
        tel_ids=np.array([1, 2]), pedestal=pedestal, dc_to_pe=factor,
        time_shift=np.zeros_like(pedestal), n_summed=np.full(2, n_summed), readouts=(),
        invalid_pixels=np.zeros((2, 7), np.bool_),
    )  # fmt: skip


@COMPILED
@GAINS
@pytest.mark.parametrize("threshold", [-1, 0, 4000, 1 << 40])
def test_gains_of_a_batch_are_those_of_the_twin(compiled, n_gains, threshold):
    waveform, pedestal, factor = batch(n_gains)
    gain = np.full((4, 7), 9, np.int8)
    run = select_gains if compiled else select_gains.py_func
    run(waveform, np.full(4, threshold), gain)
    for k, row in enumerate(ROWS):
        expected, _ = naive.calibrate(waveform[k], pedestal[row], factor[row], threshold)
        np.testing.assert_array_equal(gain[k], expected)


@COMPILED
@GAINS
def test_all_gains_are_calibrated_as_by_the_twin(compiled, n_gains):
    waveform, pedestal, factor = batch(n_gains)
    r1 = np.empty(waveform.shape, np.float32)
    run = calibrate_all_gains if compiled else calibrate_all_gains.py_func
    run(waveform, ROWS, pedestal, factor, r1)
    for k, row in enumerate(ROWS):
        expected = naive.calibrate_all_gains(waveform[k], pedestal[row], factor[row])
        np.testing.assert_allclose(r1[k], expected, rtol=1e-6, atol=1e-6)  # single precision


@COMPILED
def test_all_sums_are_calibrated_with_the_pedestal_of_all_their_samples(compiled):
    waveform, pedestal, factor = batch(n_samples=1, dtype=np.uint32)
    r1 = np.empty(waveform.shape, np.float32)
    run = calibrate_all_sums if compiled else calibrate_all_sums.py_func
    run(waveform, ROWS, pedestal, factor, np.array([5, 5]), r1)
    for k, row in enumerate(ROWS):
        expected = naive.calibrate_all_gains(waveform[k], 5 * pedestal[row], factor[row])
        np.testing.assert_allclose(r1[k], expected, rtol=1e-5)


@pytest.mark.parametrize(("dtype", "n_samples"), [(np.uint16, 5), (np.uint32, 1)])
@pytest.mark.parametrize(
    "selector",
    [ThresholdGainSelector(900.0), ManualGainSelector("HIGH"), ManualGainSelector("LOW")],
)
def test_the_selected_gain_of_both_is_what_calibration_selects(selector, dtype, n_samples):
    waveform, pedestal, factor = batch(n_samples=n_samples, dtype=dtype)
    camera = calibration(pedestal, factor, n_summed=3)
    options = ExtractionOptions(gain_threshold=selector.gain_threshold)
    r1, gain = calibrate(waveform, ROWS, camera, options)
    np.testing.assert_array_equal(selected_gains(waveform, ROWS, camera, selector), gain)
    both = calibrate_both_gains(waveform, ROWS, camera)
    chosen = np.take_along_axis(both, gain[:, np.newaxis, :, np.newaxis].astype(int), axis=1)
    np.testing.assert_array_equal(chosen[:, 0], r1)
    if isinstance(selector, ManualGainSelector):
        assert (gain == (selector.channel == "LOW")).all()


@given(threshold=st.floats(-10, 70000), sample=st.integers(0, 65535))
def test_a_threshold_between_counts_is_the_count_below(threshold, sample):
    assert (sample > ThresholdGainSelector(threshold).gain_threshold) == (sample > threshold)


@pytest.mark.parametrize("threshold", [np.inf, -np.inf, np.nan, 1e300, -1e300])
@pytest.mark.parametrize(("dtype", "n_samples"), [(np.uint16, 5), (np.uint32, 1)])
def test_thresholds_beyond_all_values_are_safe(threshold, dtype, n_samples):
    waveform, pedestal, factor = batch(n_samples=n_samples, dtype=dtype)
    camera = calibration(pedestal, factor, n_summed=65535)
    gain = selected_gains(waveform, ROWS, camera, ThresholdGainSelector(threshold))
    assert (gain == (threshold < 0)).all()


def test_a_camera_of_one_gain_keeps_it_whatever_is_asked_for():
    waveform, pedestal, factor = batch(n_gains=1)
    camera = calibration(pedestal, factor)
    assert not selected_gains(waveform, ROWS, camera, ManualGainSelector("LOW")).any()
    assert calibrate_both_gains(waveform, ROWS, camera).shape == (4, 1, 7, 5)


def test_a_gain_without_coefficients_gives_nan_where_it_is_used_and_only_there():
    waveform, pedestal, factor = batch()
    pedestal, factor = pedestal.copy(), factor.copy()
    pedestal[:, 1], factor[:, 1] = np.nan, np.nan
    both = calibrate_both_gains(waveform, ROWS, calibration(pedestal, factor))
    assert np.isfinite(both[:, 0]).all()
    assert np.isnan(both[:, 1]).all()


@pytest.mark.parametrize("channel", ["low", "Low", "LOW"])
def test_the_channel_may_be_written_in_either_case(channel):
    assert ManualGainSelector(channel) == ManualGainSelector("LOW")


def test_an_unknown_channel_is_refused():
    with pytest.raises(OptionError, match="unknown gain channel 'MIDDLE'"):
        ManualGainSelector("MIDDLE")


def test_both_gains_are_rows_of_a_table():
    waveform, pedestal, factor = batch()
    r1 = calibrate_both_gains(waveform, ROWS, calibration(pedestal, factor))
    keys = {
        "obs_id": np.ones(4, np.int32),
        "event_id": np.arange(4),
        "tel_id": np.ones(4, np.int16),
    }
    table = record_batch(
        calibrated_waveforms_of_all_gains(*r1.shape[1:]),
        {**keys, "waveform": r1, "is_read_out": None},
    )
    np.testing.assert_array_equal(table.column("waveform").to_numpy_ndarray(), r1)


def test_empty_batches_are_fine():
    waveform, pedestal, factor = batch()
    camera, none = calibration(pedestal, factor), np.empty(0, np.int64)
    assert calibrate_both_gains(waveform[:0], none, camera).shape == (0, 2, 7, 5)
    assert selected_gains(waveform[:0], none, camera, ThresholdGainSelector()).shape == (0, 7)
    found, known = SaturationFlags(4095).find(waveform[:0], np.empty((0, 7), np.int8))
    assert (found.shape, known.shape) == ((0, 7), (0,))


@COMPILED
@given(data=st.data())
def test_saturated_pixels_are_those_of_the_twin(compiled, data):
    values = st.integers(4090, 4097)
    waveform = np.array(data.draw(st.lists(values, min_size=24, max_size=24)), np.uint16)
    waveform = read_only(waveform.reshape(1, 2, 4, 3))
    gain = read_only([data.draw(st.lists(st.integers(0, 1), min_size=4, max_size=4))], np.int8)
    highest = read_only([data.draw(values), data.draw(values)], np.int64)
    out = np.empty((1, 4), np.bool_)
    run = saturated_pixels if compiled else saturated_pixels.py_func
    run(waveform, gain, highest, out)
    assert out[0].tolist() == naive.saturated(waveform[0], gain[0], highest)


def test_only_the_selected_gain_counts_each_with_its_own_end():
    waveform = np.full((1, 2, 4, 3), 100, np.uint16)
    waveform[0, 0, :2, 1], waveform[0, 1, 2:, 1] = 4095, 4000
    gain = np.array([[0, 1, 1, 0]], np.int8)
    find = SaturationFlags(4095, 4000).find
    assert find(waveform, gain)[0].tolist() == [[True, False, True, False]]
    assert SaturationFlags(4095).find(waveform, gain)[0].tolist() == [[True, False, False, False]]
    read_out = np.array([[False, True, True, True]])
    assert find(waveform, gain, 1, read_out)[0].tolist() == [[False, False, True, False]]
    one_gain = find(waveform[:, :1], np.zeros((1, 4), np.int8))[0]
    assert one_gain.tolist() == [[True, True, False, False]]


def test_where_the_end_is_not_known_or_hidden_in_sums_nothing_is_claimed():
    waveform, gain = np.full((2, 1, 4, 1), 1 << 20, np.uint32), np.zeros((2, 4), np.int8)
    found, known = SaturationFlags(4095).find(waveform, gain, np.array([1, 25]))
    assert found.tolist() == [[True] * 4, [False] * 4]
    assert known.tolist() == [True, False]
    found, known = SaturationFlags().find(waveform, gain)
    assert not found.any()
    assert not known.any()
