"""Runs: options, arrays, and the same seed giving the same events however they are simulated."""

import json
import threading

import numpy as np
import pytest
from scipy import stats

from ctabatch.errors import InputError, OptionError
from ctabatch.simulate.arrays import ARRAYS, Array, Place, load_array
from ctabatch.simulate.options import SimulationOptions
from ctabatch.simulate.response import dl2_events
from ctabatch.simulate.run import image_events, run_content, simulate
from ctabatch.simulate.shower_model import cut_to_fit
from tests.simulated_telescopes import one_telescope, source_in_camera

SMALL = {
    "primary": "gamma",
    "n_showers": 24,
    "reuse": 3,
    "array": load_array("alpha-north"),
    "seed": 9,
    "energy_range": (0.2, 3.0),
    "max_core_distance": 200.0,
}
FORTY_LSTS = Array("forty", tuple(Place("lst", 100.0 * k, 0.0) for k in range(40)))


def all_bytes(batches):
    """Everything in batches, in an order that does not depend on how they were cut."""
    per_event = {}
    for batch in batches:
        for k, event_id in enumerate(batch.event_id):
            shower = batch.shower[k]
            per_event[int(event_id)] = [
                *(getattr(batch, name)[shower].tobytes() for name in (
                    "shower_id", "energy", "azimuth", "altitude", "x_max", "h_first_int", "h_max")),
                *(getattr(batch, name)[k].tobytes() for name in (
                    "core_x", "core_y", "seconds", "nanoseconds", "triggered", "pe_sums")),
            ]  # fmt: skip
        for data in batch.telescopes:
            for k, event in enumerate(data.event):
                pe = slice(data.pe_offsets[k], data.pe_offsets[k + 1])
                per_event[int(batch.event_id[event])] += [
                    data.tel_id[k].tobytes(), data.waveform[k].tobytes(),
                    data.trigger_time[k].tobytes(), data.pe_pixel[pe].tobytes(),
                    data.pe_time[pe].tobytes(),
                ]  # fmt: skip
    return per_event


