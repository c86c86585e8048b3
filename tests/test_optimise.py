"""The optimisers of cuts, live against pyirf and ctapipe."""

import logging
import operator

import astropy.units as u
import numpy as np
import polars as pl
import pytest
from ctapipe.irf import optimize
from pyirf.binning import create_histogram_table
from pyirf.cut_optimization import optimize_cuts
from pyirf.cuts import evaluate_binned_cut
from pyirf.sensitivity import calculate_sensitivity, estimate_background

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import Axis, energy_axis
from ctabatch.irf.binned_events import bin_events
from ctabatch.irf.cut_search import Conditions
from ctabatch.irf.optimise import EFFICIENCIES, optimise_cuts, optimise_gammaness
from tests.toy_selection import ENERGY, background, pyirf_table, signal

GRID = {"multiplicities": (2, 3, 5), "gammaness_efficiencies": (0.2, 0.4, 0.6, 0.8),
        "theta_efficiencies": (0.3, 0.5, 0.7, 0.8)}  # fmt: skip
#: pyirf's solid angle, 1 - cos, is known to 1e-9 at theta cuts of 0.03 deg and its root to 2e-12.
CLOSE = {"rtol": 1e-8, "atol": 4e-12}


@pytest.fixture(autouse=True)
def _quiet():
    logging.getLogger("pyirf.sensitivity").setLevel(logging.ERROR)


