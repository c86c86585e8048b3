"""Extractors of calibrated traces: the same as loops, and what they make of hopeless data."""

from dataclasses import replace

import numpy as np
import pytest

from ctabatch.errors import InputError, OptionError
from ctabatch.stages.extract import ExtractionOptions, extract
from ctabatch.stages.extractors import flashcam, neighbor_peak, traces, two_pass, variance
from ctabatch.stages.extractors.flashcam import FlashCamExtractor
from ctabatch.stages.extractors.neighbor_peak import (
    BaselineSubtractedNeighborPeakWindowSum,
    NeighborPeakWindowSum,
)
from ctabatch.stages.extractors.traces import Traces
from ctabatch.stages.extractors.two_pass import TwoPassWindowSum
from ctabatch.stages.extractors.variance import VarianceExtractor
from tests.naive import peak_window as naive_pixels
from tests.naive import trace_extractors as naive
from tests.toy_traces import RATE, neighbor_lists, toy_calibration, toy_geometry, toy_traces

#: Charges and times are in single precision.
CLOSE = {"rtol": 2e-6, "atol": 2e-5}
ALL = [
    NeighborPeakWindowSum(local_weight=1), BaselineSubtractedNeighborPeakWindowSum(),
    FlashCamExtractor(), FlashCamExtractor(leading_edge_timing=False, upsampling=1),
    VarianceExtractor(), TwoPassWindowSum(), TwoPassWindowSum(disable_second_pass=True),
]  # fmt: skip
EACH = pytest.mark.parametrize(
    "extractor", ALL, ids=[f"{type(e).__name__}-{i}" for i, e in enumerate(ALL)]
)


@pytest.fixture(params=["compiled", "plain"])
def either(request, monkeypatch):
    """Kernels of the extractors compiled, and as plain Python."""
    if request.param == "plain":
        for module, names in (
            (neighbor_peak, ["neighbor_trace_charges"]), (flashcam, ["flashcam_charges"]),
            (two_pass, ["first_pass", "second_pass"]), (variance, ["trace_variance"]),
            (traces, ["settle_traces"]),
        ):  # fmt: skip
            for name in names:
                monkeypatch.setattr(module, name, getattr(module, name).py_func)


def settled(batch, k, image, time):
    """Charges and times in ns of one event once shifts and pixels without data are settled."""
    row, neighbors = batch.rows[k], neighbor_lists(batch.geometry)
    invalid = batch.calibration.invalid_pixels[row]
    shift = batch.calibration.time_shift[row][batch.gain[k], np.arange(len(image))]
    image, time = image.copy(), time / RATE - shift
    image[batch.broken[k] & ~invalid] = time[batch.broken[k] & ~invalid] = 0
    return [naive_pixels.replace_invalid(invalid, neighbors, values) for values in (image, time)]


