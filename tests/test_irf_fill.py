"""Histograms of response functions from one scan."""

import dataclasses
import warnings

import numpy as np
import polars as pl
import pytest

from ctabatch.errors import InputError, OptionError
from ctabatch.irf.axes import energy_axis, linear_axis, migra_axis
from ctabatch.irf.fill import SHOWER, fill
from ctabatch.irf.groups import GroupColumn, Groups
from ctabatch.irf.histograms import QUANTITIES, IrfAxes

AXES = IrfAxes(
    true_energy=energy_axis(0.02, 200, 5),
    reco_energy=energy_axis(0.02, 200, 3),
    offset=linear_axis("offset", 0, 5, 5),
    migra=migra_axis(0.2, 5, 12),
    rad=linear_axis("rad", 0, 1, 20),
    fov_lon=linear_axis("fov_lon", -4, 4, 8),
    fov_lat=linear_axis("fov_lat", -3, 3, 6),
)
NO_FOV = dataclasses.replace(AXES, fov_lon=None)


def events(n=40_000, seed=3):
    rng = np.random.default_rng(seed)
    true = 0.01 * rng.random(n) ** -1.0
    columns = {
        "obs_id": np.full(n, 5),
        "event_id": 100 * np.repeat(np.arange(n), 3)[:n] + np.arange(n) % 3,
        "true_energy": true,
        "reco_energy": true * np.exp(rng.normal(0, 0.4, n)),
        "true_fov_lon": rng.normal(0, 2, n),
        "true_fov_lat": rng.normal(0, 2, n),
        "theta": np.abs(rng.normal(0, 0.3, n)),
        "gammaness": rng.random(n),
        "weight": rng.exponential(2, n),
        "event_type": rng.integers(0, 4, n),
        "pointing_alt": rng.choice([70.0, 50.0, 30.0], n),
    }
    columns["true_offset"] = np.hypot(columns["true_fov_lon"], columns["true_fov_lat"])
    for name in ("fov_lon", "fov_lat", "offset"):
        columns[f"reco_{name}"] = np.abs(columns[f"true_{name}"] + rng.normal(0, 0.1, n))
    frame = pl.DataFrame(columns)
    return frame.with_columns(
        passes_gammaness=pl.col("gammaness") > 0.4, passes_theta=pl.col("theta") < 0.35
    )


def reference(frame, quantity, axes=AXES, weights=None):
    frame = frame.with_columns(migra=pl.col("reco_energy") / pl.col("true_energy"))
    data = np.column_stack([frame[column].to_numpy() for column, _ in QUANTITIES[quantity]])
    edges = [axis.edges for axis in axes.of(quantity)]
    return np.histogramdd(data, edges, weights=weights)[0]


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_counts_are_those_of_numpy_in_every_bin(quantity):
    frame = events()
    histogram = fill(frame.lazy(), AXES, [quantity]).histograms["", quantity]
    expected = reference(frame, quantity)
    assert expected.sum() > 10_000
    np.testing.assert_array_equal(histogram.counts[histogram.inside], expected)
    assert histogram.counts.sum() == frame.height  # nothing is lost outside


def test_edges_of_narrow_floats_decide_as_the_same_doubles(tmp_path):
    frame = events().with_columns(pl.col(pl.Float64).cast(pl.Float32))
    frame.write_parquet(tmp_path / "e.parquet", row_group_size=1000)
    found = fill(pl.scan_parquet(tmp_path / "e.parquet"), AXES, ["edisp"]).histograms["", "edisp"]
    expected = reference(frame.cast({pl.Float32: pl.Float64}), "edisp")
    np.testing.assert_array_equal(found.counts[found.inside], expected)


def test_cuts_apply_where_they_belong():
    frame = events()
    found = fill(frame.lazy(), AXES, ["aeff", "psf", "background"],
                 gammaness="passes_gammaness", theta="passes_theta")  # fmt: skip
    after_gammaness = frame.filter("passes_gammaness").height
    both = frame.filter("passes_gammaness", "passes_theta").height
    assert found.point_like
    assert found.histograms["", "aeff"].counts.sum() == both < after_gammaness < frame.height
    assert found.histograms["", "psf"].counts.sum() == after_gammaness
    assert found.histograms["", "background"].counts.sum() == after_gammaness