@pytest.mark.parametrize("primary", ["gamma", "proton", "muon"])
def test_the_same_seed_gives_the_same_bytes_for_any_batches_and_threads(primary):
    choice = {"gamma": {}, "proton": {"energy_range": (1.0, 9.0)}, "muon": {}}[primary]
    if primary == "muon":
        choice = {"energy_range": None, "max_core_distance": None}
    options = SimulationOptions(**{**SMALL, "primary": primary, **choice})
    expected = all_bytes(simulate(options))
    assert sum(len(values) > 13 for values in expected.values()) > 5
    assert list(expected) == [100 * s + u for s in range(1, 25) for u in range(3)]
    assert all_bytes(simulate(options, batch_showers=5)) == expected
    assert all_bytes(simulate(options, batch_showers=4, threads=3)) == expected
    halves = [[], []]
    parts = [range(1, 11), range(11, 25)]
    threads = [
        threading.Thread(target=lambda k=k: halves[k].extend(simulate(options, showers=parts[k])))
        for k in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all_bytes([*halves[0], *halves[1]]) == expected


def test_another_seed_gives_other_events():
    options = SimulationOptions(**SMALL)
    other = SimulationOptions(**{**SMALL, "seed": 10})
    assert next(iter(simulate(options))).energy[0] != next(iter(simulate(other))).energy[0]


def test_large_batches_are_cut_between_showers(monkeypatch):
    options = SimulationOptions(**SMALL)
    expected = all_bytes(simulate(options))
    monkeypatch.setattr("ctabatch.simulate.run.BATCH_BYTES", 3_000_000)
    batches = list(simulate(options))
    assert len(batches) > 3
    assert all(len(b.event_id) == 3 * len(b.shower_id) for b in batches)
    assert all_bytes(batches) == expected


def test_too_many_photo_electrons_are_cut_where_they_are_most():
    count = np.array([5, 100, 40, 300])
    cut_to_fit(count, 445)
    assert count.tolist() == [5, 100, 40, 300]
    cut_to_fit(count, 345)
    assert count.tolist() == [5, 100, 40, 200]
    cut_to_fit(count, 200)
    assert count.tolist() == [5, 77, 40, 77]
    cut_to_fit(count, 3)
    assert count.tolist() == [0, 0, 0, 0]


def test_images_have_the_showers_and_photo_electrons_of_waveforms():
    options = SimulationOptions(**SMALL)
    for batch, (events, images) in zip(simulate(options), image_events(options), strict=True):
        np.testing.assert_array_equal(batch.triggered, events.triggered)
        np.testing.assert_array_equal(batch.pe_sums, events.pe_sums)
        assert events.telescopes == []
        for data, pictures in zip(batch.telescopes, images.values(), strict=True):
            np.testing.assert_array_equal(data.event, pictures.event)
            np.testing.assert_array_equal(data.tel_id, pictures.tel_id)
            n_pe = np.diff(data.pe_offsets)
            np.testing.assert_array_equal(n_pe, pictures.true_image.sum(axis=1))
            np.testing.assert_array_equal(n_pe, batch.pe_sums[data.event, data.tel_id - 1])
            noise = (pictures.image - pictures.true_image)[pictures.true_image == 0]
            assert 0.3 < noise.std() < 5


def test_uses_of_a_shower_share_it_and_differ_in_the_core():
    batch = next(iter(simulate(SimulationOptions(**SMALL))))
    n = len(batch.energy)
    assert batch.shower.tolist() == sorted(list(range(n)) * 3)
    assert batch.event_id[:4].tolist() == [100, 101, 102, 200]
    assert len(np.unique(batch.core_x)) == 3 * n


def test_telescope_data_are_in_the_order_of_events_and_telescopes():
    for batch in simulate(SimulationOptions(**SMALL)):
        for data in batch.telescopes:
            keys = list(zip(data.event.tolist(), data.tel_id.tolist(), strict=True))
            assert keys == sorted(set(keys))
            for a, b in zip(data.pe_offsets[:-1], data.pe_offsets[1:], strict=True):
                assert (np.diff(data.pe_pixel[a:b]) >= 0).all()
            assert np.isfinite(data.pe_time).all()


@pytest.mark.parametrize("index", [-2.0, -2.6, -1.0])
def test_the_spectrum_drawn_is_the_one_asked_for(index):
    options = SimulationOptions(
        n_showers=4000, index=index, energy_range=(0.05, 20.0), max_core_distance=0.0,
        array=one_telescope("sst", 9000.0),
    )  # fmt: skip
    energy = np.concatenate([b.energy for b, _ in image_events(options)])
    if index == -1:
        below = stats.loguniform(0.05, 20.0).cdf
    else:
        p = index + 1

        def below(e):
            return (e**p - 0.05**p) / (20.0**p - 0.05**p)

    assert stats.kstest(energy, below).pvalue > 1e-3


def test_a_view_cone_is_filled_evenly_and_a_point_source_is_a_point():
    far = one_telescope("sst", 9000.0)
    for cone in (0.0, 4.0):
        options = SimulationOptions(
            n_showers=3000, viewcone=cone, azimuth=350.0, source_offset=0.0, array=far,
            max_core_distance=10.0, energy_range=(0.1, 0.1),
        )  # fmt: skip
        batches = [b for b, _ in image_events(options)]
        alt = np.concatenate([b.altitude for b in batches])
        az = np.concatenate([b.azimuth for b in batches])
        off = np.hypot(*source_in_camera(options, alt, az))
        if cone == 0:
            assert off.max() < 1e-5
        else:
            assert off.max() < 4.01
            assert stats.kstest((off / 4) ** 2, stats.uniform.cdf).pvalue > 1e-3
        core = np.concatenate([np.hypot(b.core_x, b.core_y) for b in batches])
        assert stats.kstest((core / 10) ** 2, stats.uniform.cdf).pvalue > 1e-3


def test_a_source_offset_moves_the_source_along_azimuth():
    options = SimulationOptions(source_offset=1.5, zenith=50.0, azimuth=359.5)
    lon, lat = source_in_camera(options, *options.source)
    assert (lon, lat) == (pytest.approx(1.5), pytest.approx(0.0, abs=1e-9))


def test_the_run_tells_what_was_asked_for():
    options = SimulationOptions(**{**SMALL, "viewcone": 2.0, "azimuth": 180.0, "obs_id": 77})
    run = run_content(options)
    assert run.obs_id == 77
    assert [t.tel_id for t in run.telescopes] == list(range(1, 14))
    assert {t.camera.optics_name for t in run.telescopes} == {"ToyLST", "ToyMST"}
    words = run.simulation
    assert (words["n_showers"], words["n_use"], words["diffuse"]) == (24, 3, 1)
    assert words["E_range"] == (0.2, 3.0)
    assert words["viewcone"] == (0.0, 2.0)
    assert words["core_range"] == (0.0, 200.0)
    assert run.pointing_azimuth == pytest.approx(np.pi)
    assert "seed 9" in run.input_card
    again = run_content(options)
    np.testing.assert_array_equal(run.telescopes[0].pedestal, again.telescopes[0].pedestal)
    assert np.ptp(run.telescopes[0].pedestal[0]) > 10
    assert not np.array_equal(run.telescopes[0].pedestal, run.telescopes[1].pedestal)
    for telescope in run.telescopes:
        shape = (telescope.camera.n_gains, telescope.camera.n_pixels)
        for name in ("pedestal", "pedestal_noise", "dc_to_pe", "time_shift"):
            assert getattr(telescope, name).shape == shape
            assert getattr(telescope, name).dtype == np.float32


@pytest.mark.parametrize("primary", ["gamma", "electron", "proton", "muon"])
def test_defaults_of_every_primary_simulate(primary):
    options = SimulationOptions(primary=primary, n_showers=30)
    batches = list(simulate(options))
    assert sum(len(b.shower_id) for b in batches) == 30
    assert all((b.primary_id == options.primary_id).all() for b in batches)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"primary": "gama"}, "Did you mean 'gamma'"),
        ({"energy_range": (1.0, 0.1)}, "must rise"),
        ({"energy_range": (0.0, 1.0)}, "within 0.003"),
        ({"energy_range": (1.0, float("nan"))}, "must rise"),
        ({"energy_range": (1.0,)}, "two energies"),
        ({"n_showers": 0}, "0 showers"),
        ({"reuse": 0}, "reuse 0"),
        ({"reuse": 101}, "reuse 101"),
        ({"index": float("inf")}, "spectral index"),
        ({"zenith": 75.0}, "zenith 75"),
        ({"zenith": -1.0}, "zenith -1"),
        ({"azimuth": float("nan")}, "azimuth nan"),
        ({"viewcone": -1.0}, "view cone"),
        ({"max_core_distance": -5.0}, "core distance"),
        ({"seed": -1}, "seed"),
        ({"min_telescopes": 5}, "trigger of 5 telescopes in an array of 4"),
        ({"min_telescopes": 0}, "trigger of 0"),
        ({"nsb_scale": -0.1}, "night sky"),
        ({"obs_id": 0}, "obs_id"),
        ({"height": 9000.0}, "height"),
        ({"source_offset": 20.0}, "source offset"),
        ({"start_time": 0}, "start time"),
        ({"reuse": 100, "array": FORTY_LSTS}, "use each shower less often"),
    ],
)
def test_impossible_options_are_refused_before_any_work(choice, message):
    with pytest.raises(OptionError, match=message):
        SimulationOptions(**choice)


