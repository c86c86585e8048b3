"""Bias and charge resolution: the definition, the limits, and what the errors mean."""

import numpy as np
import pytest

from ctabatch.schemas.verification import CHARGE_RESOLUTION
from ctabatch.verify.charge_bins import ChargeBins, ChargeSums
from ctabatch.verify.charge_limits import poisson_limit, requirement
from ctabatch.verify.charge_table import charge_table
from tests.toy_charges import smeared


def table_of(image, true, bins=None):
    sums = ChargeSums(bins or ChargeBins())
    every = np.ones(len(image), bool)
    sums.add(image, true, every, every)
    return charge_table("T", "E", sums)


def columns(table):
    return {name: table[name].to_numpy() for name in table.column_names[2:]}


def test_columns_are_those_of_the_definition_computed_by_numpy():
    image, true = smeared(bias=0.03, spread=2.0)
    table = table_of(image, true)
    assert table.schema.equals(CHARGE_RESOLUTION, check_metadata=True)
    assert len(table) > 20
    for row in table.to_pylist():
        inside = (true >= row["charge_lo"]) & (true < row["charge_hi"])
        q, d = true[inside].astype(float), image[inside].astype(float) - true[inside]
        n = len(q)
        assert row["n_pixels"] == n
        expected = {
            "mean_true_charge": q.mean(),
            "bias_pe": d.mean(),
            "bias_pe_error": d.std(ddof=1) / np.sqrt(n),
            "rms_pe": np.sqrt((d**2).mean()),
        }
        if row["charge_lo"] > 0:
            expected |= {
                "bias": (d / q).mean(),
                "bias_error": (d / q).std(ddof=1) / np.sqrt(n),
                "rms": np.sqrt(((d / q) ** 2).mean()),
                "rms_error": ((d / q) ** 2).std(ddof=1) / np.sqrt(n) / (2 * row["rms"]),
                "resolution": np.sqrt(((d**2 + q) / q**2).mean()),
                "poisson_limit": np.sqrt((1 / q).mean()),
            }
            if q.mean() <= 1000:
                required = (2.6319 + 1.44 * q + 0.01 * q**2) / q**2
                expected["requirement"] = np.sqrt(required.mean())
        for name, value in expected.items():
            # variances are differences of sums over at most 600 pixels
            assert row[name] == pytest.approx(value, rel=1e-9), (name, row)


def test_a_bin_of_one_charge_has_the_resolution_of_ctapipe_s_former_class():
    image, true = smeared(spread=1.5)
    for row in table_of(image, true, ChargeBins(1, 11, 200)).to_pylist()[1:]:
        q = row["mean_true_charge"]
        at = true == q
        # sqrt(sum / n + true) / true of ChargeResolutionCalculator with mc_true
        former = np.sqrt(((image[at].astype(float) - q) ** 2).sum() / at.sum() + q) / q
        assert row["resolution"] == pytest.approx(former, rel=1e-12)


def test_exact_charges_reach_the_poisson_limit_and_have_no_bias():
    _, true = smeared()
    table = columns(table_of(true.astype(np.float32), true))
    use = table["charge_lo"] > 0
    np.testing.assert_array_equal(table["resolution"][use], table["poisson_limit"][use])
    assert not table["rms"][use].any()
    assert not table["bias_pe"].any()
    assert not table["rms_pe_error"][table["n_pixels"] > 1].any()


def test_poisson_smeared_charges_have_the_rms_of_the_limit():
    rng = np.random.default_rng(3)
    true = np.floor(10 ** rng.uniform(0, 3.5, (200, 1000))).astype(np.int32)
    table = columns(table_of(rng.poisson(true).astype(np.float32), true))
    pull = (table["rms"] - table["poisson_limit"]) / table["rms_error"]
    bias = table["bias"] / table["bias_error"]
    use = table["n_pixels"] >= 100
    assert use.sum() > 25
    # about 30 normal numbers: 4.5 is passed once in 5000 seeds
    assert abs(pull[use]).max() < 4.5
    assert abs(bias[use]).max() < 4.5
    # and the resolution has the fluctuation twice, once from the truth
    twice = (table["resolution"] / table["poisson_limit"]) ** 2
    np.testing.assert_allclose(twice[use & (table["n_pixels"] > 2000)], 2, rtol=0.1)


