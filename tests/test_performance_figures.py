"""Figures of metrics: what is drawn is what stands in the tables."""

import numpy as np
import pytest

from ctabatch.errors import InputError
from ctabatch.learn import metrics
from ctabatch.plot import performance

LABELS = ["disp, signs resolved", "plain mean", "HillasReconstructor"]


def events(scale, seed=0):
    rng = np.random.default_rng(seed)
    true = 10 ** rng.uniform(-1.5, 1.0, 4000)
    label = rng.random(4000) < 0.5
    theta = rng.rayleigh(0.1 * scale / true**0.3)
    reco = true * np.exp(rng.normal(0.02, 0.2 * scale, 4000))
    return true, reco, theta, label, rng.normal(label * 1.5 / scale)


def lines(ax):
    """Label -> (x, y) of the curves of an axes."""
    handles, labels = ax.get_legend_handles_labels()
    found = {}
    for handle, label in zip(handles, labels, strict=True):
        line = handle[0] if isinstance(handle, tuple) else handle
        found[label] = line.get_data()
    return found


@pytest.fixture(scope="module")
def curves():
    tables = {"angular": {}, "energy": {}, "roc": {}, "auc": {}}
    for label, scale in zip(LABELS, (0.7, 1.0, 1.3), strict=True):
        true, reco, theta, truth, score = events(scale)
        tables["angular"][label] = metrics.angular_metrics(true, theta)
        tables["energy"][label] = metrics.energy_metrics(true, reco)
        tables["roc"][label] = metrics.roc_curve(score, truth, max_points=300)
        tables["auc"][label] = metrics.auc_by_energy(true, score, truth)
    return tables


def save(figure, tmp_path):
    """Drawing raises warnings (which are errors here) that making the figure does not."""
    path = tmp_path / "figure.png"
    figure.savefig(path, dpi=80)
    assert path.stat().st_size > 5000


def test_angular_resolutions_are_drawn_at_the_middle_of_their_bins(curves, tmp_path):
    figure = performance.angular_resolution(curves["angular"], quantile=95)
    drawn = lines(figure.axes[0])
    assert list(drawn) == LABELS
    table = curves["angular"]["plain mean"].to_pydict()
    x, y = drawn["plain mean"]
    np.testing.assert_allclose(x**2, np.multiply(table["energy_min"], table["energy_max"]))
    expected = [np.nan if v is None else v for v in table["angular_resolution_95"]]
    np.testing.assert_array_equal(y, expected)
    assert np.isnan(y).any()
    assert "95 %" in figure.axes[0].get_ylabel()
    save(figure, tmp_path)


def test_energy_bias_stands_below_the_resolution(curves, tmp_path):
    figure = performance.energy_resolution(curves["energy"])
    top, bottom = figure.axes
    assert list(lines(top)) == list(lines(bottom)) == LABELS
    table = curves["energy"][LABELS[0]]
    for ax, name in ((top, "resolution"), (bottom, "bias")):
        np.testing.assert_array_equal(lines(ax)[LABELS[0]][1], table[name].to_numpy())
    save(figure, tmp_path)


def test_bins_with_few_events_are_left_out(curves):
    table = curves["energy"][LABELS[0]]
    n = np.sort(table["n_events"].to_numpy())
    figure = performance.energy_resolution({"one": table}, min_events=int(n[-3]))
    y = lines(figure.axes[0])["one"][1]
    assert np.isfinite(y).sum() == np.sum(table["n_events"].to_numpy() >= n[-3])


def test_roc_curves_name_their_areas(curves, tmp_path):
    figure = performance.roc_curves(curves["roc"], {"plain mean": 0.81236})
    drawn = lines(figure.axes[0])
    assert list(drawn) == [LABELS[0], "plain mean (area 0.8124)", LABELS[2]]
    x, y = drawn[LABELS[0]]
    np.testing.assert_array_equal(x, curves["roc"][LABELS[0]]["false_positive_rate"])
    np.testing.assert_array_equal(y, curves["roc"][LABELS[0]]["true_positive_rate"])
    save(figure, tmp_path)


def test_auc_is_drawn_by_energy(curves, tmp_path):
    figure = performance.auc_by_energy(curves["auc"])
    y = lines(figure.axes[0])[LABELS[2]][1]
    np.testing.assert_array_equal(y, curves["auc"][LABELS[2]]["auc"].to_numpy())
    save(figure, tmp_path)


def test_a_figure_of_empty_bins_is_drawn_without_points(tmp_path):
    figure = performance.angular_resolution({"none": metrics.angular_metrics([], [])})
    assert np.isnan(lines(figure.axes[0])["none"][1]).all()
    save(figure, tmp_path)


def test_a_table_of_something_else_is_refused_with_its_columns(curves):
    with pytest.raises(InputError, match="'plain mean' has no column 'auc': found energy_min"):
        performance.auc_by_energy({"plain mean": curves["energy"]["plain mean"]})


def test_nothing_to_draw_is_refused():
    with pytest.raises(InputError, match="no tables"):
        performance.roc_curves({})
