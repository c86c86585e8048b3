"""Cut tables: applying, counting, refusing; percentile cuts live against ctapipe."""

import operator
import warnings

import astropy.units as u
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyirf.cuts import calculate_percentile_cut, evaluate_binned_cut

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import Axis, energy_axis
from ctabatch.irf.binned_events import bin_events
from ctabatch.irf.cuts import CutTable, fixed_cuts
from ctabatch.irf.percentile_cuts import binned_percentiles, percentile_cuts, smoothed
from tests.test_optimise import ctapipe_optimiser
from tests.toy_selection import ENERGY, background, pyirf_table, signal

AXIS = Axis("energy", np.array([1.0, 2.0, 4.0, 8.0]), "TeV")


def table(**more):
    columns = {"theta": [0.1, 0.2, 0.3], "multiplicity": [2, 3, 4], **more}
    return CutTable(AXIS, np.array([0.5, np.nan, 0.7]), **columns)


numbers = st.none() | st.sampled_from(
    [0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 8.0, 9.0, float("nan")]
)


@given(
    rows=st.lists(st.tuples(numbers, numbers, numbers, st.none() | st.integers(0, 5)), max_size=30),
    dtype=st.sampled_from([pl.Float32, pl.Float64]),
)
def test_each_event_is_decided_as_by_hand(rows, dtype):
    names = ["reco_energy", "gammaness", "theta", "multiplicity"]
    schema = dict.fromkeys(names[:3], dtype) | {"multiplicity": pl.Int32}
    events = pl.DataFrame(rows, schema=schema, orient="row")
    cuts = table(valid_energy=(1.25, 8.0))
    found = cuts.apply(events.lazy()).collect(engine="streaming")
    assert found.columns == [*names, "passes_gammaness", "passes_theta"]
    for row in found.iter_rows(named=True):
        energy = row["reco_energy"]
        bin_ = next((k for k in range(3) if _within(energy, AXIS.lo[k], AXIS.hi[k])), None)
        theta = bin_ is not None and _compare(operator.le, row["theta"], cuts.theta[bin_], dtype)
        rest = (
            bin_ is not None
            and energy >= 1.25
            and _compare(operator.ge, row["gammaness"], cuts.gammaness[bin_], dtype)
            and _compare(operator.ge, row["multiplicity"], cuts.multiplicity[bin_])
        )
        assert (row["passes_gammaness"], row["passes_theta"]) == (rest, theta)


def _within(value, low, high):
    return value is not None and low <= value < high


def _compare(op, value, cut, _dtype=None):
    return value is not None and bool(op(float(value), cut))


def test_the_decision_is_that_of_pyirf():
    events = signal(5000)
    cuts = percentile_cuts(events.lazy(), energy_axis(0.02, 20, 4))
    axis = cuts.energy
    found = cuts.apply(events.lazy()).collect()
    theirs = pyirf_table(events)
    for name, column, op in (
        ("gammaness", "gh_score", operator.ge),
        ("theta", "theta", operator.le),
    ):
        values = getattr(cuts, name) * (u.deg if name == "theta" else u.one)
        cut = calculate_percentile_cut(
            theirs[column], theirs["reco_energy"], axis.edges * u.TeV, values[0]
        )
        cut["cut"] = values
        expected = evaluate_binned_cut(theirs[column], theirs["reco_energy"], cut, op)
        assert np.array_equal(found[f"passes_{name}"].to_numpy(), expected)


