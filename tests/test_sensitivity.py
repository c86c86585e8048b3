"""Significance and sensitivity, live against pyirf."""

import logging

import astropy.units as u
import numpy as np
import pytest
from astropy.table import QTable
from hypothesis import given
from hypothesis import strategies as st
from pyirf import sensitivity as pyirf_sensitivity
from pyirf.statistics import li_ma_significance as pyirf_significance

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import energy_axis
from ctabatch.irf.sensitivity import (
    li_ma_significance,
    off_region_scale,
    relative_sensitivity,
    sensitivity,
)

#: pyirf's root is found to 2e-12 absolute; its sum of logarithms cancels to 1e-16 of the counts.
CLOSE = {"rtol": 1e-8, "atol": 4e-12}


@pytest.fixture(autouse=True)
def _quiet():
    logging.getLogger("pyirf.sensitivity").setLevel(logging.ERROR)


def test_the_significance_is_pyirfs():
    rng = np.random.default_rng(1)
    off = np.concatenate([[0.0, 0.0, 5.0], 10 ** rng.uniform(-3, 6, 500)])
    on = np.concatenate([[0.0, 7.0, 0.0], 0.2 * off[3:] * rng.uniform(0.5, 3, 500)])
    ours, theirs = li_ma_significance(on, off, 0.2), pyirf_significance(on, off, 0.2)
    # theirs loses small excesses over large counts: the log of a number near 1
    np.testing.assert_allclose(ours, theirs, rtol=1e-7, atol=1e-7)


def test_a_known_significance():
    # Li & Ma 1983, equation 17, by hand: 2 (on ln(1.2/0.2 on/N) + off ln(1.2 off/N))
    expected = np.sqrt(2 * (30 * np.log(6 * 30 / 80) + 50 * np.log(1.2 * 50 / 80)))
    assert li_ma_significance(30, 50, 0.2) == pytest.approx(expected, rel=1e-12)


def test_there_is_no_significance_without_an_excess_and_none_known_of_nan():
    found = li_ma_significance([1.0, np.nan, 3.0], [50.0, 1.0, np.nan], 0.2)
    assert found[0] == 0
    assert np.isnan(found[1:]).all()


@pytest.mark.parametrize("alpha", [0.05, 0.2, 1.0])
def test_the_relative_sensitivity_is_pyirfs(alpha):
    rng = np.random.default_rng(2)
    off = np.concatenate([np.zeros(20), 10 ** rng.uniform(-3, 7, 600)])
    on = alpha * off + 10 ** rng.uniform(-3, 6, 620)
    on[::50] = 0.5 * alpha * off[::50]
    off[5], on[6] = np.nan, np.nan
    theirs = pyirf_sensitivity.relative_sensitivity(on, off, alpha)
    ours = relative_sensitivity(on, off, alpha)
    np.testing.assert_allclose(ours, theirs, **CLOSE)
    assert np.isinf(ours).sum() > 5
    assert np.isnan(ours).sum() > 10  # where pyirf's search has no answer
    assert np.isfinite(ours).sum() > 400


@given(
    off=st.floats(0, 1e6),
    signal=st.floats(1e-2, 1e6),
    alpha=st.floats(0.01, 2),
    significance=st.floats(1, 10),
)
def test_the_signal_of_the_sensitivity_meets_all_conditions_and_no_smaller_one(
    off, signal, alpha, significance
):
    factor = float(
        relative_sensitivity(
            signal + alpha * off, off, alpha, min_significance=significance, bounded=False
        )
    )
    # the signal is the difference of large numbers, so it is known to 1e-16 of them only
    detected = (signal + alpha * off - alpha * off) * factor

    def conditions(n):
        return (
            float(li_ma_significance(n + alpha * off, off, alpha)) / significance,
            n / 10,
            n / (0.05 * alpha * off) if 0.05 * alpha * off > 0 else np.inf,
        )

    assert min(conditions(detected * (1 + 1e-6))) >= 1
    assert min(conditions(detected * (1 - 1e-6))) < 1