def test_events_that_are_not_valid_or_have_no_decision_do_not_count():
    frame = events(6).with_columns(
        is_valid=pl.Series([True, True, None, False, True, True]),
        passes=pl.Series([True, None, True, True, False, True]),
    )
    found = fill(frame.lazy(), AXES, ["aeff"], gammaness="passes")
    assert found.n_events == 6
    assert found.histograms["", "aeff"].counts.sum() == 2


def test_weights_and_their_squares_are_summed():
    frame = events()
    found = fill(frame.lazy(), AXES, ["background"], weight="weight").histograms["", "background"]
    weight = frame["weight"].to_numpy()
    sums, squares = (reference(frame, "background", weights=weight**k) for k in (1, 2))
    np.testing.assert_allclose(found.sums[found.inside], sums, rtol=1e-12)
    np.testing.assert_allclose(found.squares[found.inside], squares, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 40_000, 400_001])
def test_uses_of_a_shower_are_one_draw_also_across_batches(n):
    frame = events(n)
    found = fill(frame.lazy(), AXES, ["background"], weight="weight", shower=SHOWER)
    histogram = found.histograms["", "background"]
    index = [axis.index(frame[column].to_numpy()) for axis, (column, _) in
             zip(histogram.axes, QUANTITIES["background"], strict=True)]  # fmt: skip
    cell = np.ravel_multi_index(tuple(index), histogram.counts.shape)
    per_shower = (
        frame.select(shower=pl.col("event_id") // 100, cell=pl.Series(cell), w="weight")
        .group_by("shower", "cell").agg(pl.col("w").sum())
        .group_by("cell").agg(pl.col("w").pow(2).sum())
    )  # fmt: skip
    expected = np.zeros(histogram.counts.size)
    expected[per_shower["cell"].to_numpy()] = per_shower["w"].to_numpy()
    assert histogram.counts.sum() == n
    np.testing.assert_allclose(histogram.squares.ravel(), expected, rtol=1e-10)


def test_groups_are_those_of_a_filter():
    frame = events()
    found = fill(frame.lazy(), AXES, ["aeff", "edisp"], by=["event_type", "zenith.cut([20, 45])"])
    assert len(found.groups) == 12
    zenith = 90 - pl.col("pointing_alt")
    for kind in range(4):
        for label, low, high in (
            ("(-inf, 20]", -1, 20),
            ("(20, 45]", 20, 45),
            ("(45, inf]", 45, 99),
        ):
            group = f"event_type={kind}, zenith={label}"
            own = frame.filter(pl.col("event_type") == kind, zenith > low, zenith <= high)
            histogram = found.histograms[group, "edisp"]
            np.testing.assert_array_equal(
                histogram.counts[histogram.inside], reference(own, "edisp")
            )
            assert found.histograms[group, "aeff"].counts.sum() == own.height
            assert found.groups[group] == (str(kind), label)
            assert frame.filter(found.condition(group)).equals(own)


def test_interval_names_are_those_of_polars():
    frame = events(500)
    found = fill(frame.lazy(), AXES, ["aeff"], by=["theta.cut([0.1, 0.5])"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer polars has another name for it
        cut = frame.select(pl.col("theta").cut([0.1, 0.5]).cast(pl.String).alias("c"))
    sizes = dict(cut.group_by("c").len().iter_rows())
    assert {g: found.histograms[g, "aeff"].counts.sum() for g in found.groups} == {
        f"theta={label}": n for label, n in sizes.items()
    }


@pytest.mark.parametrize(
    "values",
    [
        pl.Series(["a", "b", None, "a"]),
        pl.Series([True, False, None, True]),
        pl.Series([2, 1, None, 2], dtype=pl.Int8),
        pl.Series([20.1, 40.0, None, 20.1], dtype=pl.Float32),
        pl.Series(["a", "b", None, "a"], dtype=pl.Categorical),
    ],
)
def test_any_type_of_column_makes_groups(values):
    found = fill(events(4).with_columns(kind=values).lazy(), AXES, ["aeff"], by=["kind"])
    names = [f"kind={'null' if v is None else v}" for v in (values[0], values[1], None)]
    if values.dtype == pl.Float32:
        names[0] = "kind=20.1"
    sizes = {g: int(found.histograms[g, "aeff"].counts.sum()) for g in found.groups}
    assert sizes == dict(zip(names, (2, 1, 1), strict=True))
    frame = events(4).with_columns(kind=values)
    assert {g: frame.filter(found.condition(g)).height for g in found.groups} == sizes


def test_no_events_give_empty_histograms():
    found = fill(events().clear().lazy(), AXES, ["aeff", "background"], weight="weight")
    assert found.histograms["", "aeff"].counts.sum() == 0
    assert fill(events().clear().lazy(), AXES, ["aeff"], by=["event_type"]).histograms == {}


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"by": ["zenit"]}, "unknown column in 'zenit'"),
        ({"by": ["theta.cut([1, x])"]}, "must be numbers"),
        ({"by": ["theta.cut([2, 1])"]}, "rising order"),
        ({"by": ["theta.cut(__import__('os'))"]}, "not valid SQL"),
        ({"by": ["theta"]}, "more than 256 groups"),
        ({"by": ["sum(theta)"]}, "mixes rows"),
        ({"gammaness": "passes"}, "lack columns: passes"),
        ({"quantities": ["aef"]}, "Did you mean 'aeff'"),
        ({"quantities": ["psf_3d"], "axes": NO_FOV}, "bins of fov_lon"),
    ],
)  # fmt: skip
def test_unusable_options_are_refused(options, what):
    options = {"axes": AXES, "quantities": ["aeff"]} | options
    with pytest.raises(OptionError, match=what):
        fill(events(1000).lazy(), **options)


