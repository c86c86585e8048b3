"""Figures of responses: drawn from the long table alone, and what they show stands in it."""

import json

import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure

from ctabatch.errors import InputError, OptionError, OutputError
from ctabatch.irf import performance
from ctabatch.irf.axes import energy_axis, linear_axis
from ctabatch.irf.fill import fill
from ctabatch.irf.histograms import IrfAxes
from ctabatch.irf.long_table import long_table
from ctabatch.irf.products import make_products
from ctabatch.irf.spectra import spectrum
from ctabatch.plot import responses
from ctabatch.plot.reference_curves import read_reference
from ctabatch.plot.response_curves import curve, groups, offsets, read_table
from tests.test_irf_fill import AXES, events
from tests.test_irf_products import HOURS, showers

OFFSET = linear_axis("offset", 0, 4, 2)
RECO = energy_axis(0.02, 200, 3)
FILES = [
    *("effective_area", "effective_area_offset", "energy_dispersion", "energy_resolution"),
    *("angular_resolution", "psf", "background", "background_rate", "sensitivity"),
]


def made_table(by=()):
    gammas = events(20_000).with_columns(pl.col("weight") * 0.01)
    protons = events(10_000, seed=4).with_columns(pl.col("weight") * 30)
    protons = protons.filter(pl.col("reco_energy") < 2)
    axes = IrfAxes(AXES.true_energy, RECO, OFFSET, AXES.migra, AXES.rad)
    cuts = {"gammaness": "passes_gammaness", "weight": "weight", "by": by}
    names = ["aeff", "aeff_none", "aeff_gammaness", "aeff_theta", "edisp", "psf", "signal"]
    signal = fill(gammas.lazy(), axes, names, theta="passes_theta", **cuts)
    background = fill(protons.lazy(), axes, ["background"], **cuts)
    made = make_products(signal, showers()) + make_products(background, None, HOURS)
    made += performance.resolutions(gammas.lazy(), axes.true_energy, OFFSET, by=by,
                                    gammaness="passes_gammaness")  # fmt: skip
    theta, crab = np.full(RECO.n_bins, 0.2), spectrum("CRAB_HEGRA")
    for group in signal.groups:
        rings = background.histograms[group, "background"]
        made.append(performance.background_rate(rings, theta, HOURS, group))
        made += performance.point_source_sensitivity(
            signal.histograms[group, "signal"], rings, theta, crab, group=group
        )
    return pl.DataFrame(pl.from_arrow(long_table(made)))


@pytest.fixture(scope="module")
def table():
    return made_table()


@pytest.fixture(scope="module")
def by_type():
    return made_table(["event_type"])


def axes_of_new_figure():
    return Figure().subplots()


def lines(ax):
    """Label -> (x, y) of the curves of an axes."""
    handles, labels = ax.get_legend_handles_labels()
    found = {}
    for handle, label in zip(handles, labels, strict=True):
        line = handle[0] if hasattr(handle, "errorbar") or isinstance(handle, tuple) else handle
        found[label] = tuple(np.asarray(part, float) for part in line.get_data())
    return found


@pytest.mark.parametrize("kind", ["table", "by_type"])
def test_a_folder_of_all_figures_appears_as_a_whole(kind, request, tmp_path):
    table = request.getfixturevalue(kind)
    table.write_parquet(tmp_path / "irf.parquet")
    reference = tmp_path / "curve.csv"
    reference.write_text("energy,value\n0.1,1e-12\n1,2e-13\n10,5e-13\n")
    folder = tmp_path / "figures"
    paths = responses.draw_responses(tmp_path / "irf.parquet", folder, reference=reference)
    assert [path.stem for path in paths] == FILES
    assert all(path.stat().st_size > 10_000 for path in paths)
    index = json.loads((folder / "figures.json").read_text())
    assert [row["file"] for row in index] == [path.name for path in paths]
    assert {p.name for p in tmp_path.iterdir()} == {"irf.parquet", "curve.csv", "figures"}


def test_only_what_the_table_holds_is_drawn(table, tmp_path):
    few = table.filter(pl.col("quantity").is_in(["aeff", "theta_68"]))
    paths = responses.draw_responses(few, tmp_path / "figures")
    names = ["effective_area", "effective_area_offset", "angular_resolution"]
    assert [path.stem for path in paths] == names
    one = few.filter(pl.col("quantity") == "theta_68")
    paths = responses.draw_responses(one, tmp_path / "figures")  # the folder is replaced
    assert sorted(path.name for path in (tmp_path / "figures").iterdir()) == [
        *("angular_resolution.png", "figures.json"),
    ]