def test_unbounded_there_is_a_factor_where_the_search_of_pyirf_has_none():
    assert np.isnan(relative_sensitivity(0.01, 0.0))
    assert relative_sensitivity(0.01, 0.0, bounded=False) == pytest.approx(1000)


def test_arguments_of_any_shapes_that_fit_together():
    found = relative_sensitivity(np.full((3, 1), 40.0), np.arange(4.0), 0.2)
    assert found.shape == (3, 4)
    assert relative_sensitivity(40, 1).shape == ()


def test_impossible_numbers_are_refused():
    with pytest.raises(InputError, match="negative"):
        relative_sensitivity([1.0, -1.0], 1.0)
    with pytest.raises(OptionError, match="alpha"):
        relative_sensitivity(1.0, 1.0, 0.0)
    with pytest.raises(OptionError, match="no ring"):
        off_region_scale(0.1, 1.0, 1.0)


def test_the_table_is_pyirfs():
    axis = energy_axis(0.01, 100, 5)
    rng = np.random.default_rng(3)
    n = axis.n_bins
    signal, off = 10 ** rng.uniform(0, 5, n), 10 ** rng.uniform(0, 6, n)
    signal[3], off[4] = 0, 0
    counts, background = np.rint(signal / 3), np.rint(off / 7)
    hists = [
        QTable(
            {
                "reco_energy_low": axis.lo * u.TeV,
                "reco_energy_high": axis.hi * u.TeV,
                "reco_energy_center": 0.5 * (axis.lo + axis.hi) * u.TeV,
                "n": number,
                "n_weighted": weighted,
            }
        )
        for number, weighted in ((counts, signal), (background, off))
    ]
    theirs = pyirf_sensitivity.calculate_sensitivity(*hists, alpha=0.2)
    ours = sensitivity(axis, counts, signal, background, off, 0.2)
    columns = {
        "relative_sensitivity": ours.relative,
        "n_signal": ours.n_signal,
        "n_signal_weighted": ours.n_signal_weighted,
        "n_background": ours.n_background,
        "n_background_weighted": ours.n_background_weighted,
    }
    for name, values in columns.items():
        np.testing.assert_allclose(values, theirs[name], **CLOSE)
    np.testing.assert_allclose(ours.significance, theirs["significance"], rtol=1e-7)
    assert np.isnan(ours.significance[3])

    class Crab:
        def flux(self, energy):
            return 2.83e-11 * energy**-2.62

    center = theirs["reco_energy_center"]
    flux = ours.relative * Crab().flux(center.value) / u.Unit("TeV s cm2")
    expected = (center**2 * flux).to_value("erg s-1 cm-2")
    np.testing.assert_allclose(ours.energy_flux(Crab()), expected, rtol=1e-12)


def test_the_background_of_the_off_region_is_pyirfs():
    axis = energy_axis(0.1, 10, 2)
    rng = np.random.default_rng(4)
    events = QTable(
        {
            "reco_energy": 10 ** rng.uniform(-1, 1, 5000) * u.TeV,
            "reco_source_fov_offset": rng.uniform(0, 5, 5000) * u.deg,
            "weight": rng.uniform(1, 2, 5000),
        }
    )
    theta = np.linspace(0.05, 0.4, axis.n_bins)
    cuts = QTable({"center": 0.5 * (axis.lo + axis.hi) * u.TeV, "cut": theta * u.deg})
    theirs = pyirf_sensitivity.estimate_background(
        events, axis.edges * u.TeV, cuts, 0.2, 1 * u.deg, 3 * u.deg
    )
    offset = events["reco_source_fov_offset"].value
    kept = events[(offset >= 1) & (offset < 3)]
    sums = np.histogram(kept["reco_energy"].value, axis.edges, weights=kept["weight"])[0]
    ours = sums * off_region_scale(theta, 1.0, 3.0, 0.2)
    # pyirf's 1 - cos of a small angle is known to 1e-10 only
    np.testing.assert_allclose(ours, theirs["n_weighted"], rtol=1e-9)