def test_a_missing_weight_is_refused():
    frame = events(10).with_columns(weight=pl.lit(None, pl.Float64))
    with pytest.raises(InputError, match="no finite weight"):
        fill(frame.lazy(), AXES, ["background"], weight="weight")


def test_groups_are_in_the_order_of_their_values():
    """Batches of a query come in any order: the groups must not."""
    frame = events(3000).with_columns(kind=pl.when(pl.int_range(pl.len()) % 3 == 0).then(12)
                                      .when(pl.int_range(pl.len()) % 3 == 1).then(3))  # fmt: skip
    by = ["kind", "pointing_alt.cut([40, 60])"]
    for rows in (frame, frame.reverse()):
        found = fill(rows.lazy(), AXES, ["aeff"], by=by)
        assert list(found.groups.values()) == [
            (kind, part) for kind in ("3", "12", "null")
            for part in ("(-inf, 40]", "(40, 60]", "(60, inf]")
        ]  # fmt: skip


@pytest.mark.parametrize("length", [1, 7, 40, 5000])
@pytest.mark.parametrize(
    "by", ["obs_id % 3", "zenith.cut([25, 45])", "pointing_alt", "obs_id + pointing_alt"]
)
def test_expressions_of_run_columns_are_evaluated_run_by_run_with_the_same_groups(by, length):
    """Runs shorter and longer than what makes this worth it, and one that ends in a batch."""
    n = 12_345
    run = np.arange(n) // length
    frame = events(n).with_columns(
        obs_id=pl.Series(100 + run % 9), pointing_alt=pl.Series(np.array([70.0, 50, 30])[run % 3])
    )
    column = GroupColumn(by, frame.columns)
    assert column.is_steady == (by != "obs_id + pointing_alt")
    groups = Groups([column])
    found = []
    for piece in frame.iter_slices(5000):
        found += groups.numbers(piece.select(read=column.read), ["read"]).tolist()
    labels = groups.labels()
    own = GroupColumn(by, frame.columns)
    values = frame.select(own.expr.alias("value"))["value"]
    expected = [f"{own.name}={own.labels[code]}" for code in own.codes(values)]
    assert [labels[number] for number in found] == expected
    assert len(labels) > 1


@pytest.mark.parametrize(
    "batches",
    [
        [[3, 1], [1, 5], [-4, 3], [None, 1], [1, 2]],
        [[0, 10_000], [5, 0], [9, 10_000]],
        [[2**62, 0], [2**62, 1]],
        [list(range(3000, 3200)) * 30, [7]],
    ],
)
def test_codes_stay_the_same_whatever_numbers_come_later(batches):
    """Numbers near each other, far apart, beyond 2^53, missing, and more than fit one look."""
    column = GroupColumn("kind", ["kind"])
    for batch in batches:
        series = pl.Series("kind", batch, dtype=pl.Int64)
        labels = ["null" if value is None else str(value) for value in batch]
        assert [column.labels[code] for code in column.codes(series)] == labels
    assert len(set(column.labels)) == len(column.labels)
