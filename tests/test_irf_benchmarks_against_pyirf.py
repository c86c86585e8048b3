"""Cuts and benchmarks in the folder of `ctabatch irf` equal pyirf's of the same events."""

from itertools import pairwise

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from pyirf import benchmarks
from pyirf.binning import create_histogram_table
from pyirf.cut_optimization import optimize_cuts
from pyirf.sensitivity import calculate_sensitivity, estimate_background
from pyirf.spectral import CRAB_HEGRA

from tests.pyirf_chain import TIME, edges, make_case, weigh_source

RTOL = 1e-6
DEG, TEV = u.deg, u.TeV


@pytest.fixture(scope="module", params=[False, True], ids=["full-enclosure", "point-like"])
def case(request, tmp_path_factory):
    return make_case(tmp_path_factory.mktemp("case"), point_like=request.param)


def test_cuts_are_the_ones_that_pyirf_finds(case):
    signal = case.gammas.copy()
    signal["weight"] = weigh_source(signal, case.info, [0, 3] * DEG)
    efficiencies = np.arange(0.1, 0.85, 0.1)
    bins = case.cuts.energy.edges * TEV
    table, multiplicity, theta, gammaness = optimize_cuts(
        signal, case.hadrons, bins, np.arange(2, 5), efficiencies, efficiencies,
        fov_offset_max=3 * DEG, alpha=0.2, theta_min_value=0 * DEG, theta_max_value=0.5 * DEG,
        progress=False,
    )  # fmt: skip
    there = np.isfinite(table["relative_sensitivity"])
    assert np.array_equal(there, case.cuts.has_cut)
    # cells of the grid in which the same events pass are equally good: pyirf's root finder decides
    pairs = ((case.cuts.gammaness, gammaness["cut"]), (case.cuts.theta, theta["cut"].to_value(DEG)),
             (case.cuts.multiplicity, multiplicity["cut"]))  # fmt: skip
    same = np.logical_and.reduce([np.isclose(ours, cut, rtol=1e-9, atol=0) for ours, cut in pairs])
    assert same[there].sum() >= 0.7 * there.sum()
    for k in np.flatnonzero(there & ~same):
        inside = (signal["reco_energy"] >= bins[k]) & (signal["reco_energy"] < bins[k + 1])
        theirs = inside & (signal["gh_score"] >= gammaness["cut"][k])
        theirs &= signal["theta"] <= theta["cut"][k]
        theirs &= signal["multiplicity"] >= multiplicity["cut"][k]
        weights = [signal["weight"][m].sum() for m in (inside & case.gammas["in_theta"], theirs)]
        # with 10 events wanted and no background the sensitivity is that of the signal alone
        assert weights[0] == pytest.approx(weights[1], rel=1e-9)


def offset_bins(case):
    offset = case.gammas["true_source_fov_offset"]
    for j, (low, high) in enumerate(pairwise(case.offsets)):
        # the last bin of an axis holds its end; no event is there
        yield j, (offset >= low) & (offset < high), low, high


def test_energy_bias_and_resolution(case):
    names = {"energy_bias_median": "bias", "energy_resolution": "resolution"}
    (energy,) = edges(case.products["energy_resolution"], "energy")
    own = "in_theta" if case.point_like else "passes"
    for j, inside, *_ in offset_bins(case):
        events = case.gammas[inside & case.gammas[own]]
        expected = benchmarks.energy_bias_resolution(events, energy)
        mean = benchmarks.energy_bias_resolution(events, energy, bias_function=np.mean)
        for name, column in names.items():
            found = case.products[name].value[:, j]
            np.testing.assert_allclose(found, expected[column], rtol=RTOL, atol=1e-9)
        found = case.products["energy_bias_mean"].value[:, j]
        # energies are in single precision: 1e-7 of 1 is left in the sums
        np.testing.assert_allclose(found, mean["bias"], rtol=RTOL, atol=2e-7)
        assert np.isfinite(found).sum() > 10


def test_angular_resolution(case):
    (energy,) = edges(case.products["theta_68"], "energy")
    for j, inside, *_ in offset_bins(case):
        events = case.gammas[inside & case.gammas["passes"]]
        expected = benchmarks.angular_resolution(events, energy, quantile=[0.25, 0.5, 0.68, 0.95])
        for part in (25, 50, 68, 95):
            found = case.products[f"theta_{part}"]
            theirs = expected[f"angular_resolution_{part}"].to_value(DEG)
            np.testing.assert_allclose(found.value[:, j], theirs, rtol=RTOL)
            np.testing.assert_array_equal(found.n_events[:, j], expected["n_events"])
        assert np.isfinite(theirs).sum() > 10


def test_sensitivity(case):
    bins = case.cuts.energy.edges * TEV
    center = 0.5 * (bins[1:] + bins[:-1])
    theta = np.nan_to_num(case.cuts.theta) * DEG
    columns = {
        "relative_sensitivity": "relative_sensitivity", "n_signal": "n_signal_weighted",
        "n_background": "n_background_weighted", "n_signal_unweighted": "n_signal",
        "n_background_unweighted": "n_background", "significance": "significance",
    }  # fmt: skip
    known = 0
    for j, inside, low, high in offset_bins(case):
        signal = create_histogram_table(case.gammas[inside & case.gammas["in_theta"]], bins)
        background = estimate_background(
            case.hadrons[case.hadrons["passes"]], bins, QTable({"center": center, "cut": theta}),
            0.2, low, high,
        )  # fmt: skip
        table = calculate_sensitivity(signal, background, 0.2)
        relative = np.array(table["relative_sensitivity"])
        there = np.isfinite(relative)
        for name, column in columns.items():
            found, theirs = case.products[name].value[:, j], np.array(table[column])
            np.testing.assert_allclose(found[there], theirs[there], rtol=RTOL, atol=1e-9)
        found = case.products["sensitivity"].value[:, j]
        assert np.array_equal(np.isfinite(found), there)
        flux = relative * CRAB_HEGRA(center) * center**2
        theirs = flux.to_value("erg s-1 cm-2")
        np.testing.assert_allclose(found[there], theirs[there], rtol=RTOL)
        known += there.sum()
    assert known > 20


def test_background_rate(case):
    """The weighted background in a ring, scaled to the cone of the theta cut."""
    product = case.products["background_rate"]
    (energy,) = edges(product, "energy")
    theta = np.nan_to_num(case.cuts.theta) * DEG
    cuts = QTable({"center": 0.5 * (energy[1:] + energy[:-1]), "cut": theta})
    for j, _, low, high in offset_bins(case):
        rate = estimate_background(
            case.hadrons[case.hadrons["passes"]], energy, cuts, 1.0, low, high
        )["n_weighted"] / TIME.to_value(u.s)  # fmt: skip
        np.testing.assert_allclose(product.value[:, j], rate, rtol=RTOL)
        assert (rate > 0).sum() > 3