def test_quality_and_validity_count_as_cuts_before_theta():
    events = pl.LazyFrame(
        {
            "reco_energy": [1.5] * 5,
            "gammaness": [0.9, 0.9, 0.9, 0.9, 0.1],
            "theta": [0.05, 0.05, 0.05, 0.5, 0.05],
            "multiplicity": [5] * 5,
            "width": [0.5, 3.0, None, 0.5, 0.5],
            "is_valid": [True, True, True, True, True],
            "weight": [1.0, 2.0, 4.0, 8.0, 16.0],
        }
    )
    cuts = table(quality={"narrow": "width < 1"})
    found = cuts.apply(events).collect()
    assert found["passes_gammaness"].to_list() == [True, False, False, True, False]
    assert found["passes_theta"].to_list() == [True, True, True, False, True]
    invalid = events.with_columns(is_valid=pl.Series([False, True, True, None, True]))
    assert not cuts.apply(invalid).collect()["passes_gammaness"].any()
    flow = cuts.cut_flow(events)
    assert flow["criterion"].to_list() == [
        "all", "is_valid", "narrow", "energy range", "multiplicity cut", "gammaness cut",
        "theta cut",
    ]  # fmt: skip
    assert flow["n_events"].to_list() == [5, 5, 3, 3, 3, 2, 1]
    assert flow["weighted"].to_list() == [31.0, 31.0, 25.0, 25.0, 25.0, 9.0, 1.0]


def test_the_last_of_the_cut_flow_is_what_passes():
    events = background(20_000).with_columns(theta=pl.col("reco_offset") / 10).lazy()
    cuts = percentile_cuts(signal().lazy(), ENERGY, multiplicity=3)
    passed = cuts.apply(events).filter("passes_gammaness", "passes_theta").collect()
    flow = cuts.cut_flow(events)
    assert flow["n_events"][-1] == passed.height > 50
    assert flow["weighted"][-1] == pytest.approx(passed["weight"].sum(), rel=1e-12)
    assert "weighted" not in cuts.cut_flow(events.drop("weight")).columns


def test_without_a_theta_cut_all_events_pass_it_and_the_column_is_not_read():
    events = background(100).lazy().drop("multiplicity")
    found = fixed_cuts(ENERGY, 0.5).apply(events).collect()
    assert found["passes_theta"].all()
    inside = found["reco_energy"].is_between(*ENERGY.edges[[0, -1]], closed="left")
    assert found["passes_gammaness"].equals((found["gammaness"] >= 0.5) & inside)


def test_fixed_cuts_of_nothing_let_everything_in_the_energy_range_pass():
    found = fixed_cuts(AXIS).apply(
        pl.LazyFrame({"reco_energy": [0.9, 1.0, 7.9, 8.0], "gammaness": [0.0, 0.0, 1.0, 1.0]})
    )
    assert found.collect()["passes_gammaness"].to_list() == [False, True, True, False]


def test_a_missing_column_is_named():
    with pytest.raises(OptionError, match=r"cuts read: 'theta'.*reco_energy"):
        table().apply(pl.LazyFrame({"reco_energy": [1.0], "gammaness": [1.0], "multiplicity": [2]}))
    with pytest.raises(OptionError, match="unknown column in 'narrow'"):
        fixed_cuts(AXIS, 0.5, quality={"narrow": "widht < 1"}).apply(signal(10).lazy())


def test_impossible_tables_are_refused():
    with pytest.raises(InputError, match="theta: shape"):
        table(theta=[0.1, 0.2])
    with pytest.raises(InputError, match="valid energies"):
        table(valid_energy=(9.0, 12.0))
    with pytest.raises(InputError, match="valid energies"):
        table(valid_energy=(np.nan, 4.0))
    with pytest.raises(OptionError, match="not valid SQL"):
        table(quality={"x": "width <"})


def test_cuts_of_other_models_are_refused():
    cuts = table(models={"prefix": "A", "digest": "111"})
    cuts.check_models({"prefix": "A", "digest": "111"})
    cuts.check_models({})
    cuts.check_models({"prefix": "A"})
    with pytest.raises(InputError, match="digest 111, but the events have that of digest 222"):
        cuts.check_models({"prefix": "A", "digest": "222"})
    with pytest.raises(InputError, match="prefix"):
        cuts.check_models({"prefix": "B"})


def test_problems_name_the_bins_without_cut():
    assert table().problems() == [
        "no cut within the valid energies, so that nothing passes: 2 to 4 TeV"
    ]
    assert fixed_cuts(AXIS, 0.5).problems() == []


