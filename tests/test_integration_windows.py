"""The windows that figures show are those that charges are summed in."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from ctabatch.config import ProcessConfig
from ctabatch.config.registry import component
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.plot.inputs import find_event
from ctabatch.stages.extractors.two_pass import TwoPassWindowSum
from ctabatch.stages.extractors.windows import GlobalPeakWindowSum, LocalPeakWindowSum
from ctabatch.stages.windows import integration_windows

EXTRACTORS = ["NeighborPeakWindowSum", "LocalPeakWindowSum", "GlobalPeakWindowSum",
              "FixedWindowSum", "SlidingWindowMaxSum", "FullWaveformSum"]  # fmt: skip


@pytest.mark.parametrize("extractor", EXTRACTORS)
@pytest.mark.parametrize("name", ["sst1m", "gamma-test", "prod6", "gamma-test-large"])
def test_samples_in_the_windows_sum_up_to_the_image(name, extractor, example_files):
    """Without correction; sums of up to 128 float32 samples agree within their rounding."""
    options = {"extractor": extractor}
    options |= {} if extractor == "FullWaveformSum" else {"apply_integration_correction": False}
    options |= {"peak_index": 11} if extractor == "FixedWindowSum" else {}
    config = ProcessConfig(extraction=options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # old files have no effective focal length
        event = find_event(example_files[name], config=config)
    for image in event.images:
        if image.traces is None:  # a camera that stores sums
            continue
        windows = image.traces.windows(image.geometry)
        inside = np.arange(image.traces.r1.shape[1])
        inside = (inside >= windows.begin[:, None]) & (inside < windows.end[:, None])
        sums = np.where(inside, image.traces.r1, 0).sum(axis=1, dtype=np.float64)
        own = ~image.traces.blank
        assert own.sum() > 1000
        scale = np.abs(image.traces.r1[own]).sum(axis=1).max()
        np.testing.assert_allclose(sums[own], image.columns["image"][own], rtol=0,
                                   atol=1e-6 * scale)  # fmt: skip


def line_of_pixels(n):
    return CameraGeometry(
        "line", np.arange(n) * 1.0, np.zeros(n), np.ones(n), "square", 0.0, 0.0, 10.0
    )


def test_windows_are_cut_at_both_ends_of_the_readout():
    r1 = np.zeros((2, 10), np.float32)
    r1[0, 1], r1[1, 8] = 5, 5
    options = LocalPeakWindowSum(window_width=7, window_shift=3)
    windows = integration_windows(r1, line_of_pixels(2), options)
    assert windows.peak.tolist() == [1, 8]
    assert windows.begin.tolist() == [0, 5]
    assert windows.end.tolist() == [5, 10]


def test_blank_pixels_do_not_place_windows():
    r1 = np.zeros((3, 10), np.float32)
    r1[0, 2], r1[2, 7] = 100, 1
    options = GlobalPeakWindowSum()
    blank = np.array([True, False, False])
    assert integration_windows(r1, line_of_pixels(3), options, blank).peak.tolist() == [7, 7, 7]
    assert integration_windows(r1, line_of_pixels(3), options).peak.tolist() == [2, 2, 2]


def test_an_extractor_without_one_window_per_pixel_has_none():
    options = TwoPassWindowSum()
    assert integration_windows(np.zeros((3, 10), np.float32), line_of_pixels(3), options) is None


def test_samples_that_are_not_numbers_give_windows_inside_the_readout():
    r1 = np.full((3, 10), np.nan, np.float32)
    r1[1] = np.inf
    for extractor in EXTRACTORS:
        windows = integration_windows(r1, line_of_pixels(3), component("extractor", extractor)())
        assert (windows.begin >= 0).all()
        assert (windows.end <= 10).all()
        assert (windows.begin <= windows.end).all()