@pytest.mark.parametrize("arguments", [{"batch_showers": 0}, {"threads": 0},
                                       {"showers": range(3)}, {"showers": range(1, 26)},
                                       {"showers": range(1, 9, 2)}])  # fmt: skip
def test_impossible_parts_of_a_run_are_refused(arguments):
    with pytest.raises(OptionError):
        next(simulate(SimulationOptions(**SMALL), **arguments))


@pytest.mark.parametrize("name", sorted(ARRAYS))
def test_every_named_array_can_be_built(name):
    assert load_array(name).name == name


def test_an_array_is_read_from_a_file(tmp_path):
    path = tmp_path / "mine.json"
    telescopes = [{"kind": "lst", "x": 0, "y": 0}, {"kind": "sst", "x": 100, "y": 0, "z": 4}]
    path.write_text(json.dumps({"telescopes": telescopes}))
    array = load_array(path)
    assert (array.name, len(array.places), array.places[1].z) == ("mine", 2, 4.0)
    path.write_text(json.dumps(telescopes))
    assert load_array(str(path)).places == array.places


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("[", InputError, "cannot read the array"),
        ("7", InputError, "no list of telescopes"),
        ("{}", InputError, "no list of telescopes"),
        ("[]", OptionError, "no telescope"),
        ('[{"kind": "lst", "x": 1}]', InputError, "telescope 1 is not of the form"),
        ('[{"kind": "lst", "x": 1, "y": "north"}]', InputError, "telescope 1"),
        ('[{"kind": "lst", "x": 1, "y": 2, "w": 3}]', InputError, "unknown words w"),
        ("[7]", InputError, "telescope 1"),
        ('[{"kind": "vst", "x": 1, "y": 2}]', OptionError, "unknown kind of telescope 'vst'"),
        ('[{"kind": "sst", "x": 1, "y": NaN}]', OptionError, "not finite"),
    ],
)
def test_a_file_that_is_no_array_is_refused(tmp_path, text, error, message):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(error, match=message):
        load_array(path)


