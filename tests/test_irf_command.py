"""`ctabatch irf` as a new user meets it: what it makes of simulated events."""

import json

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
import yaml
from astropy.io import fits

from ctabatch.irf.cut_files import read_cuts
from ctabatch.irf.long_table import MAY_LACK_VALUES
from tests import foreign_tables as foreign
from tests.irf_inputs import responses, rows_of, simulate, simulate_all

LEAN = "--no-figures"
FILES = {
    "provenance.json",
    "irf.parquet",
    "irf.fits",
    "irf.json",
    "benchmarks.fits",
    "cuts.parquet",
    "cuts.fits",
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    found = simulate_all(tmp_path_factory.mktemp("events"))
    # two runs of different zenith in one dataset
    for kind in ("gamma", "proton"):
        number = 21 if kind == "gamma" else 23
        place = found["gamma"].parent / f"{kind}s at two zeniths"
        simulate(place, kind, number, options=("--zenith", 20))
        found[f"{kind}s"] = simulate(place, kind, number + 1, options=("--zenith", 40))
    return found


def names_of(path):
    with fits.open(path) as hdus:
        return [hdu.name for hdu in hdus[1:]]


def test_gammas_and_background_give_responses_benchmarks_cuts_and_figures(cli, inputs, tmp_path):
    code, out, err = cli("irf", inputs["gamma"], inputs["proton"], inputs["electron"], "-o", "made")
    assert (code, err) == (0, "")
    assert "theta cut" in out
    assert {path.name for path in (tmp_path / "made").iterdir()} == FILES | {"figures"}
    assert {path.name for path in tmp_path.iterdir()} == {"made"}
    table = responses(tmp_path / "made")
    quantities = set(table["quantity"])
    assert quantities == {
        "aeff", "edisp", "edisp_outside", "psf", "psf_outside", "background", "background_rate",
        "aeff_none", "aeff_gammaness", "aeff_theta", "energy_bias_mean", "energy_bias_median",
        "energy_resolution", "theta_25", "theta_50", "theta_68", "theta_95", "sensitivity",
        "flux_sensitivity", "relative_sensitivity", "n_signal", "n_signal_unweighted",
        "n_background", "n_background_unweighted", "significance",
    }  # fmt: skip
    figures = json.loads((tmp_path / "made/figures/figures.json").read_text())
    assert len(figures) == 9
    assert names_of(tmp_path / "made/irf.fits") == [
        "EFFECTIVE AREA", "ENERGY DISPERSION", "PSF", "BACKGROUND",
    ]  # fmt: skip
    assert names_of(tmp_path / "made/benchmarks.fits") == [
        "ENERGY BIAS RESOLUTION", "ANGULAR RESOLUTION", "SENSITIVITY", "EFFECTIVE AREA CUTS",
        "BACKGROUND RATE",
    ]  # fmt: skip
    flow = json.loads((tmp_path / "made/irf.json").read_text())["cut_flow"]
    assert list(flow["gamma"]) == ["all", "is_valid", "energy range", "gammaness cut", "theta cut"]
    left = list(flow["gamma"].values())
    assert left == sorted(left, reverse=True)
    assert 0 < left[-1] < left[0]


def test_no_bin_is_nan_and_empty_bins_have_an_upper_limit(cli, inputs, tmp_path):
    code, *_ = cli("irf", inputs["gamma"], inputs["proton"], "-o", "made", LEAN)
    assert code == 0
    table = responses(tmp_path / "made")
    for name in ("value", "error"):
        assert not table[name].is_nan().any()
    lacking = set(table.filter(pl.col("value").is_null())["quantity"])
    assert lacking
    assert all(name.startswith(MAY_LACK_VALUES) for name in lacking)
    empty = table.filter(pl.col("quantity").is_in(["aeff", "edisp", "psf", "background"]),
                         pl.col("n_events") == 0)  # fmt: skip
    assert empty.height > 1000
    assert (empty["value"] == 0).all()
    assert (empty["error"] > 0).all()


def test_without_background_there_are_percentile_cuts_and_no_sensitivity(cli, inputs, tmp_path):
    code, _, err = cli("irf", inputs["gamma"], "-o", "made", LEAN)
    assert (code, err) == (0, "")
    quantities = set(responses(tmp_path / "made")["quantity"])
    assert {"aeff_theta", "theta_68"} < quantities
    assert not quantities & {"background", "background_rate", "sensitivity"}
    assert read_cuts(tmp_path / "made").info["method"] == "percentile"
    assert len(names_of(tmp_path / "made/irf.fits")) == 3


def test_gammas_of_a_point_source_have_one_bin_of_offset_around_it(cli, inputs, tmp_path):
    code, out, _ = cli("irf", inputs["point"], inputs["proton"], "-o", "made", LEAN)
    assert code == 0
    assert "come from one point at 0.5 deg" in out
    table = responses(tmp_path / "made")
    area = rows_of(table, "aeff")
    assert set(area.select("offset_lo", "offset_hi").rows()) == {(0.25, 0.75)}
    assert (area["value"] > 0).sum() > 20
    assert rows_of(table, "background")["offset_hi"].max() == 5


@pytest.mark.parametrize("kind", ["gamma", "point"])
def test_point_like_responses_have_the_theta_cut_and_carry_it(cli, inputs, tmp_path, kind):
    words = ("irf", inputs[kind], inputs["proton"], LEAN, "--offset-bins", "0,2,2")
    assert cli(*words, "-o", "full")[0] == 0
    assert cli(*words, "-o", "like", "--point-like")[0] == 0
    assert names_of(tmp_path / "like/irf.fits")[-1] == "RAD_MAX"
    with fits.open(tmp_path / "like/irf.fits") as hdus:
        assert hdus["EFFECTIVE AREA"].header["HDUCLAS3"] == "POINT-LIKE"
        stored = hdus["RAD_MAX"].data["RAD_MAX"][0, 0]
    assert fits.getheader(tmp_path / "full/irf.fits", 1)["HDUCLAS3"] == "FULL-ENCLOSURE"
    cut = np.nan_to_num(read_cuts(tmp_path / "like").theta)
    np.testing.assert_allclose(stored, cut, rtol=1e-7)  # stored in single precision
    full, like = (responses(tmp_path / name) for name in ("full", "like"))
    theta = rows_of(like, "aeff_theta")["value"].to_numpy()
    np.testing.assert_array_equal(rows_of(like, "aeff")["value"], theta)
    assert theta.sum() < rows_of(full, "aeff")["value"].sum()
    # the shape of the PSF is that of all events
    assert rows_of(like, "psf")["value"].equals(rows_of(full, "psf")["value"])


def test_groups_by_zenith_have_the_showers_of_their_own_runs(cli, inputs, tmp_path):
    code, out, _ = cli(
        "irf", inputs["gammas"], inputs["protons"], "-o", "made", "--by", "zenith.cut([30])",
        "--gammaness", "0.5", "--theta", "0.3", LEAN,
    )  # fmt: skip
    assert code == 0
    assert "in 2 groups" in out
    table, record = (
        responses(tmp_path / "made"),
        json.loads((tmp_path / "made/irf.json").read_text()),
    )
    assert set(record["groups"]) == {"zenith=(-inf, 30]", "zenith=(30, inf]"}
    for group, folder in record["groups"].items():
        place = tmp_path / "made/groups" / folder
        assert {path.name for path in place.iterdir()} == {"irf.fits", "benchmarks.fits"}
        # each run alone simulated 60 000 showers from -2 between its energies
        total = rows_of(table, "aeff", group)["n_simulated"].sum()
        assert 0.95 * 60_000 < total < 60_000.1
        assert rows_of(table, "sensitivity", group)["value"].count()
    assert not (tmp_path / "made/irf.fits").exists()


def test_all_groups_together_are_the_events_without_groups(cli, inputs, tmp_path):
    words = ("irf", inputs["gammas"], inputs["protons"], "--gammaness", "0.5", LEAN)
    types = "CASE WHEN gammaness > 0.8 THEN 2 ELSE 1 END"
    for name, by in (("whole", ()), ("parts", ("--by", types, "--by", "zenith.cut([30])"))):
        assert cli(*words, "-o", name, *by)[0] == 0
    whole, parts = (responses(tmp_path / name) for name in ("whole", "parts"))
    assert parts["group"].n_unique() == 4
    for quantity in ("aeff", "edisp", "background"):
        sums = [t.filter(pl.col("quantity") == quantity)["n_events"].sum() for t in (whole, parts)]
        assert sums[0] == sums[1] > 0


def test_events_types_that_lack_a_background_are_listed_with_exit_code_1(cli, tmp_path):
    for name, types in (("g", [1, 2]), ("p", [1])):
        rows = foreign.columns(seed=3)
        rows["EVENT_TYPE"] = np.resize(np.array(types, np.int16), len(rows["OBS_ID"]))
        foreign.write_fits(tmp_path / f"{name}.fits", rows)
    showers = ",".join(f"{k}={v}" for k, v in foreign.SHOWERS.record().items())
    code, out, err = cli(
        "irf", "g.fits", "p.fits", "-o", "made", "--map", foreign.MAP, "--simulated", showers,
        "--simulated-protons", showers, "--by", "EVENT_TYPE", "--gammaness", "0.5", LEAN,
    )  # fmt: skip
    assert code == 1
    assert "background of EVENT_TYPE=2: there are no events" in err
    assert "in 2 groups" in out
    table = responses(tmp_path / "made")
    assert set(table.filter(pl.col("quantity") == "background")["group"]) == {"EVENT_TYPE=1"}
    assert set(table.filter(pl.col("quantity") == "aeff")["group"]) == {
        "EVENT_TYPE=1", "EVENT_TYPE=2",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "method"),
    [(["--cuts", "optimise"], "optimise"),
     (["--cuts", "optimise_gammaness"], "optimise_gammaness"),
     (["--cuts", "percentile"], "percentile"),
     (["--gammaness", "0.7", "--theta", "0.2"], "fixed"),
     (["--cuts", "none"], None), (["--no-cuts"], None)],
)  # fmt: skip
def test_cuts_are_made_as_asked_for(cli, inputs, tmp_path, words, method):
    code, *_ = cli("irf", inputs["gamma"], inputs["proton"], "-o", "made", LEAN, *words)
    assert code == 0
    assert (tmp_path / "made/cuts.parquet").exists() == (method is not None)
    if method is not None:
        assert read_cuts(tmp_path / "made").info["method"] == method
    quantities = set(responses(tmp_path / "made")["quantity"])
    assert ("sensitivity" in quantities) == (method is not None)
    assert "background" in quantities