def by_pyirf(gammas, hadrons):
    return optimize_cuts(
        pyirf_table(gammas), pyirf_table(hadrons), ENERGY.edges * u.TeV,
        np.array(GRID["multiplicities"]), np.array(GRID["gammaness_efficiencies"]),
        np.array(GRID["theta_efficiencies"]), fov_offset_max=5 * u.deg, alpha=0.2,
        theta_min_value=0 * u.deg, theta_max_value=0.5 * u.deg, progress=False,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_cuts_are_those_of_pyirf(dtype, seed):
    gammas, hadrons = signal(20_000, seed, dtype), background(40_000, seed + 10, dtype)
    table, multiplicity, theta, gammaness = by_pyirf(gammas, hadrons)
    found = optimise_cuts(gammas.lazy(), hadrons.lazy(), ENERGY, **GRID)
    cuts, reached = found.cuts, found.sensitivity
    there = np.isfinite(table["relative_sensitivity"])
    assert there.sum() > 10
    assert np.array_equal(cuts.has_cut, there)
    relative = table["relative_sensitivity"][there]
    np.testing.assert_allclose(reached.relative[there], relative, **CLOSE)
    # cells in which the same events pass are equally good, often where 10 signal events decide;
    # pyirf takes the one that the rounding of its sums and of its root favours
    with_ours = sensitivity_of(cuts, gammas, hadrons, (gammaness, theta, multiplicity))[there]
    tie = np.abs(with_ours - relative) <= 4e-12 + 1e-12 * relative
    np.testing.assert_allclose(with_ours, relative, **CLOSE)
    same = np.ones(ENERGY.n_bins, bool)
    for ours, theirs in {
        "gammaness": gammaness["cut"], "gammaness_efficiency": gammaness["efficiency"],
        "theta": theta["cut"].value, "theta_efficiency": theta["efficiency"],
        "multiplicity": multiplicity["cut"],
    }.items():  # fmt: skip
        same &= getattr(cuts, ours) == theirs
    assert (same[there] | tie).all()
    assert same.sum() >= 0.7 * there.sum()
    for name in ("n_signal", "n_signal_weighted", "n_background", "n_background_weighted"):
        values = getattr(reached, name)[same]
        np.testing.assert_allclose(values, table[name][same], rtol=1e-7, err_msg=name)


def sensitivity_of(cuts, gammas, hadrons, tables):
    """pyirf's relative sensitivity with our cuts."""
    gammaness, theta, multiplicity = (table.copy() for table in tables)
    gammaness["cut"] = np.where(cuts.has_cut, cuts.gammaness, 2)
    theta["cut"] = np.where(cuts.has_cut, cuts.theta, 0.1) * u.deg
    multiplicity["cut"] = cuts.multiplicity
    rays, others = pyirf_table(gammas), pyirf_table(hadrons)
    for events in (rays, others):
        passes = evaluate_binned_cut(
            events["gh_score"], events["reco_energy"], gammaness, operator.ge
        )
        events["passes"] = passes & evaluate_binned_cut(
            events["multiplicity"], events["reco_energy"], multiplicity, operator.ge
        )
    close = evaluate_binned_cut(rays["theta"], rays["reco_energy"], theta, operator.le)
    edges = ENERGY.edges * u.TeV
    counted = create_histogram_table(rays[rays["passes"] & close], edges, "reco_energy")
    off = estimate_background(others[others["passes"]], edges, theta, 0.2, 0 * u.deg, 5 * u.deg)
    return calculate_sensitivity(counted, off, alpha=0.2)["relative_sensitivity"]


#: 0.28 calls it by the name that the one of all cuts has in 0.32.
GAMMANESS_ALONE = (
    "PointSourceSensitivityGhOptimizer"
    if hasattr(optimize, "PointSourceSensitivityGhOptimizer")
    else "PointSourceSensitivityOptimizer"
)


def ctapipe_optimiser(name, **config):
    from traitlets.config import Config

    theta = {"theta_max_angle": 0.5 * u.deg, "theta_fill_value": 0.5 * u.deg}
    return getattr(optimize, name)(
        config=Config(ThetaPercentileCutCalculator=theta),
        reco_energy_min=0.015 * u.TeV, reco_energy_max=150 * u.TeV,
        reco_energy_n_bins_per_decade=5, **config,
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2])
def test_cuts_in_gammaness_alone_are_those_of_ctapipe(seed):
    # abundant events, so that ctapipe finds no gap in the valid energies
    gammas, hadrons = signal(60_000, seed), background(80_000, seed + 10)
    quality = [("all", "True")]
    theirs = ctapipe_optimiser(GAMMANESS_ALONE)(
        {"signal": pyirf_table(gammas), "background": pyirf_table(hadrons)}, quality, "Toy"
    )
    axis = Axis("energy", np.append(theirs.gh_cuts["low"], theirs.gh_cuts["high"][-1]).value, "TeV")
    found = optimise_gammaness(gammas.lazy(), hadrons.lazy(), axis)
    cuts = found.cuts
    there = cuts.has_cut
    decided = there & (np.abs(found.sensitivity.n_signal_weighted - 10) > 1e-6)
    assert decided.sum() > 8
    assert np.array_equal(cuts.gammaness[decided], theirs.gh_cuts["cut"][decided])
    assert np.array_equal(cuts.theta[decided], theirs.spatial_selection_table["cut"].value[decided])
    valid = [theirs.valid_energy.min.to_value(u.TeV), theirs.valid_energy.max.to_value(u.TeV)]
    assert cuts.valid_energy == pytest.approx(valid, rel=1e-14)


def test_a_gap_in_the_valid_energies_is_reported_and_nothing_passes_there():
    gammas, hadrons = signal(), background()
    low, high = ENERGY.edges[5], ENERGY.edges[6]
    outside = (pl.col("reco_energy") < low) | (pl.col("reco_energy") >= high)
    found = optimise_cuts(gammas.filter(outside).lazy(), hadrons.lazy(), ENERGY, **GRID)
    assert not found.cuts.has_cut[5]
    assert found.cuts.has_cut[[4, 6]].all()
    assert f"nothing passes: {low:.4g} to {high:.4g} TeV" in found.problems[0]
    assert "valid from 0.015 to" in found.problems[1]
    passed = found.cuts.apply(gammas.lazy()).filter("passes_gammaness").collect()["reco_energy"]
    assert not passed.is_between(low, high, closed="left").any()
    assert passed.max() < found.cuts.valid_energy[1]
    assert passed.max() < 150  # there are bins above without cuts