def test_percentile_cuts_are_those_of_ctapipe():
    gammas = signal(30_000)
    theirs = ctapipe_optimiser("PercentileCuts")(
        {"signal": pyirf_table(gammas)}, [("all", "True")], "Toy"
    )
    axis = Axis("energy", np.append(theirs.gh_cuts["low"], theirs.gh_cuts["high"][-1]).value, "TeV")
    found = percentile_cuts(gammas.lazy(), axis)
    assert np.array_equal(found.n_events, theirs.gh_cuts["n_events"])
    assert np.array_equal(found.gammaness, theirs.gh_cuts["cut"])
    assert np.array_equal(found.theta, theirs.spatial_selection_table["cut"].value)
    assert found.n_events.min() < 10  # the values of bins with few events are compared too


@given(
    seed=st.integers(0, 2**32 - 1),
    dtype=st.sampled_from([np.float32, np.float64]),
    smoothing=st.sampled_from([None, 0.5, 1.0, 2.0]),
)
def test_percentiles_of_any_events_are_those_of_pyirf(seed, dtype, smoothing):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 200))
    events = pl.DataFrame(
        {
            "reco_energy": rng.choice([0.5, 1.0, 1.7, 2.0, 3.3, 7.9, 8.0, 20.0], n).astype(dtype),
            "gammaness": rng.choice(np.append(np.linspace(0, 1, 7), rng.random(3)), n).astype(
                dtype
            ),
        }
    )
    fractions = np.sort(rng.uniform(0, 100, 3))
    theirs = calculate_percentile_cut(
        events["gammaness"].to_numpy(), events["reco_energy"].to_numpy(), AXIS.edges, 0.25,
        percentile=fractions, min_value=0.1, max_value=0.8, min_events=4,
    )  # fmt: skip
    binned = bin_events(events.lazy(), AXIS, ["gammaness"])
    ours, counts = binned_percentiles(
        binned, "gammaness", fractions, fill=0.25, limits=(0.1, 0.8), min_events=4
    )
    assert np.array_equal(ours, theirs["cut"])
    assert np.array_equal(counts, theirs["n_events"])
    single = calculate_percentile_cut(
        events["gammaness"].to_numpy(), events["reco_energy"].to_numpy(), AXIS.edges, 0.25,
        percentile=fractions[0], min_events=4, smoothing=smoothing,
    )  # fmt: skip
    ours, _ = binned_percentiles(binned, "gammaness", fractions[0], fill=0.25, min_events=4)
    # scipy smooths in the type of the values; float32 has 7 digits
    np.testing.assert_allclose(smoothed(ours, smoothing), single["cut"], rtol=3e-7)


def test_percentile_cuts_keep_what_they_say():
    gammas = signal(100_000)
    cuts = percentile_cuts(gammas.lazy(), ENERGY, gammaness_efficiency=0.8, theta_efficiency=0.6)
    flow = cuts.cut_flow(gammas.lazy())["n_events"]
    # but for bins with few events, and what lies between two events
    assert flow[-2] / flow[-3] == pytest.approx(0.8, abs=0.002)
    assert flow[-1] / flow[-2] == pytest.approx(0.6, abs=0.002)
    with_theta = percentile_cuts(gammas.drop("theta").lazy(), ENERGY, theta_efficiency=None)
    assert with_theta.theta is None


def test_percentile_cuts_of_no_events_are_refused():
    gammas = signal(100).lazy()
    with pytest.raises(InputError, match="no signal event"):
        percentile_cuts(gammas, energy_axis(1e5, 1e6, 5))
    with pytest.raises(InputError, match="no signal event"):
        percentile_cuts(gammas, ENERGY, multiplicity=1000)
    with pytest.raises(OptionError, match="at most 1"):
        percentile_cuts(gammas, ENERGY, gammaness_efficiency=1.5)


def test_events_without_a_value_do_not_count():
    gammas = signal(2000)
    strange = gammas.with_columns(gammaness=pl.lit(None, pl.Float64))
    nan = gammas.with_columns(gammaness=float("nan"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = percentile_cuts(pl.concat([gammas, strange, nan]).lazy(), ENERGY)
    expected = percentile_cuts(gammas.lazy(), ENERGY)
    assert np.array_equal(found.gammaness, expected.gammaness)
    assert np.array_equal(found.n_events, expected.n_events)