def test_cuts_of_an_earlier_run_give_the_same_responses(cli, inputs, tmp_path):
    words = ("irf", inputs["gamma"], inputs["proton"], LEAN)
    assert cli(*words, "-o", "first", "--quality", "reco_energy > 0.05")[0] == 0
    expected = responses(tmp_path / "first")
    for name in ("first", "first/cuts.fits", "first/cuts.parquet"):
        assert cli(*words, "-o", "again", "--cuts", name, "--overwrite")[0] == 0
        assert responses(tmp_path / "again").equals(expected)
        assert read_cuts(tmp_path / "again").quality == {"reco_energy > 0.05": "reco_energy > 0.05"}


def test_shown_options_give_the_same_results_from_a_file(cli, inputs, tmp_path):
    options = (
        "--energy-bins", "0.02,50,4", "--reco-energy-bins", "0.02,50,3", "--offset-bins", "0,2,2",
        "--migra-bins", "0.3,3,10", "--rad-bins", "0,0.5,20", "--fov-bins", "-2,2,4",
        "--quantities", "aeff,background_3d", "--quality", "reco_energy < 40", "--gammaness", "0.4",
        "--theta", "0.25", "--point-like", "--by", "CASE WHEN gammaness > 0.8 THEN 2 ELSE 1 END",
        "--spectrum", "CRAB_MAGIC_JHEAP2015", "--proton-spectrum", "9.8e-6 * POWER(energy, -2.62)",
        "--obs-time", "5", "--psf-fit", "king",
    )  # fmt: skip
    code, shown, err = cli("irf", "--show-config", *options)
    assert (code, err) == (0, "")
    assert not list(tmp_path.iterdir())
    assert yaml.safe_load(shown)["bins"]["energy"] == "0.02,50,4"
    (tmp_path / "options.yaml").write_text(shown)
    assert cli("irf", "--show-config", "--config", "options.yaml")[1] == shown
    words = ("irf", inputs["gamma"], inputs["proton"], LEAN)
    assert cli(*words, "-o", "words", *options)[0] == 0
    assert cli(*words, "-o", "file", "--config", "options.yaml")[0] == 0
    tables = [pq.read_table(tmp_path / name / "irf.parquet") for name in ("words", "file")]
    assert tables[0].equals(tables[1])
    assert {"aeff", "background_3d", "rad_max"} < set(tables[0]["quantity"].to_pylist())
    assert "edisp" not in tables[0]["quantity"].to_pylist()
    # words override the file
    assert yaml.safe_load(cli("irf", "--show-config", "--config", "options.yaml", "--obs-time",
                              "7")[1])["obs_time"] == 7  # fmt: skip


