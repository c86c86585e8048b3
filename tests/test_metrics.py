"""Bias, resolutions and ROC curves, against pyirf and scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.errors import InputError
from ctabatch.learn import metrics
from ctabatch.schemas.column import description_of, unit_of
from ctabatch.schemas.metrics import (
    ANGULAR_METRICS,
    AUC_BY_ENERGY,
    ENERGY_METRICS,
    ROC_CURVE,
)
from tests.naive import metrics as naive


def events(n=5000, seed=0):
    rng = np.random.default_rng(seed)
    true = 10 ** rng.uniform(-1.5, 1.5, n)
    return rng, true, true * np.exp(rng.normal(0.05, 0.3, n))


def columns(table):
    return {name: table[name].to_numpy() for name in table.column_names}


def test_bias_and_resolution_agree_with_pyirf():
    """1e-12, with the median and the mean as bias."""
    import astropy.units as u
    from astropy.table import QTable
    from pyirf.benchmarks import energy_bias_resolution

    _, true, reco = events()
    edges = metrics.default_edges()
    found = columns(metrics.energy_metrics(true, reco))
    table = QTable({"true_energy": true * u.TeV, "reco_energy": reco * u.TeV})
    for name, function in (("bias", np.nanmedian), ("mean_bias", np.mean)):
        expected = energy_bias_resolution(table, edges * u.TeV, bias_function=function)
        np.testing.assert_allclose(found[name], expected["bias"], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found["resolution"], expected["resolution"], rtol=1e-12)
    np.testing.assert_array_equal(found["n_events"], expected["n_events"])
    np.testing.assert_array_equal(found["energy_min"], expected["true_energy_low"].value)
    np.testing.assert_array_equal(found["energy_max"], expected["true_energy_high"].value)
    assert 0 < np.isfinite(found["bias"]).sum() < len(found["bias"])


def test_angular_resolution_agrees_with_pyirf():
    """1e-12."""
    import astropy.units as u
    from astropy.table import QTable
    from pyirf.benchmarks import angular_resolution

    rng, true, _ = events()
    theta = rng.rayleigh(0.1 / true**0.3)
    found = columns(metrics.angular_metrics(true, theta))
    table = QTable({"true_energy": true * u.TeV, "theta": theta * u.deg})
    expected = angular_resolution(
        table, metrics.default_edges() * u.TeV, quantile=[0.25, 0.5, 0.68, 0.95]
    )
    for name in ANGULAR_METRICS.names[3:]:
        np.testing.assert_allclose(found[name], expected[name].value, rtol=1e-12)
    np.testing.assert_array_equal(found["n_events"], expected["n_events"])


def test_r2_agrees_with_scikit_learn():
    from sklearn.metrics import r2_score

    rng, true, reco = events()
    weight = rng.exponential(1, len(true))
    assert metrics.r2_score(true, reco, weight) == pytest.approx(
        r2_score(true, reco, sample_weight=weight), rel=1e-12
    )
    edges = [0.1, 1.0, 10.0]
    found = metrics.energy_metrics(true, reco, edges=edges)["r2"].to_pylist()
    for value, low, high in zip(found, edges[:-1], edges[1:], strict=True):
        rows = naive.in_bin(true, low, high)
        expected = r2_score(np.log(true[rows]), np.log(reco[rows]))
        assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("digits", [15, 2, 0], ids=["no ties", "ties", "three scores"])
def test_auc_agrees_with_scikit_learn(digits, weighted):
    """1e-12."""
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(digits)
    label = rng.random(3000) < 0.3
    score = np.round(rng.normal(label * 1.0, 1.0), digits)
    weight = rng.exponential(1, 3000) if weighted else None
    expected = roc_auc_score(label, score, sample_weight=weight)
    assert metrics.auc(score, label, weight) == pytest.approx(expected, rel=1e-12)


def test_the_roc_curve_is_that_of_scikit_learn():
    from sklearn.metrics import roc_curve

    rng = np.random.default_rng(0)
    label = rng.random(500) < 0.3
    score, weight = np.round(rng.normal(label * 1.0, 1.0), 1), rng.exponential(1, 500)
    found = metrics.roc_curve(score, label, weight)
    fpr, tpr, threshold = roc_curve(label, score, sample_weight=weight, drop_intermediate=False)
    np.testing.assert_allclose(found["false_positive_rate"], fpr, atol=1e-14)
    np.testing.assert_allclose(found["true_positive_rate"], tpr, atol=1e-14)
    np.testing.assert_array_equal(found["threshold"], threshold)


scored = st.tuples(st.integers(0, 3), st.booleans(), st.sampled_from([0.5, 1.0, 3.0]))


@given(rows=st.lists(scored, max_size=20))
def test_auc_is_the_fraction_of_pairs_in_the_right_order(rows):
    score, label, weight = (np.array([r[i] for r in rows]) for i in range(3))
    expected = naive.auc(score, label, weight)
    assert metrics.auc(score, label, weight) == pytest.approx(expected, rel=1e-12, nan_ok=True)


@given(
    rows=st.lists(st.tuples(st.floats(-9, 9), st.floats(0.1, 10)), min_size=1, max_size=12),
    fraction=st.floats(0, 1),
)
def test_weighted_quantiles_are_those_of_the_twin(rows, fraction):
    values, weight = (np.array(column) for column in zip(*rows, strict=True))
    found = metrics.quantiles(values, [fraction], weight)[0]
    assert found == pytest.approx(naive.weighted_quantile(values, fraction, weight), abs=1e-9)


def test_equal_weights_change_nothing():
    _, true, reco = events(2000)
    two = np.full(len(true), 2.0)
    edges = [0.1, 1, 10]
    pairs = [
        (
            metrics.energy_metrics(true, reco, w, edges),
            metrics.angular_metrics(true, reco, edges, w),
        )
        for w in (None, two)
    ]
    for plain, weighted in zip(*pairs, strict=True):
        for name in plain.column_names:
            np.testing.assert_allclose(plain[name], weighted[name], rtol=1e-12)


def test_weights_move_the_bias_to_the_heavy_events():
    true, reco = np.ones(4), np.array([0.8, 0.8, 1.2, 1.2])
    table = metrics.energy_metrics(true, reco, [1, 1, 100, 100], edges=[0.5, 2])
    assert table["bias"][0].as_py() == pytest.approx(0.2)
    assert table["mean_bias"][0].as_py() == pytest.approx(0.2 * 198 / 202)


def test_an_empty_bin_has_no_events_and_nulls():
    energy = metrics.energy_metrics([1.0], [1.1], edges=[0.1, 0.5, 2.0]).to_pylist()
    assert energy[0] == {
        "energy_min": 0.1,
        "energy_max": 0.5,
        "n_events": 0,
        **dict.fromkeys(["bias", "mean_bias", "resolution", "r2"]),
    }
    assert energy[1]["n_events"] == 1
    assert energy[1]["r2"] is None  # one event has no spread
    auc = metrics.auc_by_energy([1.0], [0.3], [1], edges=[0.1, 0.5, 2.0]).to_pylist()
    assert [(row["n_signal"], row["n_background"], row["auc"]) for row in auc] == [
        (0, 0, None),
        (1, 0, None),
    ]


def test_events_without_prediction_do_not_count():
    table = metrics.energy_metrics([1.0, 1.0, 1.0], [1.1, np.nan, np.inf], edges=[0.5, 2.0])
    assert table["n_events"].to_pylist() == [1]


def test_an_upper_edge_belongs_to_the_next_bin():
    table = metrics.angular_metrics([1.0, 2.0], [0.1, 0.3], edges=[1.0, 2.0, 4.0])
    assert table["angular_resolution_68"].to_pylist() == [0.1, 0.3]


def test_auc_by_energy_is_the_auc_of_each_bin():
    rng, energy, _ = events(3000)
    label = rng.random(3000) < 0.5
    score, weight = rng.normal(label * energy**0.3), rng.exponential(1, 3000)
    edges = [0.05, 0.5, 5.0]
    rows = metrics.auc_by_energy(energy, score, label, weight, edges).to_pylist()
    for row, low, high in zip(rows, edges[:-1], edges[1:], strict=True):
        chosen = naive.in_bin(energy, low, high)
        expected = metrics.auc(score[chosen], label[chosen], weight[chosen])
        assert row["auc"] == pytest.approx(expected, rel=1e-12)
        assert row["n_signal"] == label[chosen].sum()
        assert row["n_signal"] + row["n_background"] == len(chosen)


def test_a_thinned_roc_curve_keeps_its_ends_and_nearly_its_area():
    rng = np.random.default_rng(0)
    label = rng.random(20000) < 0.5
    score = rng.normal(label * 1.5)
    curve = metrics.roc_curve(score, label, max_points=200)
    assert 150 < len(curve) <= 202
    x, y = curve["false_positive_rate"].to_numpy(), curve["true_positive_rate"].to_numpy()
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(metrics.auc(score, label), abs=1e-4)


def test_one_class_alone_has_no_roc_curve():
    assert metrics.roc_curve([0.1, 0.2], [1, 1]).num_rows == 0
    assert np.isnan(metrics.auc([0.1, 0.2], [1, 1]))
    assert np.isnan(metrics.auc([], []))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.energy_metrics([1.0], [1.0, 2.0]), "arrays of one length"),
        (lambda: metrics.energy_metrics([1.0], [1.0], edges=[2, 1]), "rising"),
        (lambda: metrics.auc([0.5, 0.6], [0, 101]), "labels must be 0 .* found 101"),
        (lambda: metrics.auc_by_energy([50.0], [0.5], [2], edges=[1, 2]), "found 2"),
    ],
)
def test_unusable_input_is_refused(call, message):
    with pytest.raises(InputError, match=message):
        call()


@given(
    alt=st.floats(-89, 89),
    az=st.floats(0, 360),
    d_alt=st.floats(-0.01, 0.01),
    d_az=st.floats(-5, 5),
)
def test_angular_separation_is_the_angle_between_unit_vectors(alt, az, d_alt, d_az):
    def vector(a, b):
        a, b = np.radians(a), np.radians(b)
        return np.array([np.cos(a) * np.cos(b), np.cos(a) * np.sin(b), np.sin(a)])

    chord = np.linalg.norm(vector(alt, az) - vector(alt + d_alt, az + d_az))
    expected = np.degrees(2 * np.arcsin(chord / 2))
    found = metrics.angular_separation(alt, az, alt + d_alt, az + d_az)
    assert found == pytest.approx(expected, abs=1e-12)


def test_angular_separation_agrees_with_astropy():
    from astropy.coordinates import angular_separation

    rng = np.random.default_rng(0)
    angles = rng.uniform(-90, 90, (4, 1000))
    lon1, lat1, lon2, lat2 = np.radians(angles)
    expected = np.degrees(angular_separation(lon1, lat1, lon2, lat2))
    alt1, az1, alt2, az2 = angles[[1, 0, 3, 2]]
    np.testing.assert_allclose(
        metrics.angular_separation(alt1, az1, alt2, az2), expected, rtol=1e-13
    )


@pytest.mark.parametrize("schema", [ENERGY_METRICS, ANGULAR_METRICS, ROC_CURVE, AUC_BY_ENERGY])
def test_every_column_of_the_metrics_is_described(schema):
    for field in schema:
        assert description_of(field)
        if field.name.startswith(("energy_", "angular_")):
            assert unit_of(field) in {"TeV", "deg"}
