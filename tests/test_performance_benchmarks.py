"""Benchmarks of a selection agree with pyirf's on the same events, bin by bin."""

from dataclasses import dataclass, replace

import astropy.units as u
import numpy as np
import polars as pl
import pyarrow.compute as pc
import pytest
from astropy.table import QTable
from pyirf.benchmarks import angular_resolution, energy_bias_resolution
from pyirf.binning import create_histogram_table
from pyirf.sensitivity import calculate_sensitivity, estimate_background

from ctabatch.errors import OptionError
from ctabatch.irf import performance
from ctabatch.irf.axes import Axis, energy_axis, linear_axis
from ctabatch.irf.fill import fill
from ctabatch.irf.histograms import Histogram, IrfAxes
from ctabatch.irf.long_table import long_table, products_of
from ctabatch.irf.products import NO_EVENTS, effective_area
from ctabatch.irf.sensitivity import ERG_PER_TEV
from tests.test_irf_fill import AXES, events
from tests.test_irf_products import HOURS, qtable, showers

#: What the quantities must agree to; what remains is the order of sums.
RTOL = 1e-6
ENERGY, OFFSET = AXES.true_energy, AXES.offset


@dataclass(frozen=True)
class PowerLaw:
    def flux(self, energy):
        return 2.83e-11 * energy**-2.62


@pytest.fixture(scope="module")
def gammas():
    return events()


def reference(events, function, **options):
    """pyirf's table of each offset bin, stacked: column -> (n_energy, n_offset)."""
    bins = ENERGY.edges * u.TeV
    if options.get("energy_type") == "reco":
        bins = AXES.reco_energy.edges * u.TeV
    tables = []
    for low, high in zip(OFFSET.lo, OFFSET.hi, strict=True):
        own = events.filter(pl.col("true_offset") >= low, pl.col("true_offset") < high)
        tables.append(function(qtable(own), bins, **options))
    return {
        name: np.stack([u.Quantity(t[name]).value for t in tables], axis=1)
        for name in tables[0].colnames
    }


def by_quantity(products):
    return {product.quantity: product for product in products}


def assert_same(product, expected, n_events):
    np.testing.assert_array_equal(product.n_events, n_events)
    np.testing.assert_array_equal(np.isnan(product.value), np.isnan(expected))
    assert np.isfinite(expected).sum() > 20
    # a bias may be 0 up to rounding of reconstructed / true energy
    np.testing.assert_allclose(product.value, expected, rtol=RTOL, atol=1e-13)
    assert np.isfinite(product.error[n_events > 1]).all()
    assert np.isnan(product.error[n_events < 2]).all()


@pytest.mark.parametrize("kind", ["true", "reco"])
def test_energy_bias_and_resolution_are_those_of_pyirf(gammas, kind):
    energy = ENERGY if kind == "true" else AXES.reco_energy
    found = by_quantity(performance.resolutions(gammas.lazy(), energy, OFFSET, by_energy=kind))
    end = "_reco" if kind == "reco" else ""
    median = reference(gammas, energy_bias_resolution, energy_type=kind)
    mean = reference(gammas, energy_bias_resolution, energy_type=kind, bias_function=np.mean)
    n = median["n_events"]
    assert_same(found[f"energy_bias_median{end}"], median["bias"], n)
    assert_same(found[f"energy_bias_mean{end}"], mean["bias"], n)
    assert_same(found[f"energy_resolution{end}"], median["resolution"], n)


@pytest.mark.parametrize("kind", ["true", "reco"])
def test_angular_resolution_is_that_of_pyirf(gammas, kind):
    energy = ENERGY if kind == "true" else AXES.reco_energy
    found = by_quantity(performance.resolutions(gammas.lazy(), energy, OFFSET, by_energy=kind))
    end = "_reco" if kind == "reco" else ""
    quantile = [0.25, 0.5, 0.68, 0.95]
    expected = reference(gammas, angular_resolution, energy_type=kind, quantile=quantile)
    for q in (25, 50, 68, 95):
        product = found[f"theta_{q}{end}"]
        assert product.unit == "deg"
        assert_same(product, expected[f"angular_resolution_{q}"], expected["n_events"])


