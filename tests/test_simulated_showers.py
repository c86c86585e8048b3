"""Truth checks: what our own stages measure on simulated waveforms is what was put in."""

import numpy as np
import pytest

from ctabatch.instrument.readout import CameraReadout
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.cameras import KIND_NAMES, telescope_kind
from ctabatch.simulate.options import SimulationOptions
from ctabatch.simulate.run import image_events, run_content, simulate
from ctabatch.stages.cleaners.tailcuts import TailcutsImageCleaner
from ctabatch.stages.parametrise import parametrise
from tests.simulated_telescopes import (
    calibration_of,
    extracted,
    noise_free,
    one_telescope,
    source_in_camera,
    true_images,
)


def parameters(options):
    """Image parameters of all telescope events and their source in the camera."""
    run, columns = run_content(options), []
    for batch in simulate(options):
        for data in batch.telescopes:
            geometry, charges = extracted(run, data)
            mask = TailcutsImageCleaner().clean(charges.image, charges.peak_time, geometry)
            row = dict(parametrise(charges.image, charges.peak_time, mask, geometry))
            shower = batch.shower[data.event]
            row["lon"], row["lat"] = source_in_camera(
                options, batch.altitude[shower], batch.azimuth[shower]
            )
            columns.append(row)
    out = {name: np.concatenate([row[name] for row in columns]) for name in columns[0]}
    bright = out["hillas_intensity"] > 100
    out = {name: values[bright] for name, values in out.items()}
    psi = np.deg2rad(out["hillas_psi"])
    dx, dy = out["lon"] - out["hillas_fov_lon"], out["lat"] - out["hillas_fov_lat"]
    out["along"] = dx * np.cos(psi) + dy * np.sin(psi)
    out["miss"] = np.abs(dy * np.cos(psi) - dx * np.sin(psi))
    return out


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_the_charge_of_a_noise_free_image_is_the_number_of_photo_electrons(kind):
    energy = {"lst": 0.5, "mst": 1.0, "sst": 20.0}[kind]
    options = noise_free(
        array=one_telescope(kind), energy=energy, max_core_distance=100.0, n_showers=40
    )
    run = run_content(options)
    data = next(iter(simulate(options))).telescopes[0]
    truth = true_images(data)
    # all samples, so that nothing of a pulse is cut off; without correction
    n_samples = data.waveform.shape[-1]
    _, charges = extracted(run, data, window_width=2 * n_samples, window_shift=n_samples)
    high = charges.gain == 0
    # Photo-electrons near the ends of the readout lose part of their pulse; of the others only
    # rounding, 1/sqrt(12) counts in each of about ten samples, is left.
    kind = telescope_kind(kind)
    end = n_samples * kind.content.time_slice
    late = (data.pe_time < 5 * kind.pulse.rise) | (data.pe_time > end - 5 * kind.pulse.fall)
    cut = np.zeros(truth.shape, bool)
    event = np.repeat(np.arange(len(truth)), np.diff(data.pe_offsets))
    cut[event[late], data.pe_pixel[late]] = True
    whole = high & ~cut
    difference = (charges.image - truth)[whole]
    rounding = np.sqrt(10 / 12) / kind.counts_per_pe[0]
    assert np.abs(difference).max() < 6 * rounding + 1e-4 * truth[whole].max()
    assert not charges.image[high & (truth == 0)].any()
    # whole images: besides, the faint ends of pulses round to nothing
    total, expected = (np.where(whole, q, 0).sum(axis=1) for q in (charges.image, truth))
    lit = (truth > 0).sum(axis=1)
    assert (np.abs(total - expected) < 0.002 * expected + 0.06 * lit).all()
    assert whole[truth > 0].mean() > 0.9
    assert truth.sum() > 1000


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_the_usual_window_with_its_correction_finds_the_charge(kind):
    energy = {"lst": 0.5, "mst": 1.0, "sst": 20.0}[kind]
    options = noise_free(array=one_telescope(kind), energy=energy, max_core_distance=100.0)
    data = next(iter(simulate(options))).telescopes[0]
    _, charges = extracted(run_content(options), data)
    truth = true_images(data)
    bright = (truth > 20) & (charges.gain == 0)
    assert bright.sum() > 30
    ratio = charges.image[bright] / truth[bright]
    assert np.median(ratio) == pytest.approx(1, abs=0.06)


