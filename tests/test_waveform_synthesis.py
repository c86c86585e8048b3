"""Waveforms: pulses, noise, saturation; images without waveforms."""

import numpy as np
import pytest
from scipy import stats

from ctabatch.kernels.image_smearing import smear_images
from ctabatch.kernels.noise_traces import (
    CHARGE_ORDER,
    TRACE_LENGTH,
    night_sky_trace,
    white_trace,
)
from ctabatch.kernels.waveform_synthesis import synthesise
from ctabatch.simulate.cameras import KIND_NAMES, telescope_kind
from ctabatch.simulate.options import SimulationOptions
from ctabatch.simulate.readout import TelescopeRows, readouts
from tests.naive import simulation as naive
from tests.simulated_telescopes import one_telescope
from tests.toy_images import read_only


def rows(n):
    return TelescopeRows(np.arange(1, n + 1), np.zeros(n, np.int64), np.zeros(n, np.int64))


def dark(kind, n, **options):
    """Readout and its waveforms without any light of showers."""
    readout = readouts(SimulationOptions(array=one_telescope(kind), **options))[0]
    empty = np.empty(0, np.int32), np.empty(0, np.float32)
    return readout, readout.waveforms(rows(n), np.zeros(n + 1, np.int64), *empty)


@pytest.mark.parametrize("run", [synthesise, synthesise.py_func])
def test_noise_free_waveforms_are_pulses_on_the_pedestal(run):
    rng = np.random.default_rng(2)
    pulse = telescope_kind("lst").pulse
    n_pixels, n_samples = 9, 40
    pedestal = rng.normal(400, 5, (1, 2, n_pixels)).astype(np.float32)
    per_pe = rng.normal(1, 0.05, (1, 2, n_pixels)).astype(np.float32)
    per_pe *= np.array([[60.0], [3.75]], np.float32)
    delay = np.repeat(rng.normal(0, 0.3, (1, 1, n_pixels)), 2, axis=1).astype(np.float32)
    offsets = np.cumsum([0, 300, 0, 40])
    pixel = np.concatenate([np.sort(rng.integers(0, n_pixels, n)) for n in np.diff(offsets)])
    time = rng.uniform(-20, 60, offsets[-1]).astype(np.float32)
    out = np.empty((3, 2, n_pixels, n_samples), np.uint16)
    nothing = np.empty(0, np.float32)
    run(
        read_only(offsets, np.int64), read_only(pixel, np.int32), read_only(time, np.float32),
        np.arange(3), np.zeros(3, np.int64), np.zeros(3, np.int64), np.zeros(3, np.int64),
        read_only(pedestal, np.float32), read_only(per_pe, np.float32),
        read_only(delay, np.float32), pulse.samples, pulse.first_sample, nothing, nothing,
        np.ones(2, np.float32), 1.0, 4095, 1, False, out,
    )  # fmt: skip
    for k in range(3):
        part = slice(offsets[k], offsets[k + 1])
        expected = naive.waveform(
            pixel[part], time[part], pedestal[0], per_pe[0], delay[0], pulse.samples,
            pulse.first_sample, 1.0, 4095, n_samples,
        )  # fmt: skip
        # float32 sums may round to the neighbouring count
        assert np.abs(out[k] - expected).max() <= 1
        assert np.mean(out[k] == expected) > 0.99


def test_the_high_gain_saturates_and_the_low_gain_does_not():
    readout, _ = dark("lst", 1)
    n = 600
    waveform = readout.waveforms(
        rows(1), np.array([0, n]), np.full(n, 7, np.int32), np.full(n, 15, np.float32)
    )
    assert waveform[0, 0, 7].max() == 4095
    assert 600 < waveform[0, 1, 7].max() < 4000
    assert waveform[0, 0, 8].max() < 1000


@pytest.mark.parametrize("name", KIND_NAMES)
@pytest.mark.parametrize("nsb_scale", [0.0, 1.0, 4.0])
def test_the_pedestal_and_its_width_are_those_of_the_calibration(name, nsb_scale):
    readout, waveform = dark(name, 30, nsb_scale=nsb_scale)
    telescope = readout.telescopes[0]
    for gain in range(telescope.camera.n_gains):
        sample = waveform[:, gain].astype(float)
        offset = sample.mean(axis=(0, 2)) - telescope.pedestal[gain]
        assert abs(offset.mean()) < 0.02 * telescope.pedestal_noise[gain].mean() + 0.02
        pull = (sample - telescope.pedestal[gain][:, np.newaxis]) / telescope.pedestal_noise[gain][
            :, np.newaxis
        ]
        assert pull.std() == pytest.approx(1, abs=0.015)


def test_without_noise_a_dark_pixel_shows_its_rounded_pedestal():
    readout, waveform = dark("lst", 1, noise=False)
    expected = np.floor(readout.telescopes[0].pedestal + 0.5)
    np.testing.assert_array_equal(waveform[0], np.repeat(expected[..., np.newaxis], 40, axis=2))
    assert readout.telescopes[0].pedestal_noise.max() == pytest.approx(12**-0.5)


