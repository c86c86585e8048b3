"""What `ctabatch irf` refuses, with which words; and that it then leaves nothing behind."""

import json
import shutil

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctabatch.schemas.reconstruction import MODEL
from tests import foreign_tables as foreign
from tests.irf_inputs import responses, rows_of, simulate, simulate_all

LEAN = "--no-figures"
SIMULATED = ",".join(f"{key}={value}" for key, value in foreign.SHOWERS.record().items())


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return simulate_all(tmp_path_factory.mktemp("events"), "gamma", "proton", "point")


@pytest.fixture
def refused(cli, tmp_path):
    """Run a command that must fail and leave the folder as it is; gives what it says."""

    def call(*words):
        before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")}
        code, out, err = cli("irf", *words, LEAN)
        assert (code, out) == (2, "")
        assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*")} == before
        assert err.startswith("ctabatch: error: ")
        return err

    return call


def rewrite(root, table, change):
    for path in sorted((root / table).glob("*.parquet")):
        pq.write_table(change(pq.read_table(path)), path)


@pytest.fixture
def table(tmp_path):
    """A table of another pipeline, and the words that make responses of it."""
    rows = foreign.columns(seed=4)

    def write(name="gammas.fits", **changes):
        foreign.write_fits(tmp_path / name, {**rows, **changes})
        return name, "--map", foreign.MAP, "--simulated", SIMULATED, "--no-cuts", "-o", "made"

    return write


def test_results_are_not_replaced_unless_asked_for(cli, refused, inputs, tmp_path):
    words = (inputs["gamma"], "-o", "made")
    assert cli("irf", *words, LEAN)[0] == 0
    assert "--overwrite replaces them" in refused(*words)
    assert cli("irf", *words, LEAN, "--overwrite", "--gammaness", "0.9")[0] == 0
    record = json.loads((tmp_path / "made/irf.json").read_text())
    assert record["config"]["cuts"]["gammaness"] == 0.9
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("chapter 1")
    assert "holds something else" in refused(inputs["gamma"], "-o", "mine", "--overwrite")


def test_results_stay_as_they_were_if_their_replacement_fails(cli, refused, inputs):
    assert cli("irf", inputs["gamma"], "-o", "made", LEAN)[0] == 0
    err = refused(inputs["gamma"], "-o", "made", "--overwrite", "--gammaness", "2")
    assert "no gamma passes all cuts" in err
    assert "gammaness cut 0" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--quality", "gamaness > 0.5"], "Did you mean 'gammaness'"),
        (["--quality", "gammaness >"], "not valid SQL"),
        (["--cuts", "optimize"], "Did you mean 'optimise'"),
        (["--spectrum", "CRAB_HEGRO"], "Did you mean 'CRAB_HEGRA'"),
        (["--quantities", "aeff,esdisp"], "Did you mean 'edisp'"),
        (["--energy-bins", "0,150,5"], "the first edge must be above 0"),
        (["--offset-bins", "0,3"], "expected three numbers minimum,maximum,number"),
        (["--offset-bins", "3,0,3"], "is no range"),
        (["--by", "zenit.cut([30])"], "Did you mean 'zenith'"),
        (["--by", "true_energy"], "more than 256 groups"),
        (["--obs-time", "0"], "obs_time"),
        (["--psf-fit", "gauss"], "3gauss"),
        (["--prefix", "Toi"], "Did you mean 'Toy'"),
        (["--no-cuts", "--gammaness", "0.5"], "--no-cuts excludes"),
        (["--cuts", "percentile", "--theta", "0.5"], "do not go with percentile"),
        (["--no-cuts", "--point-like"], "--point-like needs a cut in theta"),
        (["--simulated", SIMULATED], "a dataset knows its simulated showers"),
        (["--config", "missing.yaml"], "missing.yaml"),
    ],
)
def test_impossible_options_are_refused_with_what_would_be_valid(refused, inputs, words, said):
    assert said in refused(inputs["gamma"], inputs["proton"], "-o", "made", *words)


def test_a_missing_input_or_output_is_named(refused, inputs):
    assert "--output" in refused(inputs["gamma"])
    assert "GAMMAS" in refused("-o", "made")
    assert "nowhere" in refused("nowhere", "-o", "made", "--simulated", SIMULATED)
    twice = f"{inputs['gamma']},{inputs['gamma']}"
    assert "its events would count twice" in refused(twice, "-o", "made")


def test_another_particle_than_the_place_says_is_refused(refused, inputs):
    err = refused(inputs["proton"], inputs["gamma"], "-o", "made")
    assert "given as gammas, but there are showers of protons" in err


def test_cuts_cannot_be_optimised_without_background(refused, inputs):
    err = refused(inputs["gamma"], "-o", "made", "--cuts", "optimise")
    assert "need a background; give PROTONS or --cuts percentile" in err
    # protons there are, but none is left
    code = ("--quality", "true_shower_primary_id = 0")
    err = refused(inputs["gamma"], inputs["proton"], "-o", "made", *code)
    assert "no background event meets all criteria" in err


def test_a_background_of_which_nothing_passes_is_zero_with_upper_limits(cli, inputs, tmp_path):
    code, *_ = cli(
        "irf", inputs["gamma"], inputs["proton"], "-o", "made", LEAN, "--gammaness", "0.3",
        "--theta", "0.2", "--quality", "true_shower_primary_id = 0",
    )  # fmt: skip
    assert code == 0
    found = responses(tmp_path / "made")
    for quantity in ("background", "background_rate"):
        rows = rows_of(found, quantity)
        assert rows["n_events"].sum() == rows["value"].sum() == 0
        assert (rows["error"] == np.inf).all()  # no weight is known, so nothing limits it
    assert rows_of(found, "sensitivity")["value"].count() > 5
    assert (
        rows_of(found, "sensitivity")
        .filter(pl.col("value").is_not_null())["error"]
        .is_infinite()
        .all()
    )


