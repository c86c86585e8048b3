"""`ctabatch dl3` from the command line: observed, simulated, by event type, and the check."""

from __future__ import annotations

import json
import shutil

import numpy as np
import polars as pl
import pytest
from astropy.io import fits
from astropy.table import Table

from ctabatch.dl3.observations import seconds, separation
from tests import toy_night
from tests import toy_observations as toy

STATED = "n_showers={n},energy_min=0.02,energy_max=200,index=-2,max_impact=200,viewcone_max={cone}"


@pytest.fixture(scope="session")
def toy_responses(tmp_path_factory):
    """Responses of the toy in a file."""
    path = tmp_path_factory.mktemp("irf") / "irf.fits"
    fits.HDUList([fits.PrimaryHDU(), *toy.responses().values()]).writeto(path)
    return path


@pytest.fixture(scope="session")
def night(tmp_path_factory):
    """A dataset of a night, and its columns."""
    folder = tmp_path_factory.mktemp("night") / "night"
    columns = toy_night.night()
    toy_night.write_dataset(folder, columns)
    return folder, columns


@pytest.fixture(scope="session")
def tables(tmp_path_factory):
    """Event tables of simulated gammas and protons, the first with a column event_type."""
    folder = tmp_path_factory.mktemp("tables")
    types = pl.int_range(pl.len()) % 2
    toy.gammas(200_000)[0].with_columns(event_type=types).sink_parquet(folder / "gammas.parquet")
    toy.protons(20_000)[0].with_columns(event_type=types).sink_parquet(folder / "protons.parquet")
    return folder


def simulated_words(tables):
    return [
        "--simulate", tables / "gammas.parquet", tables / "protons.parquet",
        "--simulated", STATED.format(n=200_000, cone=0.8),
        "--simulated-protons",
        "n_showers=20000,energy_min=0.05,energy_max=100,index=-2,max_impact=200,viewcone_max=2",
        "--proton-spectrum", f"power_law(norm={45.0 / (toy.AREA * 1e4)},index=-2.7)",
    ]  # fmt: skip


def events_of(folder, obs_id):
    return fits.getdata(folder / "data" / f"obs_{obs_id:06d}.fits", "EVENTS")


pytestmark = pytest.mark.filterwarnings("ignore::ctabatch.irf.foreign.NoUnitWarning")


