"""The first look at all events: what passes, the cut flow, the groups."""

import polars as pl
import pytest

from ctabatch.errors import OptionError
from ctabatch.irf import survey as module
from ctabatch.irf.cuts import fixed_cuts
from ctabatch.irf.survey import Looks, survey
from tests.test_irf_fill import AXES, events

CUTS = fixed_cuts(AXES.reco_energy, 0.6, quality={"low": "reco_energy < 5"})


@pytest.fixture(scope="module")
def frame():
    rows = events(5000)
    n = pl.int_range(pl.len())
    return rows.with_columns(
        gammaness=(n % 97) / 97, kind=n % 3, is_valid=n % 5 > 0,
        true_energy=pl.col("true_energy").cast(pl.Float32),
    )  # fmt: skip


@pytest.mark.parametrize("limit", [2**28, 1000, 0])
def test_what_passes_and_the_cut_flow_are_those_of_the_cut_table(frame, monkeypatch, limit):
    """Whether what passes fits in memory or is read again."""
    monkeypatch.setattr(module, "MAX_BYTES", limit)
    found = survey(frame.lazy(), CUTS, [], ["kind"])
    expected = CUTS.apply(frame.lazy()).filter("passes_gammaness").collect()
    kept = found.kept.collect()
    assert 100 < kept.height < frame.height
    assert kept.equals(expected.select(kept.columns))
    table = CUTS.cut_flow(frame.lazy())
    assert found.flow == dict(zip(table["criterion"], table["n_events"], strict=True))
    assert list(found.flow)[:3] == ["all", "is_valid", "low"]
    assert sorted(found.groups.collect()["kind"]) == [0, 1, 2]


def test_groups_of_which_nothing_passes_are_found_too(frame):
    only = fixed_cuts(AXES.reco_energy, 0.6, quality={"kind": "kind = 1"})
    found = survey(frame.lazy(), only, [], ["kind"])
    assert found.kept.collect()["kind"].unique().to_list() == [1]
    assert found.groups.collect().height == 3


def test_only_columns_that_are_read_later_are_kept(frame):
    kept = survey(frame.lazy(), CUTS, ["true_offset"], [], "event_id // 100").kept
    names = set(kept.collect_schema().names())
    assert {"true_energy", "reco_energy", "gammaness", "event_id", "true_offset"} <= names
    assert not names & {"weight", "kind"}


def test_nothing_may_pass(frame):
    none = fixed_cuts(AXES.reco_energy, 2.0)
    found = survey(frame.lazy(), none, [])
    assert found.kept.collect().height == 0
    assert found.flow["gammaness cut"] == 0
    assert "reco_energy" in found.kept.collect_schema().names()


def test_several_frames_are_added_up(frame):
    looks = Looks(lambda rows: survey(rows, CUTS, [], ["kind"]))
    halves = [frame.lazy().head(1000), frame.lazy().slice(1000)]
    kept = pl.concat([looks(half).collect() for half in halves])
    whole = survey(frame.lazy(), CUTS, [], ["kind"])
    assert kept.equals(whole.kept.collect())
    assert looks.flow == whole.flow
    assert set(looks.groups.collect()["kind"]) == {0, 1, 2}


def test_columns_that_do_not_exist_are_named(frame):
    with pytest.raises(OptionError, match="gammaness"):
        survey(frame.lazy().drop("gammaness"), CUTS, [])