def test_noise_of_the_two_gains_shares_the_night_sky_but_not_the_electronics():
    readout, waveform = dark("lst", 10)
    high, low = (waveform[:, g] - readout.telescopes[0].pedestal[g][:, np.newaxis] for g in (0, 1))
    shared = (readout.telescopes[0].pedestal_noise[:, 0] ** 2).astype(float)
    shared -= np.square(readout.kind.electronic_noise) + 1 / 12
    expected = np.sqrt(shared.prod() / (readout.telescopes[0].pedestal_noise[:, 0] ** 2).prod())
    assert np.corrcoef(high.ravel(), low.ravel())[0, 1] == pytest.approx(expected, abs=0.03)


def test_noise_of_pixels_is_independent():
    _, waveform = dark("lst", 20)
    flat = waveform[:, 0, :60].astype(float).transpose(1, 0, 2).reshape(60, -1)
    correlation = np.corrcoef(flat)[np.triu_indices(60, 1)]
    assert abs(correlation.mean()) < 0.01
    assert np.abs(correlation).max() < 0.35


@pytest.mark.parametrize("plain", [False, True])
def test_the_night_sky_trace_is_shot_noise_of_the_pulse(plain):
    pulse = telescope_kind("mst").pulse
    n, rate = 4000 if plain else TRACE_LENGTH, 0.9
    variance = rate * pulse.noise_gain(CHARGE_ORDER)
    trace = np.empty(n, np.float32)
    draw = night_sky_trace.py_func if plain else night_sky_trace
    draw(pulse.samples, rate, variance, 3, 1, trace)
    assert trace.mean() == pytest.approx(0, abs=1e-4)
    assert trace.var() == pytest.approx(variance, rel=1e-4)
    # Campbell: each sample remembers the last one as far as the pulse overlaps itself
    shape = pulse.samples.astype(float)
    overlap = (shape[:, 1:] * shape[:, :-1]).sum() / (shape**2).sum()
    assert np.corrcoef(trace[1:], trace[:-1])[0, 1] == pytest.approx(overlap, abs=0.03)


def test_the_variance_of_the_night_sky_is_that_of_campbells_theorem():
    pulse = telescope_kind("lst").pulse
    rng = np.random.default_rng(4)
    n, rate = 400_000, 0.25
    time = rng.integers(0, n - 50, rng.poisson(rate * n))
    phase = rng.integers(0, len(pulse.samples), len(time))
    charge = rng.gamma(CHARGE_ORDER, 1 / CHARGE_ORDER, len(time))
    trace = np.zeros(n)
    for k in range(pulse.samples.shape[1]):
        np.add.at(trace, time + k, charge * pulse.samples[phase, k])
    assert trace[100:-100].var() == pytest.approx(rate * pulse.noise_gain(CHARGE_ORDER), rel=0.03)


@pytest.mark.parametrize("draw", [white_trace, white_trace.py_func])
def test_the_white_trace_is_normal(draw):
    trace = np.empty(20_000, np.float32)
    draw(3, 1, trace)
    assert stats.kstest(trace, stats.norm.cdf).pvalue > 1e-3
    assert trace.std() == pytest.approx(1, abs=1e-4)
    assert abs(np.corrcoef(trace[1:], trace[:-1])[0, 1]) < 0.03


@pytest.mark.parametrize("name", KIND_NAMES)
def test_a_pulse_keeps_its_charge_and_its_centre_at_every_phase(name):
    pulse = telescope_kind(name).pulse
    np.testing.assert_allclose(pulse.samples.sum(axis=1), 1, rtol=1e-6)
    sample = pulse.first_sample + np.arange(pulse.samples.shape[1])
    centre = pulse.samples @ sample
    phase = (np.arange(len(centre)) + 0.5) / len(centre)
    np.testing.assert_allclose(centre, phase, atol=0.01)


@pytest.mark.parametrize("smear", [smear_images, smear_images.py_func])
@pytest.mark.parametrize("width", [0.0, 1.5])
def test_smeared_images_are_true_ones_plus_noise(smear, width):
    rng = np.random.default_rng(0)
    n_pixels, offsets = 400, np.array([0, 3000, 3000])
    pixel = np.sort(rng.integers(0, n_pixels // 2, 3000))
    time = rng.normal(20, 2, 3000)
    true_image = np.empty((2, n_pixels), np.int32)
    image, peak_time = (np.empty((2, n_pixels), np.float32) for _ in range(2))
    smear(
        offsets, read_only(pixel, np.int32), read_only(time, np.float32), np.arange(2),
        np.zeros(2, np.int64), np.zeros(2, np.int64), width, 1.0, 40.0, 1,
        true_image, image, peak_time,
    )  # fmt: skip
    np.testing.assert_array_equal(true_image[0], np.bincount(pixel, minlength=n_pixels))
    assert not true_image[1].any()
    if width == 0:
        np.testing.assert_array_equal(image, true_image)
    else:
        pull = (image - true_image) / np.sqrt(width**2 + true_image / CHARGE_ORDER)
        assert stats.kstest(pull.ravel(), stats.norm.cdf).pvalue > 1e-3
        assert stats.kstest(peak_time[1] / 40, stats.uniform.cdf).pvalue > 1e-3
    assert peak_time[0, true_image[0] > 5].mean() == pytest.approx(20, abs=0.2)