@pytest.mark.parametrize("kind", ["same part", "same numbers"])
def test_events_that_appear_twice_are_refused(refused, inputs, tmp_path, kind):
    copy = shutil.copytree(inputs["gamma"], tmp_path / "copy")
    if kind == "same numbers":
        simulate(copy, "gamma", 1, options=("--seed", 99))
        assert "appear more than once in the 2 parts" in refused(copy, "-o", "made")
    else:
        assert "they would count twice" in refused(f"{copy},{inputs['gamma']}", "-o", "made")


def test_predictions_of_different_models_are_refused_and_listed(refused, inputs, tmp_path):
    copy = shutil.copytree(inputs["gamma"], tmp_path / "copy")
    simulate(copy, "gamma", 9)
    digests = iter(["aaaa", "bbbb"])

    def sign(rows):
        digest = {MODEL: next(digests).encode()}
        fields = [f.with_metadata(digest) if f.name == "Toy_prediction" else f for f in rows.schema]
        return pa.table(rows.columns, schema=pa.schema(fields, rows.schema.metadata))

    rewrite(copy, "dl2/subarray/model=Toy", sign)
    err = refused(copy, "-o", "made")
    assert "2 different models" in err
    assert "aaaa in 1 parts" in err
    assert "bbbb in 1 parts" in err


def test_cuts_made_with_another_model_are_refused(cli, refused, inputs, tmp_path):
    for name in ("one", "two"):
        copy = shutil.copytree(inputs["gamma"], tmp_path / name)

        def sign(rows, digest=name):
            fields = [
                f.with_metadata({MODEL: digest}) if f.name == "Toy_prediction" else f
                for f in rows.schema
            ]
            return pa.table(rows.columns, schema=pa.schema(fields, rows.schema.metadata))

        rewrite(copy, "dl2/subarray/model=Toy", sign)
    assert cli("irf", "one", "-o", "made", LEAN)[0] == 0
    assert "cuts are not for these events" in refused("two", "-o", "again", "--cuts", "made")


def test_a_background_of_another_site_or_pointing_is_refused(cli, refused, inputs, tmp_path):
    low = simulate(tmp_path / "low", "proton", 7, options=("--zenith", 50))
    err = refused(inputs["gamma"], low, "-o", "made")
    assert "the pointings of the gammas are 70 deg high, those of" in err
    assert " 40: " in err
    assert cli("irf", inputs["gamma"], low, "-o", "made", LEAN, "--no-audit")[0] == 0
    other = shutil.copytree(inputs["proton"], tmp_path / "other")

    def move(rows):
        at = rows.schema.get_field_index("prod_site_alt")
        height = pa.array([500.0] * len(rows), rows.schema.field(at).type)
        return rows.set_column(at, rows.schema.field(at), height)

    rewrite(other, "run", move)
    err = refused(inputs["gamma"], other, "-o", "again")
    assert "2150 m" in err
    assert "500 m: signal and background are of different sites" in err


def test_a_map_that_leaves_columns_out_names_all_of_them(refused, table):
    name, *words = table()
    words[1] = "true_energy=MC_ENERGY,true_alt=MC_ALTITUDE,reco_energy=ENERGI"
    err = refused(name, *words)
    for said in (
        "true_az is not in the map", "pointing_alt is not in the map",
        "pointing_az is not in the map", "MC_ALTITUDE: no such column, did you mean MC_ALT",
        "ENERGI: no such column, did you mean",
    ):  # fmt: skip
        assert said in err


def test_units_of_another_kind_are_refused_and_the_column_is_named(refused, table):
    name, *words = table()
    words[1] = foreign.MAP.replace("reco_energy=ENERGY", "reco_energy=ALT")
    err = refused(name, *words)
    assert "ALT (reco_energy)" in err
    assert "deg" in err


def test_energies_in_another_unit_without_saying_so_do_not_pass_the_audit(refused, table):
    rows = foreign.columns(seed=4)
    err = refused(*table(MC_ENERGY=rows["MC_ENERGY"] * 1e3))
    assert "energies are in another unit" in err


def test_gammas_with_a_view_cone_are_no_point_source(refused, table):
    name, *words = table()
    words[3] = SIMULATED.replace("viewcone_max=10.0", "viewcone_max=0")
    err = refused(name, *words)
    assert "state the view cone (viewcone_max=)" in err
    assert "events in several bins" in refused(name, *words, "--no-audit", "--offset-bins", "0,5,5")


def test_counts_of_showers_that_do_not_fit_need_no_audit(cli, refused, table, tmp_path):
    name, *words = table()
    words[3] = SIMULATED.replace("n_showers=400000.0", "n_showers=4e7")
    err = refused(name, *words)
    assert "are probably not those of these events" in err
    assert "--no-audit" in err
    assert cli("irf", name, *words, LEAN, "--no-audit")[0] == 0
    record = json.loads((tmp_path / "made/irf.json").read_text())
    assert record["audit"] is None
    assert record["config"]["audit"] is False
    assert any("not audited (--no-audit)" in note for note in record["notes"])


def test_showers_behind_a_table_must_be_stated(refused, table):
    name, *words = table()
    assert "--simulated" in refused(name, *words[:2], "-o", "made")
    words[3] = SIMULATED.replace("max_impact", "max_impakt")
    assert "Did you mean 'max_impact'" in refused(name, *words)