def test_the_theta_cut_applies_to_the_energy_and_not_to_the_direction(gammas):
    cuts = {"gammaness": "passes_gammaness", "theta": "passes_theta"}
    found = by_quantity(performance.resolutions(gammas.lazy(), ENERGY, **cuts))
    after = gammas.filter("passes_gammaness")
    n = found["theta_68"].n_events
    assert found["theta_68"].axes == (ENERGY,)
    assert n.sum() == after.filter(pl.col("true_energy").is_between(0.02, 200)).height
    assert found["energy_resolution"].n_events.sum() < n.sum()
    expected = angular_resolution(qtable(after), ENERGY.edges * u.TeV, quantile=0.68)
    np.testing.assert_allclose(
        found["theta_68"].value, expected["angular_resolution_68"].value, rtol=RTOL
    )


def test_errors_of_the_resolution_are_the_spread_of_repeated_measurements():
    rng = np.random.default_rng(8)
    n, repeats = 400, 150
    axis = linear_axis("offset", 0, repeats, repeats)
    frame = pl.LazyFrame({
        "true_energy": np.ones(n * repeats),
        "reco_energy": np.exp(rng.normal(0.05, 0.2, n * repeats)),
        "true_offset": np.repeat(np.arange(repeats) + 0.5, n),
    })  # fmt: skip
    found = performance.resolutions(frame, energy_axis(0.5, 2, 1), axis, containments=())
    assert len(found) == 3
    for product in found:
        # 150 repetitions know their spread to 6 %
        spread = product.value.std()
        assert product.error.mean() == pytest.approx(spread, rel=0.15)


def test_options_of_resolutions_are_checked(gammas):
    with pytest.raises(OptionError, match="reco"):
        performance.resolutions(gammas.lazy(), ENERGY, by_energy="rec")
    with pytest.raises(OptionError, match="between 0 and 100"):
        performance.resolutions(gammas.lazy(), ENERGY, containments=(0.68, 100))


RECO = energy_axis(0.02, 20, 5)
THETA = np.linspace(0.3, 0.1, RECO.n_bins)
SMALL = IrfAxes(ENERGY, RECO, OFFSET, AXES.migra, AXES.rad)


@pytest.fixture(scope="module")
def filled():
    """Signal and background: weights as after 50 h; none of the background at high energies."""
    gammas = events(30_000, seed=11).with_columns(pl.col("weight") * 0.5)
    protons = events(20_000, seed=12).with_columns(pl.col("weight") * 900)
    protons = protons.filter(pl.col("reco_energy") < 3)
    signal = fill(gammas.lazy(), SMALL, ["signal"], gammaness="passes_gammaness",
                  theta="passes_theta", weight="weight")  # fmt: skip
    background = fill(protons.lazy(), SMALL, ["background"], gammaness="passes_gammaness",
                      weight="weight")  # fmt: skip
    return (
        gammas.filter("passes_gammaness", "passes_theta"),
        protons.filter("passes_gammaness"),
        signal.histograms["", "signal"],
        background.histograms["", "background"],
    )


def pyirf_sensitivity(gammas, protons, j):
    bins = RECO.edges * u.TeV
    low, high = OFFSET.edges[j], OFFSET.edges[j + 1]
    own = gammas.filter(pl.col("true_offset") >= low, pl.col("true_offset") < high)
    cuts = QTable({"center": 0.5 * (bins[1:] + bins[:-1]), "cut": THETA * u.deg})
    background = estimate_background(qtable(protons), bins, cuts, 0.2, low * u.deg, high * u.deg)
    return calculate_sensitivity(create_histogram_table(qtable(own), bins), background, 0.2)


