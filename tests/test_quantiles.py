"""Exact quantiles in bins, in bounded memory."""

import numpy as np
import polars as pl
import pytest
from pyirf.binning import calculate_bin_indices

from ctabatch.errors import InputError, OptionError
from ctabatch.irf import ranks
from ctabatch.irf.axes import Axis, linear_axis
from ctabatch.irf.fill import SHOWER
from ctabatch.irf.quantiles import quantiles
from ctabatch.irf.ranks import Sample

X, Y = linear_axis("energy", 0, 4, 4), linear_axis("offset", 0, 3, 3)
P = (0.0, 0.1587, 0.5, 0.68, 1.0)


def frame(n=30_000, seed=1):
    rng = np.random.default_rng(seed)
    return pl.DataFrame({
        "obs_id": np.full(n, 3),
        "event_id": np.arange(n) * 100,
        "x": rng.exponential(1.2, n),
        "y": rng.uniform(-0.5, 3.5, n),
        "v": rng.lognormal(-2, 1.5, n),
        "kind": rng.integers(0, 3, n),
        "good": rng.random(n) < 0.7,
    })  # fmt: skip


def sample(**options):
    return Sample("v", "v", (("x", X), ("y", Y)), P, **options)


def own(events, i, j):
    inside = pl.col("x").is_between(X.lo[i], X.hi[i], closed="left") & pl.col("y").is_between(
        Y.lo[j], Y.hi[j], closed="left"
    )
    return events.filter(inside)["v"].to_numpy()


@pytest.mark.parametrize(
    "values",
    [
        lambda v: v,
        lambda v: -v,
        lambda v: v - np.median(v),
        lambda v: np.round(v, 1),
        np.zeros_like,
        lambda v: v * 1e-30,
        lambda v: 1 / (v * 1e-20),
        lambda v: np.where(v < 0.1, np.nan, v),
    ],
    ids=["positive", "negative", "both", "many equal", "all 0", "tiny", "large", "some NaN"],
)
def test_quantiles_are_exactly_those_of_numpy(values):
    events = frame()
    events = events.with_columns(v=values(events["v"].to_numpy()))
    found = quantiles(events.lazy(), [sample()])["", "v"]
    for i in range(4):
        for j in range(3):
            v = own(events, i, j)
            assert found.counts[i, j] == np.isfinite(v).sum() > 100
            np.testing.assert_array_equal(found.value[:, i, j], np.nanquantile(v, P))
            # sums in another order: ten digits are left of them
            scale = np.nanmax(np.abs(v))
            np.testing.assert_allclose(found.mean[i, j], np.nanmean(v), atol=1e-10 * scale)


def test_bins_with_few_events_have_no_values_and_no_errors():
    events = pl.DataFrame({"x": [0.5, 1.5, 1.5], "y": [0.5] * 3, "v": [2.0, 3.0, 5.0]})
    found = quantiles(events.lazy(), [sample()])["", "v"]
    assert found.counts[:, 0].tolist() == [1, 2, 0, 0]
    assert found.value[:, 0, 0].tolist() == [2.0] * len(P)
    assert np.isnan(found.value[:, 2:, 0]).all()
    assert np.isnan(found.error[:, [0, 2, 3], 0]).all()
    assert np.isnan(found.error[:, 1, 0]).tolist() == [True, False, False, False, True]
    assert np.isnan(found.mean_error[:, 0]).tolist() == [True, False, True, True]
    assert found.mean[:2, 0].tolist() == [2.0, 4.0]


def test_a_value_on_the_last_edge_is_outside_as_in_benchmarks_of_pyirf():
    edges = [0.0, 1.0, 3.9, 4.0]
    events = pl.LazyFrame({"x": edges, "y": [0.0] * 4, "v": [1.0] * 4})
    assert quantiles(events, [sample()])["", "v"].counts[:, 0].tolist() == [1, 1, 0, 1]
    bins, valid = calculate_bin_indices(np.array(edges), X.edges)
    assert bins[valid].tolist() == [0, 1, 3]