def test_charges_of_both_gains_agree():
    options = noise_free(energy=5.0, max_core_distance=60.0)
    data = next(iter(simulate(options))).telescopes[0]
    _, charges = extracted(run_content(options), data)
    truth = true_images(data)
    low = (charges.gain == 1) & (truth < 2500)
    assert low.sum() > 20
    assert np.median(charges.image[low] / truth[low]) == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("azimuth", [0.0, 130.0])
@pytest.mark.parametrize("kind", KIND_NAMES)
def test_images_of_gammas_point_to_their_source(kind, azimuth):
    options = SimulationOptions(
        n_showers=150, array=one_telescope(kind), azimuth=azimuth, source_offset=0.5, seed=3,
        energy_range={"lst": (0.5, 2), "mst": (1, 5), "sst": (15, 60)}[kind],
        max_core_distance=180.0, index=-1.0,
    )  # fmt: skip
    found = parameters(options)
    assert len(found["miss"]) > 60
    assert np.median(found["miss"]) < 0.06
    assert np.median(np.abs(found["along"])) > 0.5
    alpha = np.rad2deg(np.arctan2(found["miss"], np.abs(found["along"])))
    assert np.median(alpha) < 3


@pytest.mark.parametrize(("distance", "sign"), [(230.0, 1), (25.0, -1)])
def test_times_run_towards_the_source_near_the_core_and_away_from_it_far_out(distance, sign):
    # Far out, light from high up (close to the source in the camera) has the shorter way; near
    # the axis light is slower than the particles, so that from high up comes last.
    options = SimulationOptions(
        n_showers=80, array=one_telescope("lst", distance, 0.0), max_core_distance=0.0,
        energy_range=(0.5, 1.0),
    )  # fmt: skip
    found = parameters(options)
    away = -found["timing_slope"] * np.sign(found["along"])
    assert np.mean(np.sign(away) == sign) > 0.9


def test_tails_of_images_point_away_from_the_source():
    options = SimulationOptions(
        n_showers=80, array=one_telescope("lst", 90.0, 0.0), max_core_distance=0.0,
        energy_range=(1.0, 2.0),
    )  # fmt: skip
    found = parameters(options)
    assert np.mean(-found["hillas_skewness"] * np.sign(found["along"]) > 0) > 0.9


def test_sizes_and_shapes_are_those_of_showers():
    options = SimulationOptions(
        n_showers=150, array=one_telescope("lst", 100.0, 0.0), max_core_distance=0.0,
        energy_range=(1.0, 1.0),
    )  # fmt: skip
    found = parameters(options)
    assert 1500 < np.median(found["hillas_intensity"]) < 5000
    assert 0.15 < np.median(found["hillas_length"]) < 0.45
    assert 0.05 < np.median(found["hillas_width"]) < 0.13


def test_protons_are_broader_fainter_and_point_worse_than_gammas():
    common = {
        "n_showers": 200,
        "array": one_telescope("lst", 100.0, 0.0),
        "max_core_distance": 0.0,
        "energy_range": (1.0, 1.0),
        "viewcone": 0.0,
    }
    gamma = parameters(SimulationOptions(primary="gamma", **common))
    proton = parameters(SimulationOptions(primary="proton", **common))
    electron = parameters(SimulationOptions(primary="electron", **common))
    for name, factor in [("hillas_width", 1.2), ("miss", 1.5)]:
        assert np.median(proton[name]) > factor * np.median(gamma[name])
        assert np.median(electron[name]) < 1.2 * np.median(gamma[name])
    ratio = np.median(proton["hillas_intensity"]) / np.median(gamma["hillas_intensity"])
    assert 0.15 < ratio < 0.7