def test_sensitivity_is_that_of_pyirf(filled):
    gammas, protons, signal, background = filled
    found = by_quantity(performance.point_source_sensitivity(signal, background, THETA, PowerLaw()))
    center = 0.5 * (RECO.lo + RECO.hi)
    flux = PowerLaw().flux(center)
    for j in range(OFFSET.n_bins):
        table = pyirf_sensitivity(gammas, protons, j)
        relative = np.array(table["relative_sensitivity"])
        relative[np.isinf(relative)] = np.nan
        assert np.isfinite(relative).sum() > 10
        detected = np.where(np.isnan(relative), np.nan, table["n_signal_weighted"])
        simulated = np.where(np.isnan(relative), np.nan, table["n_signal"])
        significance = np.where(np.isnan(relative), np.nan, table["significance"])
        for quantity, expected in {
            "relative_sensitivity": relative,
            "flux_sensitivity": relative * flux,
            "sensitivity": (relative * flux * center**2 * u.TeV).to_value(u.erg),
            "n_signal": detected,
            "n_signal_unweighted": simulated,
            "n_background": table["n_background_weighted"],
            "n_background_unweighted": table["n_background"],
            "significance": significance,
        }.items():
            np.testing.assert_allclose(
                found[quantity].value[:, j], np.array(expected), rtol=RTOL, err_msg=quantity
            )
    assert pytest.approx((1 * u.TeV).to_value(u.erg), rel=1e-9) == ERG_PER_TEV


def test_without_background_events_the_error_is_what_the_limit_makes_of_it(filled):
    _, _, signal, background = filled
    found = by_quantity(performance.point_source_sensitivity(signal, background, THETA, PowerLaw()))
    none = (found["n_background"].n_events == 0) & np.isfinite(found["sensitivity"].value)
    assert none.sum() > 5
    assert (found["n_background"].value[none] == 0).all()
    assert (found["n_background"].error[none] > 0).all()
    assert np.isfinite(found["sensitivity"].error[none]).all()
    # nothing at all: nothing limits the background
    empty = replace(background, counts=background.counts * 0, sums=background.sums * 0,
                    squares=background.squares * 0)  # fmt: skip
    found = by_quantity(performance.point_source_sensitivity(signal, empty, THETA, PowerLaw()))
    known = np.isfinite(found["sensitivity"].value)
    assert known.any()
    assert np.isinf(found["sensitivity"].error[known]).all()
    long_table(found.values())  # may be stored


def test_errors_of_the_sensitivity_are_the_spread_of_repeated_simulations():
    rng, repeats = np.random.default_rng(21), 500
    # rings of one solid angle, each a repetition
    rings = Axis("offset", np.degrees(np.arccos(np.linspace(1, np.cos(0.05), repeats + 1))))
    histograms = []
    for quantity, mean, weight in (("signal", 300, 0.5), ("background", 200, 40.0)):
        counts = np.zeros((4, repeats + 2), np.int64)
        counts[1:-1, 1:-1] = rng.poisson(mean, (2, repeats))
        axes = (energy_axis(0.1, 10, 1), rings)
        histograms.append(
            Histogram(quantity, axes, counts, counts * weight, counts * weight**2)
        )  # fmt: skip
    made = performance.point_source_sensitivity(*histograms, [0.01, 0.1], PowerLaw())
    for product in made[:3]:
        # 500 repetitions know their spread to 3 %
        spread = product.value.std(axis=1)
        np.testing.assert_allclose(product.error.mean(axis=1), spread, rtol=0.1)