def test_bins_whose_cuts_no_background_passes_are_named_and_can_be_refused():
    gammas, hadrons = signal(), background(400)
    found = optimise_cuts(gammas.lazy(), hadrons.lazy(), ENERGY, **GRID)
    assert any("no background event passes" in problem for problem in found.problems)
    strict = optimise_cuts(
        gammas.lazy(),
        hadrons.lazy(),
        ENERGY,
        **GRID,
        conditions=Conditions(min_background_events=5),
    )
    assert strict.cuts.has_cut.sum() < found.cuts.has_cut.sum()
    assert not any("no background event passes" in problem for problem in strict.problems)


@pytest.mark.parametrize("optimise", [optimise_cuts, optimise_gammaness])
def test_without_events_the_message_says_what_is_missing(optimise):
    gammas, hadrons = signal(3000).lazy(), background(3000).lazy()
    with pytest.raises(InputError, match=r"no background event .* Percentile cuts need none"):
        optimise(gammas, hadrons.filter(pl.col("reco_offset") > 5), ENERGY)
    with pytest.raises(InputError, match="no signal event"):
        optimise(gammas, hadrons, energy_axis(1e5, 1e6, 5))
    with pytest.raises(InputError, match="in no energy bin can a source be detected"):
        optimise(gammas.with_columns(weight=0.0), hadrons, ENERGY)
    weights = pl.when(pl.int_range(pl.len()) == 7).then(float("nan")).otherwise(1.0)
    with pytest.raises(InputError, match="signal: 1 of 3000 weights"):
        optimise(gammas.with_columns(weight=weights), hadrons, ENERGY)
    with pytest.raises(OptionError, match="column of the background: 'reco_offset'"):
        optimise(gammas, hadrons.drop("reco_offset"), ENERGY)
    with pytest.raises(OptionError, match="must increase"):
        optimise(gammas, hadrons, ENERGY, gammaness_efficiencies=[0.5, 0.2])


def test_events_without_multiplicity_are_optimised_without_it():
    gammas, hadrons = (f.drop("multiplicity").lazy() for f in (signal(), background()))
    found = optimise_cuts(gammas, hadrons, ENERGY, multiplicities=None)
    assert found.cuts.multiplicity is None
    assert found.cuts.has_cut.sum() > 8


def test_quality_and_validity_come_first():
    gammas, hadrons = signal(), background()
    poor = gammas.with_columns(gammaness=1.0, width=9.0, is_valid=True)
    invalid = gammas.with_columns(gammaness=1.0, width=0.5, is_valid=False)
    good = gammas.with_columns(width=0.5, is_valid=True)
    more = pl.concat([poor, good, invalid]).lazy()
    hadrons = hadrons.with_columns(width=0.5, is_valid=True).lazy()
    quality = {"narrow": "width < 1"}
    expected = optimise_cuts(good.lazy(), hadrons, ENERGY, **GRID)
    found = optimise_cuts(more, hadrons, ENERGY, **GRID, quality=quality)
    np.testing.assert_array_equal(found.cuts.gammaness, expected.cuts.gammaness)
    assert found.cuts.quality == quality


def test_a_sample_stands_for_all_events():
    gammas, hadrons = signal(60_000).lazy(), background(60_000).lazy()
    sample = optimise_cuts(gammas, hadrons, ENERGY, **GRID, max_rows=30_000)
    again = optimise_cuts(gammas, hadrons, ENERGY, **GRID, max_rows=30_000)
    np.testing.assert_array_equal(sample.cuts.gammaness, again.cuts.gammaness)
    binned = [bin_events(gammas, ENERGY, ["weight"], max_rows=n) for n in (None, 30_000)]
    assert binned[1].n_events / binned[0].n_events == pytest.approx(0.5, abs=0.02)
    assert binned[1]["weight"].sum() / binned[0]["weight"].sum() == pytest.approx(1, abs=0.02)


def test_the_default_efficiencies_are_those_of_ctapipe():
    assert np.array_equal(EFFICIENCIES, np.arange(0.1, 0.8 + 0.1 / 2, 0.1))
