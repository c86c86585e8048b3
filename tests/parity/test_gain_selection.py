"""Gain selection and both gains against ctapipe, on cameras of two gains and of one."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ctapipe.calib import CameraCalibrator
from ctapipe.calib.camera import gainselection
from ctapipe.io import SimTelEventSource
from traitlets.config import Config

from ctabatch.config import ProcessConfig
from ctabatch.io.simtel.batches import raw_batches
from ctabatch.io.simtel.losses import Account
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.stages.extract import extract
from ctabatch.stages.gain_selection import (
    ManualGainSelector,
    ThresholdGainSelector,
    calibrate_both_gains,
    selected_gains,
)
from ctabatch.stages.saturation import SaturationFlags
from tests.parity.closeness import EXACT, Tolerance, assert_close

#: LST and NectarCam, two gains; LST, two gains, with saturated pixels; SST-1M, one gain.
FILES = ("prod6", "laser-calibration-v3", "sst1m")
SELECTORS = {
    "default": ThresholdGainSelector(),
    "low threshold": ThresholdGainSelector(431.5),
    "high": ManualGainSelector("HIGH"),
    "low": ManualGainSelector("LOW"),
}


def their_selector(ours):
    name = type(ours).__name__
    return getattr(gainselection, name)(**vars(ours))


def raw_events(path):
    """Raw batches of a file."""
    account = Account()
    reader = SimtelReader(path, focal_length="equivalent", max_events=8)
    for events in reader:
        yield from raw_batches(events, account)
    reader.close()


def their_events(path, selector, **options):
    """(event_id, tel_id) -> calibrated waveform, gain, image and peak time of ctapipe."""
    found = {}
    options |= {"focal_length_choice": "EQUIVALENT", "max_events": 8}
    settings = {type(selector).__name__: vars(selector)} if selector else {}
    config = Config({**settings, "SimTelEventSource": options})
    if selector:
        config.SimTelEventSource.gain_selector_type = type(selector).__name__
    with SimTelEventSource(path, config=config) as source:
        calibrate = CameraCalibrator(subarray=source.subarray)
        for event in source:
            if selector:
                calibrate(event)
            for tel_id, r1 in event.r1.tel.items():
                dl1 = event.dl1.tel[tel_id]
                key = event.index.event_id, tel_id
                found[key] = r1.waveform, r1.selected_gain_channel, dl1.image, dl1.peak_time
    return found


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("chosen", list(SELECTORS))
def test_selectors_choose_as_those_of_ctapipe(chosen, name, example_files):
    selector = SELECTORS[chosen]
    theirs = their_selector(selector)
    n_compared, n_low = 0, 0
    for raw in raw_events(example_files[name]):
        gain = selected_gains(raw.waveform, raw.calibration_row, raw.calibration, selector)
        expected = np.array([theirs(waveform) for waveform in raw.waveform])
        np.testing.assert_array_equal(gain, expected)
        n_compared, n_low = n_compared + gain.size, n_low + gain.sum()
    assert n_compared > 1000
    # the thresholds do select: in cameras of two gains some pixels, but not all
    expected_low = {"high": [0], "low": [n_compared]}.get(chosen)
    if name == "sst1m":
        assert n_low == 0
    elif expected_low:
        assert n_low in expected_low
    elif chosen == "low threshold":
        assert 0 < n_low < n_compared


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("chosen", ["low threshold", "low"])
def test_images_of_a_selection_agree(chosen, name, example_files):
    selector = SELECTORS[chosen]
    theirs = their_events(example_files[name], selector)
    chosen_by = {"gain_selector": type(selector).__name__, **dataclasses.asdict(selector)}
    options = ProcessConfig.model_validate({"gain_selection": chosen_by}).dl1_options().extraction
    assert options.gain_threshold == selector.gain_threshold
    n_compared = 0
    for raw in raw_events(example_files[name]):
        charges = extract(
            raw.waveform, raw.calibration_row, raw.read_out, raw.calibration, raw.geometry, options
        )
        for k, key in enumerate(zip(raw.event_id.tolist(), raw.tel_id.tolist(), strict=True)):
            if key not in theirs:
                continue  # calibration events, which ctapipe leaves out
            _, gain, image, peak_time = theirs[key]
            np.testing.assert_array_equal(charges.gain[k], gain)
            # float32, sums in another order
            tolerance = Tolerance(relative=1e-4, absolute=1e-3)
            assert_close("image", charges.image[k], image, tolerance, name)
            assert_close("peak_time", charges.peak_time[k], peak_time, tolerance, name)
            n_compared += 1
    assert n_compared == len(theirs) > 0


@pytest.mark.parametrize("name", FILES)
def test_waveforms_of_both_gains_are_identical(name, example_files):
    theirs = their_events(example_files[name], None, select_gain=False)
    n_compared = 0
    for raw in raw_events(example_files[name]):
        r1 = calibrate_both_gains(raw.waveform, raw.calibration_row, raw.calibration)
        for k, key in enumerate(zip(raw.event_id.tolist(), raw.tel_id.tolist(), strict=True)):
            if key in theirs:
                waveform, gain, *_ = theirs[key]
                assert gain is None
                assert_close("r1 of both gains", r1[k], waveform, EXACT, name)
                n_compared += 1
    assert n_compared == len(theirs) > 0


def test_saturated_pixels_are_those_on_the_plateau_of_their_converter(example_files):
    """The end of a converter shows: many samples have the same value, and none is above."""
    for name, end in {"laser-calibration-v3": 4095, "pixel-monitoring": 4249}.items():
        n_saturated = 0
        for raw in raw_events(example_files[name]):
            if "LST" not in raw.tel_type:
                continue
            high = raw.waveform[:, 0]
            assert high.max() <= end
            gains = {
                chosen: selected_gains(
                    raw.waveform, raw.calibration_row, raw.calibration, SELECTORS[chosen]
                )
                for chosen in ("high", "default")
            }
            flags = SaturationFlags(max_signal=end, low_gain_max_signal=4288)
            found, known = flags.find(raw.waveform, gains["high"])
            assert known.all()
            np.testing.assert_array_equal(found, (high == end).any(axis=-1))
            n_saturated += found.sum()
            # the default threshold lies below: such pixels use the low gain, which is in range
            assert not flags.find(raw.waveform, gains["default"])[0].any()
        assert n_saturated > 0, name


def test_ctapipe_is_open_to_the_same_options():
    for ours in (ThresholdGainSelector(), ManualGainSelector()):
        theirs = type(their_selector(ours))
        assert theirs.class_own_traits(config=True).keys() == vars(ours).keys()
        for name, trait in theirs.class_own_traits(config=True).items():
            assert trait.default() == getattr(ours, name)