def usable(batch, k):
    return np.where(batch.broken[k][:, None], np.float32(0), batch.samples[k])


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("n_samples", [2, 12, 30])
@pytest.mark.parametrize(
    "extractor",
    [
        NeighborPeakWindowSum(), NeighborPeakWindowSum(local_weight=3, window_width=60),
        NeighborPeakWindowSum(apply_integration_correction=False, window_shift=-2),
        BaselineSubtractedNeighborPeakWindowSum(),
        BaselineSubtractedNeighborPeakWindowSum(baseline_start=-9, baseline_end=-1, local_weight=1),
    ],
)  # fmt: skip
def test_charges_around_neighbours_are_those_of_the_loops(extractor, n_samples):
    batch = toy_traces(n_samples, invalid=(3, 20), unread=(7,))
    charges = extractor.extract(batch)
    width, shift = extractor.window_width, extractor.window_shift
    baseline = None
    if isinstance(extractor, BaselineSubtractedNeighborPeakWindowSum):
        baseline = extractor.baseline_start, extractor.baseline_end
    neighbors = neighbor_lists(batch.geometry)
    for k in range(len(batch)):
        image, time = naive.neighbor_charges(
            usable(batch, k), neighbors, baseline, extractor.local_weight, width, shift
        )
        if extractor.apply_integration_correction:
            image *= batch.calibration.correction(width, shift)[batch.rows[k]][batch.gain[k]]
        image, time = settled(batch, k, image, time)
        np.testing.assert_allclose(charges.image[k], image, **CLOSE)
        np.testing.assert_allclose(charges.peak_time[k], time, **CLOSE)
    assert charges.is_valid is None


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("n_samples", [2, 30])
@pytest.mark.parametrize(
    "extractor",
    [
        FlashCamExtractor(), FlashCamExtractor(upsampling=3, local_weight=2),
        FlashCamExtractor(leading_edge_timing=False, neighbour_sum_clipping=np.inf),
        FlashCamExtractor(effective_time_profile_std=0, window_width=12, window_shift=5),
    ],
)  # fmt: skip
def test_flashcam_charges_are_those_of_the_loops(extractor, n_samples):
    batch = toy_traces(n_samples, n_events=2, invalid=(3, 20), unread=(7,))
    charges = extractor.extract(batch)
    pole, gain, shift, edge = extractor._parameters(batch.calibration, batch.rows)[0]
    assert 0.77 < pole < 0.82  # exp(-2 ns / 8 ns), and a little of the rise
    neighbors = neighbor_lists(batch.geometry)
    for k in range(len(batch)):
        image, time = naive.flashcam_charges(
            usable(batch, k), neighbors, (pole, gain, edge), extractor
        )
        time = time / extractor.upsampling - shift * RATE
        image, time = settled(batch, k, image, time)
        np.testing.assert_allclose(charges.image[k], image, **CLOSE)
        np.testing.assert_allclose(charges.peak_time[k], time, **CLOSE)


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("correct", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_two_passes_are_those_of_the_loops(seed, correct):
    batch = toy_traces(30, seed=seed, invalid=(3, 20), unread=(7,))
    extractor = TwoPassWindowSum(apply_integration_correction=correct)
    charges = extractor.extract(batch)
    correction = batch.correction(5, 2, correct)
    again = [batch.correction(5, 2, correct), batch.correction(5, 0, correct),
             batch.correction(6, 4, correct)]  # fmt: skip
    neighbors = neighbor_lists(batch.geometry)
    repeated = 0
    for k in range(len(batch)):
        row, gain = batch.rows[k], batch.gain[k].astype(int)
        image, time = naive.first_pass(usable(batch, k))
        time[batch.broken[k]] = 0
        invalid = batch.calibration.invalid_pixels[row]
        image = naive_pixels.replace_invalid(invalid, neighbors, image * correction[row][gain])
        time = naive_pixels.replace_invalid(invalid, neighbors, time)
        picture = image >= 8
        core = picture & [picture[n].any() for n in neighbors]
        edge = image >= 4
        mask = edge & [core[n].any() for n in neighbors] | core & [edge[n].any() for n in neighbors]
        island = naive.brightest_island(image, mask, neighbors)
        assert charges.is_valid[k]
        chosen = np.flatnonzero(island)
        x, y = batch.geometry.pixel_x, batch.geometry.pixel_y
        ellipse, fit = two_pass._time_lines(
            image[None], np.float32(time[None] / RATE), island[None], _only(batch, k)
        )
        assert len(chosen) > 2
        psi = np.deg2rad(ellipse[0, 11])
        along = (x - ellipse[0, 3]) * np.cos(psi) + (y - ellipse[0, 4]) * np.sin(psi)
        predicted = (fit[0, 2] * along + fit[0, 0]) * RATE
        for p in np.flatnonzero(~(island & (image >= 8))):
            window = naive.second_pass_window(predicted[p], 30)
            charge, time[p] = naive.window(batch.samples[k, p], *window)
            kind = [(5, 2), (5, 0), (6, 4)].index(window[1:])
            image[p] = charge * again[kind][row, gain[p]]
            repeated += 1
        image, time = settled(batch, k, image, time)
        np.testing.assert_allclose(charges.image[k], image, **CLOSE)
        np.testing.assert_allclose(charges.peak_time[k], time, **CLOSE)
    assert repeated > 50


def _only(batch, k):
    names = ("samples", "gain", "broken", "rows")
    return replace(batch, **{name: getattr(batch, name)[k : k + 1] for name in names})


@pytest.mark.usefixtures("either")
def test_a_variance_has_no_time():
    batch = toy_traces(invalid=(3,), unread=(7,))
    charges = VarianceExtractor().extract(batch)
    assert np.isnan(charges.peak_time).all()
    for k in range(len(batch)):
        expected, _ = settled(batch, k, batch.samples[k].astype(float).var(axis=1), np.zeros(37))
        np.testing.assert_allclose(charges.image[k], expected, rtol=1e-5)


def test_the_neighbour_sum_is_that_of_the_fused_kernel():
    geometry = toy_geometry()
    calibration = toy_calibration(geometry.n_pixels, 30, invalid=(4,))
    rng = np.random.default_rng(2)
    waveform = rng.integers(0, 4200, (5, 2, geometry.n_pixels, 30)).astype(np.uint16)
    read_out = rng.random((5, geometry.n_pixels)) < 0.9
    raw = (waveform, np.array([0, 1, 1, 0, 1]), read_out, calibration, geometry)
    fused = extract(*raw, ExtractionOptions())
    ours = NeighborPeakWindowSum().extract(Traces.from_raw(*raw, "LST", ExtractionOptions()))
    for name in ("image", "peak_time", "gain"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(fused, name))


@EACH
def test_an_empty_batch_gives_empty_images(extractor):
    charges = extractor.extract(toy_traces(n_events=0))
    assert charges.image.shape == charges.peak_time.shape == (0, 37)


@EACH
@pytest.mark.parametrize("n_samples", [2, 3, 4, 5, 6])
def test_windows_wider_than_the_trace_are_clipped(extractor, n_samples):
    charges = extractor.extract(toy_traces(n_samples))
    assert np.isfinite(charges.image).all()
    if n_samples < 5 and charges.is_valid is not None:
        assert not charges.is_valid.any()


@EACH
def test_one_sample_is_the_charge(extractor):
    batch = toy_traces(1, invalid=(3,), unread=(7,))
    charges = extractor.extract(batch)
    good = ~batch.broken
    np.testing.assert_array_equal(charges.image[good], batch.samples[..., 0][good])
    assert (charges.peak_time == 0).all()
    assert (charges.image[:, 7] == 0).all()


@EACH
def test_broken_cameras_have_no_charge(extractor):
    batch = toy_traces(invalid=range(37), unread=range(37))
    charges = extractor.extract(batch)
    assert (charges.image == 0).all()
    assert (charges.peak_time == 0).all() or isinstance(extractor, VarianceExtractor)


@EACH
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_spoil_only_what_they_touch(extractor, value):
    batch = toy_traces(invalid=(3,))
    expected = extractor.extract(batch)
    samples = batch.samples.copy()
    samples[0, 18] = value
    samples[1] = value
    found = extractor.extract(replace(batch, samples=samples))
    np.testing.assert_array_equal(found.image[2:], expected.image[2:])
    np.testing.assert_array_equal(found.peak_time[2:], expected.peak_time[2:])
    if not (isinstance(extractor, FlashCamExtractor) or value == -np.inf):
        far = 0  # at the edge of the camera; 18 is in its middle
        if not isinstance(extractor, TwoPassWindowSum):
            assert found.image[0, far] == expected.image[0, far]
    assert not np.isfinite(found.image[0, 18]) or found.image[0, 18] == 0


def test_an_image_of_fewer_than_three_pixels_keeps_the_first_pass():
    batch = toy_traces()
    dark = replace(
        batch, samples=np.where(np.arange(37)[:, None] < 35, np.float32(0.01), batch.samples)
    )
    charges = TwoPassWindowSum().extract(dark)
    first = TwoPassWindowSum(disable_second_pass=True).extract(dark)
    assert charges.is_valid.tolist() == [False] * 4
    assert first.is_valid is None
    np.testing.assert_array_equal(charges.image, first.image)
    np.testing.assert_array_equal(charges.peak_time, first.peak_time)


def test_thresholds_belong_to_telescopes():
    batch = toy_traces()
    usual = TwoPassWindowSum().extract(batch)
    own = (("type", "*", 8.0), ("id", 8, 1e6))
    charges = TwoPassWindowSum(core_threshold=own).extract(batch)
    assert usual.is_valid.all()
    np.testing.assert_array_equal(charges.is_valid, batch.tel_id != 8)
    np.testing.assert_array_equal(charges.image[batch.tel_id != 8], usual.image[batch.tel_id != 8])
    with pytest.raises(OptionError, match="no entry fits telescope 3 of type MST_Toy_Toy"):
        TwoPassWindowSum(core_threshold=(("type", "LST*", 1.0),)).extract(batch)
    with pytest.raises(OptionError, match="not 'name'"):
        TwoPassWindowSum(core_threshold=(("name", "LST*", 1.0),)).extract(batch)


@pytest.mark.parametrize(
    ("pulse", "width", "message"),
    [
        (np.empty((1, 0)), 7, "needs a reference pulse"),
        (np.zeros((1, 100)), 7, "no falling edge"),
        (np.exp(-np.arange(100) / 16)[None], 10_000, "no window of 10000"),
    ],
)
def test_a_camera_without_a_usable_pulse_is_refused(pulse, width, message):
    batch = toy_traces()
    readout = replace(batch.calibration.readouts[0], reference_pulse=pulse)
    calibration = replace(batch.calibration, readouts=(readout, readout))
    with pytest.raises(InputError, match=message):
        FlashCamExtractor(window_width=width).extract(replace(batch, calibration=calibration))