def test_an_unknown_array_names_the_nearest_and_a_missing_file_is_reported(tmp_path):
    with pytest.raises(OptionError, match="Did you mean 'lst4'"):
        load_array("lst44")
    with pytest.raises(InputError, match="cannot read"):
        load_array(tmp_path / "none.json")


def test_telescopes_that_overlap_are_refused():
    with pytest.raises(OptionError, match="telescopes 1 and 2 overlap"):
        Array("close", (Place("lst", 0.0, 0.0), Place("mst", 10.0, 0.0)))


def test_dl2_events_have_the_spectrum_and_resolution_of_the_model():
    options = SimulationOptions(n_showers=200_000, index=-1.0, energy_range=(0.01, 100.0))
    tables = list(dl2_events(options, block_showers=70_000))
    table = {name: np.concatenate([t[name] for t in tables]) for name in tables[0]}
    assert len(np.unique(table["event_id"])) == len(table["event_id"])
    assert 0.02 < len(table["event_id"]) / 200_000 < 0.5
    ratio = np.log(table["Toy_energy"] / table["true_energy"])
    high, low = table["true_energy"] > 5, table["true_energy"] < 0.1
    assert 0.07 < ratio[high].std() < 0.12
    assert ratio[low].std() > 2 * ratio[high].std()
    off = np.hypot(table["Toy_alt"] - table["true_alt"],
                   (table["Toy_az"] - table["true_az"] + 180) % 360 - 180)  # fmt: skip
    assert np.median(off[high]) < 0.12
    one = next(iter(dl2_events(options)))
    for name, values in one.items():
        np.testing.assert_array_equal(values, table[name])


def test_gammaness_tells_gammas_from_protons_better_at_high_energy():
    score = {}
    for primary in ("gamma", "proton"):
        options = SimulationOptions(
            primary=primary, n_showers=60_000, index=-1.0, energy_range=(0.05, 50.0)
        )
        table = next(iter(dl2_events(options, prefix="RF")))
        high = table["RF_energy"] > 2
        score[primary] = [table["RF_prediction"][cut].mean() for cut in (high, ~high)]
        assert ((table["RF_prediction"] >= 0) & (table["RF_prediction"] <= 1)).all()
    assert score["gamma"][0] > score["gamma"][1] > score["proton"][1] > score["proton"][0]


def test_dl2_events_of_muons_are_refused():
    with pytest.raises(OptionError, match="primary of DL2 events"):
        next(dl2_events(SimulationOptions(primary="muon")))