def test_json_is_one_object_that_tells_what_the_record_does(cli, inputs, tmp_path):
    code, out, err = cli("irf", inputs["gamma"], "-o", "made", "--json", LEAN)
    assert (code, err) == (0, "")
    shown = json.loads(out)
    record = json.loads((tmp_path / "made/irf.json").read_text())
    assert shown.pop("exit_code") == 0
    assert shown.pop("output") == "made"
    assert shown.pop("seconds") > 0
    assert shown == record
    assert record["audit"][0]["n_showers"] == 60_000
    assert record["inputs"]["gamma"][0]["sources"]["gammaness"] == "Toy"
    assert record["config"]["cuts"]["kind"] == "auto"


def test_the_public_table_of_the_documentation_gives_responses(cli, tmp_path):
    foreign.write_fits(tmp_path / "GAMMAS.fits", foreign.columns())
    code, _, err = cli(
        "irf", "GAMMAS.fits", "-o", "made", "--map", foreign.MAP, "--simulated",
        "n_showers=4e5,energy_min=0.003,energy_max=330,index=-2,max_impact=1900,viewcone_max=10",
        "--energy-bins", "0.015,150,5", "--offset-bins", "0,0.5,1", "--migra-bins", "0.2,5,30",
        "--rad-bins", "0,1,100", "--no-cuts", LEAN,
    )  # fmt: skip
    assert (code, err) == (0, "")
    table = responses(tmp_path / "made")
    area = rows_of(table, "aeff")
    assert area["value"].equals(rows_of(table, "aeff_none")["value"])
    assert (area["value"] > 1e5).sum() == 3  # 0.25 % of the view cone
    assert not (tmp_path / "made/cuts.fits").exists()


def test_cuts_take_background_from_no_farther_than_it_was_simulated(cli, inputs, tmp_path):
    """A ring that is partly empty would make the background too thin."""
    near = simulate(tmp_path / "near", "proton", 31, options=("--viewcone", 2))
    code, out, _ = cli("irf", inputs["gamma"], near, "-o", "made", LEAN)
    assert code == 0
    assert "up to 2 deg from the pointing, to where background was simulated" in out
    assert read_cuts(tmp_path / "made").info["background_offset"] == "0.0 to 2.0 deg"
