"""Waveforms with more noise: the kernel, the statistics of the noise, and what holds exactly."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.readout import CameraReadout
from ctabatch.kernels.sample_noise import add_sample_noise
from ctabatch.stages.tuning import WaveformModifier
from ctabatch.stages.tuning.noise_sources import night_sky_variance, sampled_pulses
from tests.naive import tuning as naive
from tests.toy_images import read_only

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
RATE = 0.3


def readout(n_gains=2, n_pixels=5, n_samples=20, rate=1.0, widths=(2.0, 3.0), step=0.1):
    time = np.arange(0, 30, step)
    pulse = [np.exp(-0.5 * ((time - 12) / width) ** 2) for width in widths[:n_gains]]
    return CameraReadout(rate, np.array(pulse), step, n_gains, n_pixels, n_samples)


def calibration(*readouts, n_summed=20):
    n, first = len(readouts), readouts[0]
    shape = (n, first.n_channels, first.n_pixels)
    return CameraCalibration(
        tel_ids=np.arange(1, n + 1),
        pedestal=np.zeros(shape, np.float32),
        dc_to_pe=np.ones(shape, np.float32),
        time_shift=np.zeros(shape, np.float32),
        n_summed=np.full(n, n_summed),
        readouts=readouts,
        invalid_pixels=np.zeros((n, first.n_pixels), np.bool_),
    )


def noise(modifier, camera, n, n_samples=20, gain=0, event=None, row=0):
    """Noise alone, of the telescope in one row of a calibration."""
    samples = np.zeros((n, camera.pedestal.shape[2], n_samples), np.float32)
    event = np.arange(n) if event is None else event
    gains = np.full(samples.shape[:2], gain, np.int8)
    rows = np.full(n, row)
    return modifier.modify(samples, gains, rows, camera, 1, event, rows + 1)


@COMPILED
@pytest.mark.parametrize("width", [1, 4])
@pytest.mark.parametrize("parts", ["sky", "white", "both"])
def test_added_noise_is_that_of_the_twin(compiled, width, parts):
    rng = np.random.default_rng(3)
    samples = read_only(rng.normal(0, 1, (3, 4, 5)), np.float32)
    gain = read_only(rng.integers(0, 2, (3, 4)), np.int8)
    traces = read_only(rng.normal(0, 1, (2, 2, 60 if parts != "white" else 0)), np.float32)
    white = read_only(rng.normal(0, 1, 60 if parts != "sky" else 0), np.float32)
    keys = [read_only(v, np.int64) for v in ([7, 7, 8], [-1, 5, 5], [2, 2, 3])]
    row, out = read_only([1, 0, 1], np.int64), np.empty((3, 4, 5), np.float32)
    run = add_sample_noise if compiled else add_sample_noise.py_func
    run(
        samples, gain, *keys, row, read_only([width] * 3, np.int64), traces, white, 60 - 5 * width,
        9, out,
    )  # fmt: skip
    for k in range(3):
        expected = naive.add_sample_noise(
            samples[k], gain[k], traces[row[k]] if traces.size else None,
            white if white.size else None, width, 60 - 5 * width,
            (9, *(int(key[k]) for key in keys)),
        )  # fmt: skip
        np.testing.assert_allclose(out[k], expected, atol=1e-5)  # sums in single precision


@pytest.mark.parametrize("gain", [0, 1])
@pytest.mark.parametrize("sampling_rate", [1.0, 0.25])
def test_mean_and_variance_of_night_sky_light_follow_campbell(gain, sampling_rate):
    camera = calibration(readout(rate=sampling_rate))
    seen = noise(WaveformModifier(nsb_rate=RATE), camera, 3000, gain=gain)
    time = np.arange(0, 30, 0.001)
    pulse = np.exp(-0.5 * ((time - 12) / (2.0, 3.0)[gain]) ** 2)
    pulse /= pulse.sum() * 0.001
    # per ns: rate times the integral of the squared pulse, times <q^2> = 1 + 1/8; a calibrated
    # sample is the pulse times the width of the sample
    variance = RATE * 1.125 * (pulse**2).sum() * 0.001 / sampling_rate**2
    # pieces of one trace of 131072 samples that are correlated over a pulse of about 10 ns
    n_independent = (1 << 17) / max(10 * sampling_rate, 1)
    assert abs(seen.mean()) < 5 * np.sqrt(variance / n_independent)
    assert seen.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / n_independent))


def test_light_is_correlated_from_sample_to_sample_as_the_pulse_is():
    seen = noise(WaveformModifier(nsb_rate=RATE), calibration(readout()), 3000)
    pulses = sampled_pulses(readout(), 0).astype(float)
    for lag in (1, 3):
        expected = (pulses[:, lag:] * pulses[:, :-lag]).sum() / (pulses**2).sum()
        found = (seen[..., lag:] * seen[..., :-lag]).mean() / seen.var()
        assert found == pytest.approx(expected, abs=0.02)  # five standard errors of 13000 pulses


def test_the_charge_added_is_that_of_the_rate_of_photo_electrons():
    # without the mean taken away every photo-electron would add its charge, 1 p.e. in the mean
    camera = readout()
    pulses = sampled_pulses(camera, 0)
    assert pulses.sum(axis=1).mean() == pytest.approx(1, rel=1e-5)  # single precision
    # in a window much longer than the pulse the charge is Poisson, times <q^2> = 9/8
    seen = noise(WaveformModifier(nsb_rate=RATE), calibration(camera), 3000, n_samples=200)
    variance = seen.sum(axis=2, dtype=float).var()
    ends = 0.05  # pulses of 5 ns on either side of 200 ns, cut by the ends
    assert variance == pytest.approx(RATE * 200 * 1.125, rel=ends + 5 * np.sqrt(2 / 650))


def test_electronic_noise_is_white_and_has_its_width():
    seen = noise(WaveformModifier(electronic_noise=0.7), calibration(readout()), 2000)
    n = 1 << 17
    assert seen.std() == pytest.approx(0.7, rel=5 / np.sqrt(2 * n))
    assert abs(seen.mean()) < 5 * 0.7 / np.sqrt(n)
    assert abs((seen[..., 1:] * seen[..., :-1]).mean()) < 5 * 0.49 / np.sqrt(n)


def test_both_gains_of_a_pixel_see_the_same_light():
    camera = calibration(readout(widths=(2.0, 2.0)))
    high, low = (noise(WaveformModifier(nsb_rate=RATE), camera, 3, gain=g) for g in (0, 1))
    np.testing.assert_array_equal(high, low)
    camera = calibration(readout(widths=(2.0, 2.4)))
    high, low = (noise(WaveformModifier(nsb_rate=RATE), camera, 50, gain=g) for g in (0, 1))
    assert np.corrcoef(high.ravel(), low.ravel())[0, 1] > 0.98


def test_a_sum_gets_the_noise_of_all_its_samples():
    modifier = WaveformModifier(nsb_rate=RATE, electronic_noise=0.2)
    camera = calibration(readout())
    samples, sums = noise(modifier, camera, 50), noise(modifier, camera, 50, n_samples=1)
    np.testing.assert_allclose(sums[..., 0], samples.sum(axis=2), atol=1e-5)


def test_a_camera_that_reads_out_peaks_has_pulses_of_height_one():
    assert sampled_pulses(readout(n_samples=1), 0).max() == 1


def test_telescopes_of_one_type_have_the_pulses_of_their_own_readout():
    slow = readout(widths=(6.0, 6.0))
    camera = calibration(readout(), slow)
    seen = [noise(WaveformModifier(nsb_rate=RATE), camera, 800, row=row) for row in (0, 1)]
    for values, own in zip(seen, camera.readouts, strict=True):
        expected = night_sky_variance(sampled_pulses(own, 0), RATE)
        assert values.var() == pytest.approx(expected, rel=0.1)  # the two differ by a factor of 3


def test_a_camera_without_reference_pulse_gets_light_in_single_samples():
    bare = CameraReadout(1.0, np.empty((1, 0)), 0.0, 1, 5, 20)
    seen = noise(WaveformModifier(nsb_rate=2.0), calibration(bare), 1000)
    assert seen.var() == pytest.approx(2.0 * 1.125, rel=0.05)  # ten standard errors


@settings(max_examples=30)
@given(cuts=st.sets(st.integers(0, 9)), order=st.permutations(range(9)))
def test_the_bits_do_not_depend_on_how_the_batch_is_cut_or_ordered(cuts, order):
    camera = calibration(readout(), readout(widths=(4.0, 4.0)))
    modifier = WaveformModifier(nsb_rate=RATE, electronic_noise=0.3)
    rng = np.random.default_rng(0)
    samples = rng.normal(0, 1, (9, 5, 20)).astype(np.float32)
    gain = rng.integers(0, 2, (9, 5)).astype(np.int8)
    row, event = np.arange(9) % 2, np.arange(9) // 2
    whole = modifier.modify(samples, gain, row, camera, 4, event, row + 1)
    order = np.array(order)
    for rows in np.split(order, sorted(cuts)):
        part = modifier.modify(
            samples[rows], gain[rows], row[rows], camera, 4, event[rows], row[rows] + 1
        )
        assert part.tobytes() == whole[rows].tobytes()


def test_the_bits_are_the_same_on_any_number_of_threads():
    camera = calibration(readout())
    modifier = WaveformModifier(nsb_rate=RATE, electronic_noise=0.3, rng_seed=77)

    def part(k):  # the first of them draw the traces, perhaps at the same time
        return noise(modifier, camera, 8, event=np.arange(8 * k, 8 * k + 8))

    with ThreadPoolExecutor(4) as pool:
        parts = list(pool.map(part, range(10)))
    assert np.concatenate(parts).tobytes() == noise(modifier, camera, 80).tobytes()


def test_seed_event_and_pixel_each_choose_other_noise():
    camera = calibration(readout())
    first = noise(WaveformModifier(nsb_rate=RATE), camera, 3, event=[1, 1, 2])
    again = noise(WaveformModifier(nsb_rate=RATE), camera, 3, event=[1, 1, 2])
    other = noise(WaveformModifier(nsb_rate=RATE, rng_seed=2), camera, 3, event=[1, 1, 2])
    assert first.tobytes() == again.tobytes()
    assert first[0].tobytes() == first[1].tobytes()
    lines = {line.tobytes() for line in first[1:].reshape(-1, 20)}
    assert len(lines | {line.tobytes() for line in other[1:].reshape(-1, 20)}) == 20


def test_without_noise_waveforms_stay_the_same_object():
    samples, camera = np.ones((1, 5, 20), np.float32), calibration(readout())
    rows = np.zeros(1, int)
    args = (np.zeros((1, 5), np.int8), rows, camera, 1, rows, rows)
    assert WaveformModifier().modify(samples, *args) is samples


def test_odd_samples_pixels_without_data_and_empty_batches_are_fine():
    modifier, camera = WaveformModifier(nsb_rate=RATE), calibration(readout())
    samples, rows = np.zeros((1, 5, 20), np.float32), np.zeros(1, int)
    samples[0, 0, 3], samples[0, 1, 4] = np.nan, np.inf
    read_out = np.array([[True, True, True, False, True]])
    out = modifier.modify(samples, np.zeros((1, 5), np.int8), rows, camera, 1, rows, rows, read_out)
    assert np.isnan(out[0, 0, 3])
    assert out[0, 1, 4] == np.inf
    assert np.isfinite(out).sum() == 98
    assert not out[0, 3].any()
    assert noise(modifier, camera, 0).shape == (0, 5, 20)