def test_a_folder_of_something_else_is_not_replaced(table, tmp_path):
    (tmp_path / "mine.txt").write_text("text")
    with pytest.raises(OutputError, match="something else than figures"):
        responses.draw_responses(table, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_effective_areas_are_drawn_after_each_cut(table):
    ax = axes_of_new_figure()
    place = offsets(table, "aeff")[0]
    assert place == (0.0, 2.0)
    responses.effective_area(ax, table, "", place)
    drawn = lines(ax)
    assert list(drawn) == ["no cut", "after the gammaness cut", "after gammaness and theta cuts"]
    expected = curve(table, "aeff_gammaness", "", place)
    x, y = drawn["after the gammaness cut"]
    np.testing.assert_array_equal(x**2, (np.sqrt(expected.energy_lo * expected.energy_hi)) ** 2)
    seen = expected.value > 0
    np.testing.assert_array_equal(y[seen], expected.value[seen])
    assert np.isnan(y[~seen]).all()
    assert "m$^2$" in ax.get_ylabel()


def test_groups_are_in_the_order_of_their_numbers(by_type):
    assert groups(by_type, "aeff") == [f"event_type={k}" for k in range(4)]
    names = ["zenith=(45, inf]", "zenith=(-inf, 20]", "zenith=(20, 45]", "zenith=(5, 20]"]
    frame = pl.DataFrame({"quantity": ["aeff"] * 4, "group": names})
    assert groups(frame, "aeff") == [names[1], names[3], names[2], names[0]]
    ax = axes_of_new_figure()
    responses.by_group(ax, by_type, "theta_68", "angle / deg", offset=(0.0, 2.0))
    assert list(lines(ax)) == [f"event_type={k}" for k in range(4)]


def test_bins_with_few_events_and_without_values_are_gaps(table):
    ax = axes_of_new_figure()
    responses.angular_resolution(ax, table, "", (0.0, 2.0), min_events=50)
    y = lines(ax)["68 % containment"][1]
    n = curve(table, "theta_68", "", (0.0, 2.0)).n_events
    assert np.isfinite(y).sum() == (n >= 50).sum() > 3
    assert (n < 50).any()


def test_bins_without_background_are_marked_and_their_errors_point_up(table):
    ax = axes_of_new_figure()
    responses.sensitivity(ax, table, (0.0, 2.0))
    none = curve(table, "n_background", "", (0.0, 2.0)).n_events == 0
    value = curve(table, "sensitivity", "", (0.0, 2.0)).value
    marked = [line.get_ydata() for line in ax.lines if line.get_markerfacecolor() == "w"]
    np.testing.assert_array_equal(marked[0], value[none])
    assert np.isfinite(value[none]).any()
    assert "no simulated background event left" in lines(ax)


def test_published_curves_lie_behind(table, tmp_path):
    path = tmp_path / "CTA-Performance-prod3b-v2-North-20deg-50h-DiffSens.txt"
    path.write_text(
        "CTA Performance - Northern site\n=====\nE_min (TeV) \t E_max (TeV) \t S\n--- ---\n"
        "0.1\t\t1\t\t4e-13\n10 100 2e-12\n1\t10\t1e-13\n"
    )
    reference = read_reference(path)
    assert reference.label == "prod3b v2 North 20deg 50h"
    np.testing.assert_allclose(reference.energy, np.sqrt([0.1, 10, 1000]))
    assert reference.value.tolist() == [4e-13, 1e-13, 2e-12]
    ax = axes_of_new_figure()
    responses.sensitivity(ax, table, (0.0, 2.0), [reference])
    np.testing.assert_array_equal(lines(ax)[reference.label][1], reference.value)
    assert "this selection" in lines(ax)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("energy,value\n", "no curve"),
        ("1 2 3 4\n5 6 7 8\n", "no curve"),
        ("1 2\n3 4 5\n", "different numbers of columns"),
        ("1 2\n3 -4\n", "above 0"),
        ("1 2\n3 nan\n", "finite"),
    ],
)
def test_tables_that_are_no_curves_are_refused(text, message, tmp_path):
    path = tmp_path / "curve.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_reference(path)


def test_reference_tables_may_be_parquet_and_must_be_there(tmp_path):
    path = tmp_path / "curve.parquet"
    pl.DataFrame({"note": ["a", "b"], "e": [1.0, 2.0], "s": [1e-13, 2e-13]}).write_parquet(path)
    assert read_reference(path, "mine").energy.tolist() == [1.0, 2.0]
    path.write_bytes(b"\xff\xfe")
    for name in ("curve.parquet", "none.txt"):
        with pytest.raises(InputError, match="cannot be read"):
            read_reference(tmp_path / name)


def test_unusable_tables_and_names_are_refused(table, tmp_path):
    with pytest.raises(InputError, match="lacks value"):
        read_table(table.drop("value"))
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_table(tmp_path / "none.parquet")
    with pytest.raises(OptionError, match="aeff_none"):
        curve(table, "aef_none")
    with pytest.raises(OptionError, match="unknown group of aeff 'a'"):
        curve(table, "aeff", "a")
    with pytest.raises(OptionError, match="no offsets 0 to 1 deg, but 0 to 2, 2 to 4"):
        curve(table, "aeff", "", (0.0, 1.0))


def test_tables_without_events_give_figures_that_say_so(table, tmp_path):
    empty = table.with_columns(
        value=pl.when(pl.col("quantity").str.contains("^(energy|theta|.*sens|n_sig|signi)"))
        .then(None).otherwise(0.0),
        n_events=pl.lit(0, pl.Int64),
    )  # fmt: skip
    paths = responses.draw_responses(empty, tmp_path / "figures")
    assert [path.stem for path in paths] == FILES
    ax = axes_of_new_figure()
    responses.effective_area(ax, empty)
    assert [text.get_text() for text in ax.texts] == ["no bin has enough events"]