def test_one_ring_of_background_may_stand_for_all_offsets(filled):
    _, protons, signal, _ = filled
    ring = linear_axis("offset", 0, 5, 1)
    whole = fill(protons.lazy(), replace(SMALL, background_offset=ring), ["background"],
                 weight="weight").histograms["", "background"]  # fmt: skip
    found = performance.point_source_sensitivity(signal, whole, THETA, PowerLaw())
    assert found[0].value.shape == (RECO.n_bins, OFFSET.n_bins)
    n = by_quantity(found)["n_background"].value
    assert (n == n[:, :1]).all()
    other = replace(whole, axes=(AXES.reco_energy, ring))
    with pytest.raises(OptionError, match="different bins of energy"):
        performance.point_source_sensitivity(signal, other, THETA, PowerLaw())
    three = replace(whole, axes=(RECO, linear_axis("offset", 0, 5, 3)))
    with pytest.raises(OptionError, match="different bins of offset"):
        performance.point_source_sensitivity(signal, three, THETA, PowerLaw())


def test_background_rate_is_what_pyirf_expects_in_the_cone(filled):
    _, protons, _, background = filled
    rate = performance.background_rate(background, THETA, HOURS)
    bins = RECO.edges * u.TeV
    cuts = QTable({"center": 0.5 * (bins[1:] + bins[:-1]), "cut": THETA * u.deg})
    for j in range(OFFSET.n_bins):
        low, high = OFFSET.edges[[j, j + 1]] * u.deg
        expected = estimate_background(qtable(protons), bins, cuts, 0.2, low, high)
        np.testing.assert_allclose(
            rate.value[:, j], np.array(expected["n_weighted"]) * 0.2 / HOURS, rtol=RTOL
        )
    assert rate.unit == "s-1"
    empty = rate.n_events == 0
    assert empty.any()
    assert (rate.error[empty] > 0).all()
    assert pytest.approx(1.841, abs=1e-3) == NO_EVENTS
    with pytest.raises(OptionError, match="observation time"):
        performance.background_rate(background, THETA, 0.0)
    with pytest.raises(OptionError, match=f"expected {RECO.n_bins} numbers"):
        performance.background_rate(background, THETA[:3], HOURS)


def test_theta_cuts_between_their_bins_are_linear():
    wide, narrow = linear_axis("x", 0, 4, 2), linear_axis("x", 0, 4, 4)
    found = performance.theta_cut_at(wide, [0.1, 0.3], narrow)
    np.testing.assert_allclose(found, [0.1, 0.15, 0.25, 0.3])


def test_effective_areas_after_each_cut_come_from_one_scan(gammas):
    names = ["aeff", "aeff_none", "aeff_gammaness", "aeff_theta"]
    filled = fill(gammas.lazy(), AXES, names, gammaness="passes_gammaness", theta="passes_theta")
    made = {n: effective_area(filled.histograms["", n], showers(), "") for n in names}
    after = {
        "aeff_none": gammas,
        "aeff_gammaness": gammas.filter("passes_gammaness"),
        "aeff_theta": gammas.filter("passes_gammaness", "passes_theta"),
    }
    for name, own in after.items():
        expected = fill(own.lazy(), AXES, ["aeff"]).histograms["", "aeff"]
        assert made[name].quantity == name
        np.testing.assert_array_equal(
            made[name].value, effective_area(expected, showers()).value
        )  # fmt: skip
    np.testing.assert_array_equal(made["aeff"].value, made["aeff_theta"].value)


def test_what_has_no_value_is_null_in_the_long_table_and_comes_back(gammas):
    made = performance.resolutions(gammas[:300].lazy(), ENERGY, OFFSET, by=["event_type"])
    table = long_table(made)
    assert table["value"].null_count > 0
    for column in ("value", "error"):
        assert not pc.any(pc.is_nan(table[column])).as_py()
    assert pc.all(pc.equal(table.filter(pc.is_null(table["value"]))["n_events"], 0)).as_py()
    back = {(p.quantity, p.group): p for p in products_of(table)}
    for product in made:
        found = back[product.quantity, product.group]
        np.testing.assert_array_equal(found.value, product.value)
        np.testing.assert_array_equal(found.error, product.error)
        np.testing.assert_array_equal(found.n_events, product.n_events)