def test_a_night_becomes_a_store_with_its_dead_time(cli, night, toy_responses, tmp_path):
    folder, columns = night
    code, out, err = cli("dl3", folder, "--irf", toy_responses, "-o", "dl3", "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts["events"] == columns["valid"].sum()
    assert (facts["observations"], facts["dropped_outside_intervals"]) == (2, 0)
    # 5 ms of each 205 ms: the estimate of the dead time is the shortest difference of times
    assert facts["livetime_hours"] / facts["ontime_hours"] == pytest.approx(0.2 / 0.205, abs=2e-3)
    rows = events_of(tmp_path / "dl3", 11)
    own = (columns["obs_id"] == 11) & columns["valid"]
    assert rows["EVENT_ID"].tolist() == columns["event_id"][own].tolist()
    distance = separation(rows["RA"], rows["DEC"], columns["ra"][own], columns["dec"][own])[0]
    assert distance.max() * 3600 < 1e-2  # directions are float64, times nanoseconds
    assert cli("dl3", "check", "dl3") == (0, "dl3: good\n", "")


def test_events_outside_the_good_intervals_are_dropped_counted_and_told(
    cli, night, toy_responses, tmp_path
):
    folder, columns = night
    start = toy_night.START
    stop = start + np.timedelta64(300, "s")
    rows = [f"10,{start},{stop}", f"11,{start + np.timedelta64(1250, 's')},2025-01-10T22:25:00"]
    (tmp_path / "good.csv").write_text("\n".join(["obs_id,start,stop", *rows]) + "\n")
    words = ["dl3", folder, "--irf", toy_responses, "-o", "dl3", "--gti", "good.csv"]
    code, _, err = cli(*words)
    assert code == 0
    ten = columns["obs_id"] == 10
    late = (columns["time"] - start) / np.timedelta64(1, "s") - np.where(ten, 0, 1200)
    inside = columns["valid"] & np.where(ten, late < 300, (late > 50) & (late < 300))
    dropped = columns["valid"].sum() - inside.sum()
    assert f"{dropped:,} events lay outside the good time intervals" in err
    assert len(events_of(tmp_path / "dl3", 10)) == (inside & ten).sum()
    assert cli("dl3", "check", "dl3")[0] == 0


def test_a_table_of_another_pipeline_gives_the_same_events_as_the_dataset(
    cli, night, toy_responses, tmp_path
):
    folder, columns = night
    own = columns["valid"]
    table = Table({
        "OBS": columns["obs_id"][own], "NUMBER": columns["event_id"][own],
        "TIME": seconds(columns["time"][own]) + 86400.0,
        "E": columns["energy"][own] * 1e3, "H": columns["alt"][own], "A": columns["az"][own],
        "PH": columns["pointing_alt"][own], "PA": columns["pointing_az"][own],
        "G": columns["gammaness"][own],
    })  # fmt: skip
    table["E"].unit, table["TIME"].unit = "GeV", "s"
    for name in ("H", "A", "PH", "PA"):
        table[name].unit = "deg"
    hdu = fits.BinTableHDU(table, name="EVENTS")
    hdu.header["MJDREFI"], hdu.header["MJDREFF"], hdu.header["TIMESYS"] = 51543, 0.5, "TT"
    hdu.writeto(tmp_path / "night.fits")
    names = ("obs_id=OBS,event_id=NUMBER,time=TIME,reco_energy=E,reco_alt=H,reco_az=A,"
             "pointing_alt=PH,pointing_az=PA,gammaness=G")  # fmt: skip
    words = ["--irf", toy_responses, "--live-fraction", 0.9]
    assert cli("dl3", folder, *words, "-o", "a")[0] == 0
    code, _, err = cli("dl3", "night.fits", "--map", names, *words, "-o", "b")
    assert (code, err) == (0, "")
    for obs_id in (10, 11):
        a, b = (events_of(tmp_path / name, obs_id) for name in "ab")
        assert a["EVENT_ID"].tolist() == b["EVENT_ID"].tolist()
        np.testing.assert_allclose(a["TIME"], b["TIME"], atol=3e-7, rtol=0)  # resolution of doubles
        np.testing.assert_allclose(a["ENERGY"], b["ENERGY"], rtol=1e-6)
        assert separation(a["RA"], a["DEC"], b["RA"], b["DEC"])[0].max() * 3600 < 1e-2
    assert cli("dl3", "check", "b")[0] == 0
    code, _, err = cli("dl3", "night.fits", "--map", names, "--irf", toy_responses, "-o", "c")
    assert code == 2
    assert "--live-fraction" in err


def test_simulated_observations_are_whole_reproducible_and_counted(
    cli, tables, toy_responses, tmp_path
):
    words = ["dl3", *simulated_words(tables), "--irf", toy_responses, "--exposure", 0.5]
    stores = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        code, out, _ = cli(*words, "-o", name, "--seed", seed, "--json")
        assert code == 0
        stores[name] = json.loads(out)
    facts = stores["a"]
    assert facts["signal"] + facts["background"] == facts["events"]
    assert facts["observations"] == 2
    assert facts["ontime_hours"] == 0.5
    a, b, c = (events_of(tmp_path / name, 1) for name in "abc")
    assert a.tobytes() == b.tobytes()
    assert len(a) != len(c) or (a["RA"] != c["RA"]).any()
    assert cli("dl3", "check", "a") == (0, "a: good\n", "")


def test_wobble_pointings_stand_at_the_offset_and_angles_that_are_asked_for(
    cli, tables, toy_responses, tmp_path
):
    words = ["dl3", *simulated_words(tables), "--irf", toy_responses, "--exposure", 1, "-o", "dl3"]
    assert cli(*words, "--offset", 0.6, "--wobble", "90,270", "--live-fraction", 0.9)[0] == 0
    index = fits.getdata(tmp_path / "dl3" / "obs-index.fits.gz", 1)
    distance, angle = separation(*toy.CRAB[1:], index["RA_PNT"], index["DEC_PNT"])
    np.testing.assert_allclose(distance, 0.6, atol=1e-9)
    np.testing.assert_allclose(angle % 360, [90, 270, 90], atol=1e-6)
    np.testing.assert_allclose(index["DEADC"], 0.9)


def test_cuts_and_criteria_are_applied_before_events_are_drawn(
    cli, tables, toy_responses, tmp_path
):
    words = ["dl3", *simulated_words(tables), "--irf", toy_responses, "--exposure", 0.3, "--json"]
    sql = "reco_energy > 0.5 AND gammaness > 0.85"
    code, out, _ = cli(*words, "-o", "dl3", "--select", sql)
    facts = json.loads(out)
    assert (code, facts["background"]) == (0, 0)  # gammas have 0.9, protons 0.8
    assert facts["cut_flow"]["proton"]["--select"] == 0
    assert events_of(tmp_path / "dl3", 1)["ENERGY"].min() > 0.5


@pytest.fixture(scope="session")
def responses_by_type(tmp_path_factory, toy_responses):
    """A folder as of `ctabatch irf --by event_type`, with cuts that differ from none."""
    from ctabatch.irf.axes import Axis
    from ctabatch.irf.cut_files import write_cuts
    from ctabatch.irf.cuts import fixed_cuts

    folder = tmp_path_factory.mktemp("by") / "irf"
    groups = {f"event_type={k}": f"event_type={k}-abc" for k in (1, 0)}
    for name in groups.values():
        (folder / "groups" / name).mkdir(parents=True)
        shutil.copy(toy_responses, folder / "groups" / name / "irf.fits")
    record = {"config": {"by": ["event_type"]}, "groups": groups}
    (folder / "irf.json").write_text(json.dumps(record))
    energy = Axis("energy", np.geomspace(0.3, 30, 11), "TeV")
    write_cuts(path=folder / "cuts.parquet", cuts=fixed_cuts(energy, 0.85, theta=0.1))
    return folder


def test_responses_by_event_type_give_one_list_each_with_the_cuts_of_the_folder(
    cli, tables, responses_by_type, tmp_path
):
    words = ["dl3", *simulated_words(tables), "--irf", responses_by_type, "--exposure", 0.6]
    code, out, _ = cli(*words, "-o", "dl3", "--json")
    assert code == 0
    facts = json.loads(out)
    assert (facts["observations"], facts["event_lists"]) == (2, 4)
    index = fits.getdata(tmp_path / "dl3" / "obs-index.fits.gz", 1)
    assert index["OBS_ID"].tolist() == [100, 101, 200, 201]
    assert index["EVENT_TYPE"].tolist() == ["event_type=1", "event_type=0"] * 2
    for obs_id, bit in ((100, 1), (101, 0)):
        rows = events_of(tmp_path / "dl3", obs_id)
        assert len(rows) > 10
        assert {tuple(np.flatnonzero(row[::-1])) for row in rows["EVENT_TYPE"]} == {(bit,)}
        assert rows["ENERGY"].min() >= np.float32(0.3)
        # the cut in theta is not applied: 0.1 deg is near the median
        assert (separation(rows["RA"], rows["DEC"], *toy.CRAB[1:])[0] > 0.1).sum() > 3
    assert cli("dl3", "check", "dl3") == (0, "dl3: good\n", "")


def test_check_tells_findings_with_exit_code_1_also_as_json(cli, tables, toy_responses, tmp_path):
    words = ["dl3", *simulated_words(tables), "--irf", toy_responses, "--exposure", 0.2]
    assert cli(*words, "-o", "dl3")[0] == 0
    with fits.open(tmp_path / "dl3" / "data" / "obs_000001.fits", mode="update") as hdus:
        hdus["EVENTS"].header["DEADC"] = 0.5
    code, out, _ = cli("dl3", "check", "dl3")
    assert code == 1
    assert "data/obs_000001.fits [EVENTS] DEADC: is 0.5, but LIVETIME / ONTIME is 1" in out
    assert "dl3: 1 findings" in out
    code, out, _ = cli("dl3", "check", "dl3", "--json")
    assert (code, json.loads(out)["findings"][0]["key"]) == (1, "DEADC")
    code, _, err = cli("dl3", "check", "nowhere")
    assert code == 2
    assert "no store of event lists" in err


def test_a_store_that_is_not_finished_leaves_nothing_and_the_former_one(
    cli, tables, toy_responses, tmp_path, monkeypatch
):
    from ctabatch.dl3 import make
    from ctabatch.errors import InputError

    words = ["dl3", *simulated_words(tables), "--irf", toy_responses, "--exposure", 0.6]
    assert cli(*words, "-o", "dl3")[0] == 0
    before = {p.name: p.read_bytes() for p in (tmp_path / "dl3").rglob("*.fits*")}
    drawn = make.drawn_blocks

    def stops(observation, *rest, **options):
        if observation.obs_id == 2:
            raise InputError("stopped")
        yield from drawn(observation, *rest, **options)

    monkeypatch.setattr(make, "drawn_blocks", stops)
    for name, more in (("dl3", ["--overwrite"]), ("new", [])):
        code, _, err = cli(*words, "-o", name, *more)
        assert (code, "stopped" in err) == (2, True)
    assert [p.name for p in tmp_path.iterdir()] == ["dl3"]
    assert {p.name: p.read_bytes() for p in (tmp_path / "dl3").rglob("*.fits*")} == before
    code, _, err = cli(*words, "-o", "dl3")
    assert code == 2
    assert "--overwrite" in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["x"], "name --irf"),
        (["x", "--irf", "irf.fits"], "name --output"),
        (["check"], "check takes one folder"),
        (["check", "x", "--irf", "y"], "check takes a folder and --json"),
        (["x", "y", "--irf", "irf.fits", "-o", "d"], "--simulate"),
        (["--simulate", "x", "--gti", "g", "--irf", "irf.fits", "-o", "d"], "observed events"),
        (["x", "--irf", "irf.fits", "-o", "d", "--site", "CTAO-Nord"], "CTAO-North"),
        (["x", "--irf", "irf.fits", "-o", "d", "--target", "Krab"], "Crab"),
        (["--simulate", "x", "--irf", "irf.fits", "-o", "d", "--wobble", "n"], "--wobble 'n'"),
        (["x", "--irf", "irf.fits", "-o", "d", "--live-fraction", "0"], "above 0"),
        (["x", "--irf", "irf.fits", "-o", "d", "--select", "1 +"], "not valid SQL"),
    ],
)
def test_unusable_options_are_told_in_one_message(cli, words, message, toy_responses):
    shutil.copy(toy_responses, "irf.fits")
    code, out, err = cli("dl3", *words)
    assert (code, out) == (2, "")
    assert message in err
    assert err.count("\n") == 1