def test_groups_and_cuts_are_those_of_a_filter():
    events = frame().with_columns(is_valid=pl.col("event_id") % 700 != 0)
    found = quantiles(events.lazy(), [sample(cuts=("good",))], by=["kind"])
    assert sorted(group for group, _ in found) == ["kind=0", "kind=1", "kind=2"]
    for kind in range(3):
        chosen = events.filter(pl.col("kind") == kind, "good", "is_valid")
        expected = quantiles(chosen.drop("is_valid").lazy(), [sample()])["", "v"]
        result = found[f"kind={kind}", "v"]
        for name in ("counts", "value", "error"):
            np.testing.assert_array_equal(getattr(result, name), getattr(expected, name))


def test_memory_may_be_small_because_scans_are_repeated(monkeypatch):
    expected = quantiles(frame().lazy(), [sample()])["", "v"]
    monkeypatch.setattr(ranks, "MAX_VALUES", 100)
    found = quantiles(frame().lazy(), [sample()])["", "v"]
    np.testing.assert_array_equal(found.value, expected.value)
    np.testing.assert_array_equal(found.error, expected.error)


def test_errors_are_the_spread_of_repeated_measurements():
    rng = np.random.default_rng(4)
    p = (0.16, 0.5, 0.84)
    axis = (("x", Axis("energy", np.arange(201.0))),)
    v, x = rng.gamma(2.0, 1.0, 200 * 400), np.repeat(np.arange(200) + 0.5, 400)
    found = quantiles(pl.LazyFrame({"x": x, "v": v}), [Sample("v", "v", axis, p)])["", "v"]
    # 200 repetitions know a spread to 5 %: two of its deviations
    spread = found.value.std(axis=1)
    np.testing.assert_allclose(found.error.mean(axis=1), spread, rtol=0.1)
    np.testing.assert_allclose(found.mean_error.mean(), found.mean.std(), rtol=0.1)


def test_uses_of_one_shower_count_once_in_errors():
    events = frame(3000)
    four = pl.concat([events.with_columns(event_id=pl.col("event_id") + k) for k in range(4)])
    four = four.sort("event_id")
    alone = quantiles(events.lazy(), [sample()], shower=SHOWER)["", "v"]
    found = quantiles(four.lazy(), [sample()], shower=SHOWER)["", "v"]
    assert (found.counts == 4 * alone.counts).all()
    # copies are equal: only the interpolation between ranks, some tens apart, differs
    ratio = found.error[1:-1] / alone.error[1:-1]
    assert np.median(ratio) == pytest.approx(1.0, abs=0.03)
    # n - 1 and 4 n - 1 with n above 30
    np.testing.assert_allclose(found.mean_error, alone.mean_error, rtol=0.02)
    many = quantiles(four.lazy(), [sample()])["", "v"]
    assert np.median(many.error[2] / found.error[2]) == pytest.approx(0.5, abs=0.1)


def test_no_events_give_no_values_and_with_groups_no_groups():
    found = quantiles(frame(0).lazy(), [sample()])["", "v"]
    assert found.counts.sum() == 0
    assert np.isnan(found.value).all()
    assert quantiles(frame(0).lazy(), [sample()], by=["kind"]) == {}


def test_columns_that_are_not_there_are_named():
    with pytest.raises(OptionError, match="lack columns: w"):
        quantiles(frame(3).lazy(), [Sample("w", "w", (("x", X),), (0.5,))])


def test_events_that_change_between_the_scans_are_refused():
    calls = []

    def other(data):
        calls.append(0)
        return data.with_columns(v=data["v"] * len(calls))

    events = frame(1000).lazy().map_batches(other, schema=frame(0).schema)
    with pytest.raises(InputError, match="changed between two scans"):
        quantiles(events, [sample()])
