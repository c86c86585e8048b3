"""The audit of numbers of simulated showers."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

import ctabatch
from ctabatch.cli.main import run
from ctabatch.errors import InputError
from ctabatch.irf.audit import audit
from ctabatch.irf.events import dataset_events
from ctabatch.irf.foreign import foreign_events
from ctabatch.irf.simulated import parse_simulated
from ctabatch.irf.simulated_runs import combined, showers_of_runs
from tests.foreign_tables import MAP, SHOWERS, columns, write_fits
from tests.toy_observations import gammas


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Gammas with a histogram of showers that covers 100 times more than the rows."""
    path = tmp_path_factory.mktemp("audit") / "gammas.fits"
    return write_fits(path, columns(), factor=100)


@pytest.fixture(scope="module")
def events(table):
    return foreign_events(table, MAP)


def test_the_right_number_of_showers_passes(events):
    found = audit(SHOWERS, events, source="gammas")
    assert found.n_events == events.collect().height
    assert not found.notes
    # at high energies half of the showers close to the pointing are seen; few events there
    assert 0.3 < found.fraction < 1.2
    assert found.largest_area == pytest.approx(found.fraction * SHOWERS.area)
    assert found.record()["n_showers"] == SHOWERS.n_showers


def test_a_histogram_of_100_times_more_showers_is_refused(events, table):
    showers = parse_simulated(f"table={table}[SIMULATED EVENTS],max_impact=1900,index=-2,"
                              "viewcone_max=10")  # fmt: skip
    with pytest.raises(InputError) as caught:
        audit(showers, events, source="gammas")
    text = str(caught.value)
    assert text.startswith("gammas: the largest effective area above 1 TeV")
    assert "4e+07 simulated showers are probably not those" in text
    assert "--no-audit" in text
    assert audit(showers, events, plausible=False).fraction < 0.015


def test_other_toys_and_instruments_pass():
    frame, showers = gammas(100_000)
    found = audit(parse_simulated(
        f"n_showers={showers.n_showers},energy_min=0.02,energy_max=200,index=-2,"
        f"max_impact={showers.max_impact},viewcone_max={showers.viewcone_max}"
    ), frame)  # fmt: skip
    assert found.fraction > 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_showers": 4e3}, r"events from .* TeV come from only .* showers"),
        (
            {"energy_min": 1.0},
            r"true energies reach from .* simulated from 1 to 330",
        ),
        ({"energy_max": 10.0}, r"simulated from 0.003 to 10 TeV"),
        ({"spectral_index": -3.5}, r"their index or energies are not"),
        ({"viewcone_max": 5.0}, r"simulated from 0 to 5 deg: the view cone is not theirs"),
        ({"viewcone_min": 4.0}, r"simulated from 4 to 10 deg"),
        ({"viewcone_max": 0.0}, r"stated to come from one point: state the view cone"),
    ],
)
def test_showers_of_another_simulation_are_refused(events, change, message):
    with pytest.raises(InputError, match=message):
        audit(replace(SHOWERS, **change), events)


def test_energies_in_gev_are_refused(events):
    with pytest.raises(InputError, match="or the energies are in another unit"):
        audit(SHOWERS, events.with_columns(pl.col("true_energy") * 1000))


def test_gammas_of_one_point_with_a_view_cone_are_refused(events):
    point = events.with_columns(true_alt=pl.lit(71.0), true_az=pl.lit(0.0))
    with pytest.raises(InputError, match="they come from one point, but a view cone up to 10 deg"):
        audit(SHOWERS, point)
    assert audit(replace(SHOWERS, viewcone_max=0.0), point).n_events


def test_cores_outside_the_disc_are_refused(events):
    x = pl.lit(1900 / np.sin(np.radians(70)))
    ground = events.with_columns(true_core_x=x, true_core_y=pl.lit(0.0))
    with pytest.raises(InputError, match="simulated within 1000 m"):
        audit(replace(SHOWERS, max_impact=1000.0, n_showers=4e5), ground)
    assert audit(SHOWERS, ground.with_columns(pl.col("true_core_x") * 0.95)).n_events


def test_missing_truth_empty_tables_and_repeated_events_are_refused(events):
    with pytest.raises(InputError, match="have no true energy"):
        audit(SHOWERS, events.with_columns(true_energy=pl.lit(None, pl.Float64)))
    with pytest.raises(InputError, match="have no true direction"):
        audit(SHOWERS, events.with_columns(true_alt=pl.lit(float("nan"))))
    with pytest.raises(InputError, match="no events"):
        audit(SHOWERS, events.head(0))
    with pytest.raises(InputError, match="appear more than once"):
        audit(SHOWERS, pl.concat([events, events]))


def test_few_events_cannot_be_judged_and_this_is_told(events):
    found = audit(SHOWERS, events.filter(pl.col("true_energy") < 1.0))
    assert found.fraction is None
    assert "too few events above 1 TeV" in found.notes[0]


def test_only_some_directions_of_many_events_are_looked_at(events, monkeypatch):
    whole = audit(SHOWERS, events)
    monkeypatch.setattr("ctabatch.irf.audit._DIRECTIONS", 200)
    some = audit(SHOWERS, events)
    assert some.n_events == whole.n_events
    # the best region of ten events in the sample is one in which they are many by chance
    assert whole.fraction / 2 < some.fraction < 4 * whole.fraction


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs") / "dl2"
    for obs_id in (3, 4):
        with pytest.raises(SystemExit):
            run(["simulate", str(root), "--level", "dl2", "--showers", "4000", "--obs-id",
                 str(obs_id), "--seed", str(obs_id), "--viewcone", "2"])  # fmt: skip
    return ctabatch.Dataset(root)


def test_runs_of_a_dataset_pass(dataset):
    runs = showers_of_runs(dataset)
    found = audit(combined(runs), dataset_events(dataset), runs)
    assert found.n_showers == 8000
    assert found.fraction > 0.1


def test_runs_and_events_that_do_not_belong_together_are_refused(dataset):
    runs, events = showers_of_runs(dataset), dataset_events(dataset)
    with pytest.raises(InputError, match="events of runs that the table of runs lacks: 4"):
        audit(combined(runs), events, runs.head(1))
    with pytest.raises(InputError, match=r"1 of 2 runs have no events.*: 3"):
        audit(combined(runs), events.filter(pl.col("obs_id") == 4), runs)
    wrong = runs.with_columns(n_histogram=pl.Series([4000.0, 2000.0]))
    with pytest.raises(InputError, match=r"in 1 runs .*run 4: 4000 and 2000"):
        audit(combined(runs), events, wrong)
