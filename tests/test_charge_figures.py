"""Figures of charge resolution."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from ctabatch.errors import InputError
from ctabatch.plot.charge_resolution import (
    charge_bias,
    charge_resolution,
    draw_charge_resolution,
)
from ctabatch.verify.charge_bins import ChargeBins, ChargeSums
from ctabatch.verify.charge_table import charge_table
from tests.toy_charges import smeared


def table(image, true, extractor="E", tel_type="T"):
    sums = ChargeSums(ChargeBins())
    every = np.ones(len(image), bool)
    sums.add(image, true, every, every)
    return charge_table(tel_type, extractor, sums)


@pytest.fixture
def ax():
    return Figure().subplots()


def lines(ax):
    return {line.get_label(): line for line in ax.lines}


def test_curves_are_drawn_at_the_mean_true_charge_beside_the_limits(ax):
    curves = {name: table(*smeared(seed=k)) for k, name in enumerate(("one", "other"))}
    assert charge_resolution(ax, curves) is ax
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert sorted(labels) == ["CTA requirement", "Poisson limit", "one", "other"]
    x, y = lines(ax)["Poisson limit"].get_data()
    np.testing.assert_allclose(y, 1 / np.sqrt(x))
    required = lines(ax)["CTA requirement"]
    assert max(required.get_xdata()) == 1000
    assert np.isfinite(required.get_ydata()).all()
    bars = [bar for bar in ax.containers if bar.get_label() == "one"]
    drawn_x, drawn_y = bars[0].lines[0].get_data()
    rows = curves["one"].filter(curves["one"]["charge_lo"].to_numpy() > 0)
    np.testing.assert_array_equal(drawn_x, rows["mean_true_charge"].to_numpy())
    np.testing.assert_array_equal(drawn_y, rows["resolution"].to_numpy())


def test_biases_of_either_sign_are_inside_the_axis(ax):
    image, true = smeared()
    charge_bias(ax, {"high": table(3 * image, true), "low": table(image / 2, true)})
    low, high = ax.get_ylim()
    assert low < -0.5
    assert high > 2


def test_one_pixel_or_none_draws_the_limits_alone(ax):
    alone = table(np.array([[30.0]], np.float32), np.array([[31]], np.int32))
    empty = alone.slice(0, 0)
    charge_resolution(ax, {"alone": alone, "empty": empty})
    assert np.isfinite(ax.get_xlim()).all()
    assert len(lines(ax)["Poisson limit"].get_xdata())


def test_no_table_is_an_error(ax):
    with pytest.raises(InputError, match="no table"):
        charge_resolution(ax, {})


def test_there_is_a_figure_per_telescope_type(tmp_path):
    import pyarrow as pa

    both = pa.concat_tables([table(*smeared(), tel_type=name) for name in ("LST_a", "MST_b")])
    drawn = draw_charge_resolution(both, tmp_path / "figures")
    assert [path.name for path in drawn] == ["LST_a.png", "MST_b.png"]
    assert all(path.stat().st_size > 10_000 for path in drawn)


def test_without_any_bin_there_is_no_figure(tmp_path):
    empty = table(*smeared()).slice(0, 0)
    assert draw_charge_resolution(empty, tmp_path) == []