def test_a_known_bias_and_spread_are_found():
    image, true = smeared(seed=4, n=200, n_pixels=500, bias=-0.1, spread=3.0)
    table = columns(table_of(image, true))
    use = (table["n_pixels"] >= 100) & (table["charge_lo"] > 0)
    assert use.sum() > 20
    assert (abs(table["bias"] + 0.1) < 4.5 * table["bias_error"])[use].all()
    low = table["charge_lo"] == 1  # a single charge: 1 p.e.
    expected = np.sqrt(0.1**2 + 3.0**2 + 1)
    assert abs(table["resolution"] - expected)[low] < 4.5 * table["resolution_error"][low]
    dark = table["charge_lo"] == 0
    assert abs(table["bias_pe"][dark]) < 4.5 * table["bias_pe_error"][dark]
    assert abs(table["rms_pe"][dark] - 3.0) < 4.5 * table["rms_pe_error"][dark]


def test_errors_are_the_spread_of_repeated_simulations():
    bins = ChargeBins(30, 40, 2)
    rng = np.random.default_rng(5)
    true = rng.integers(30, 40, (1, 400)).astype(np.int32)
    found = [columns(table_of(rng.normal(1.05 * true, 6).astype(np.float32), true, bins))
             for _ in range(400)]  # fmt: skip
    for name in ("bias", "rms", "resolution", "bias_pe", "rms_pe"):
        spread = np.std([one[name][0] for one in found])
        stated = np.mean([one[f"{name}_error"][0] for one in found])
        # a spread of 400 numbers is known to 3.5 %
        assert spread == pytest.approx(stated, rel=0.15), name


def test_bins_without_pixels_have_no_row_and_one_pixel_has_no_error():
    table = table_of(np.array([[7.0, 80.0]], np.float32), np.array([[5, 80]], np.int32))
    assert table["n_pixels"].to_pylist() == [1, 1]
    assert table["bias"].to_pylist() == pytest.approx([0.4, 0.0])
    assert table["bias_error"].to_pylist() == [None, None]
    assert table["resolution_error"].to_pylist() == [None, None]


def test_no_pixel_at_all_gives_an_empty_table():
    table = table_of(np.empty((0, 5), np.float32), np.empty((0, 5), np.int32))
    assert len(table) == 0
    assert table.schema.equals(CHARGE_RESOLUTION)


def test_a_bin_with_nan_charges_only_is_counted_and_has_no_values():
    table = table_of(np.array([[np.nan, np.inf]], np.float32), np.array([[5, 5]], np.int32))
    (row,) = table.to_pylist()
    assert (row["n_pixels"], row["n_not_finite"]) == (0, 2)
    assert row["bias"] is row["resolution"] is row["mean_true_charge"] is row["rms_pe"] is None


def test_the_row_without_photo_electrons_has_no_relative_values():
    row = table_of(np.array([[1.0, 2.0]], np.float32), np.zeros((1, 2), np.int32)).to_pylist()[0]
    assert (row["charge_lo"], row["bias_pe"], row["mean_true_charge"]) == (0, 1.5, 0)
    assert row["rms_pe"] == pytest.approx(np.sqrt(2.5))
    names = ("bias", "bias_error", "rms", "rms_error", "resolution", "poisson_limit", "requirement")
    assert all(row[name] is None for name in names)


def test_limits_are_the_published_curves():
    charge = np.array([1.0, 10.0, 100.0, 1000.0])
    np.testing.assert_allclose(poisson_limit(charge), 1 / np.sqrt(charge))
    # sqrt(0.125 * 15 + 0.87^2 + 1.2^2 Q + (0.1 Q)^2) / Q
    by_hand = [2.02037, 0.42464, 0.15705, 0.10697]
    np.testing.assert_allclose(requirement(charge), by_hand, rtol=1e-4)
    # the older form in ctapipe, sqrt(4 + 3) instead of 2.632, is the same within 0.2 %
    older = np.sqrt(np.sqrt(7) + 1.44 * charge + 0.01 * charge**2) / charge
    np.testing.assert_allclose(requirement(charge), older, rtol=2e-3)
    assert np.isnan(requirement(np.array([1001.0]))).all()