def test_muon_rings_have_the_cherenkov_angle_and_the_muons_direction():
    options = SimulationOptions(
        primary="muon", n_showers=60, array=one_telescope("lst"), energy_range=(0.05, 0.5),
        viewcone=0.7, max_core_distance=8.0,
    )  # fmt: skip
    run, batch = run_content(options), next(iter(simulate(options)))
    data = batch.telescopes[0]
    assert len(data.tel_id) == 60
    geometry, charges = extracted(run, data)
    shower = batch.shower[data.event]
    lon, lat = source_in_camera(options, batch.altitude[shower], batch.azimuth[shower])
    radius = []
    for k in range(60):
        image = np.where(charges.image[k] > 8, charges.image[k], 0)
        r = np.hypot(geometry.fov_lon - lon[k], geometry.fov_lat - lat[k])
        radius.append((image * r).sum() / image.sum())
        ring = image > 0
        assert np.std(r[ring]) < 0.12
    np.testing.assert_allclose(radius, 1.22, atol=0.05)
    assert 500 < np.median(charges.image.sum(axis=1)) < 4000


def test_nearly_all_tev_showers_within_150_m_trigger_and_fewer_farther_out():
    rates = []
    for distance in (50.0, 150.0, 330.0, 430.0):
        options = SimulationOptions(
            n_showers=150, array=one_telescope("lst", distance, 0.0), max_core_distance=0.0,
            energy_range=(0.3, 0.3),
        )  # fmt: skip
        rates.append(np.mean(np.concatenate([b.triggered for b, _ in image_events(options)])))
    assert min(rates[:2]) > 0.98
    assert rates[1] > rates[2] + 0.02 > rates[3] + 0.2, rates


def test_the_trigger_asks_for_enough_telescopes():
    counts = {}
    for least in (1, 2, 4):
        options = SimulationOptions(n_showers=300, min_telescopes=least, max_core_distance=250.0)
        seen = 0
        for batch, images in image_events(options):
            tels = np.bincount(images["lst"].event, minlength=len(batch.triggered))
            assert (tels[batch.triggered] >= least).all()
            assert not tels[~batch.triggered].any()
            seen += batch.triggered.sum()
        counts[least] = seen
    assert counts[1] > counts[2] > counts[4] > 0


def test_trigger_times_count_from_the_first_telescope_and_follow_the_front():
    options = SimulationOptions(
        n_showers=60, zenith=40.0, array=load_array("lst4"), max_core_distance=100.0,
        energy_range=(1.0, 3.0),
    )  # fmt: skip
    run = run_content(options)
    position = np.array([t.position for t in run.telescopes])
    towards = np.array([np.sin(np.deg2rad(40)), 0, np.cos(np.deg2rad(40))])
    early = -(position @ towards) / 0.299792458
    for _, images in image_events(options):
        data = images["lst"]
        for event in np.unique(data.event):
            rows = data.event == event
            time = data.trigger_time[rows]
            assert time.min() == 0
            expected = early[data.tel_id[rows] - 1]
            np.testing.assert_allclose(time, expected - expected.min(), atol=12)
    assert np.ptp(early) > 100


def test_the_correction_of_the_reference_pulse_is_that_of_the_pulses():
    for kind in KIND_NAMES:
        options = noise_free(array=one_telescope(kind))
        calibration = calibration_of(run_content(options).telescopes)
        readout = calibration.readouts[0]
        assert isinstance(readout, CameraReadout)
        pulse = telescope_kind(kind).pulse
        best = max(pulse.samples[0][k : k + 7].sum() for k in range(pulse.samples.shape[1] - 6))
        assert readout.integration_correction(7, 3)[0] == pytest.approx(1 / best, abs=0.06)
