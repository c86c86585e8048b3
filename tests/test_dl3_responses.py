"""Responses by groups: pointings choose observations, other columns separate events."""

from __future__ import annotations

import dataclasses
import json
import shutil

import polars as pl
import pytest
from astropy.io import fits

from ctabatch.dl3.observations import to_horizon, wobble
from ctabatch.dl3.responses import home, lacking, listings, read_sets
from ctabatch.errors import InputError, OptionError
from tests import toy_observations as toy

EVENTS = pl.LazyFrame(
    {"pointing_alt": [70.0, 50.0], "pointing_az": [0.0, 0.0], "quality": ["good", None]}
)
LOW, HIGH = "(-inf, 25]", "(25, inf]"


@pytest.fixture
def folder(tmp_path):
    """Writes the folder of `ctabatch irf --by ...` with the toy's responses in every group."""

    def make(by, labels):
        groups = {label: f"group{n}" for n, label in enumerate(labels)}
        for name in groups.values():
            place = tmp_path / "irf" / "groups" / name
            place.mkdir(parents=True)
            fits.HDUList([fits.PrimaryHDU(), *toy.responses().values()]).writeto(place / "irf.fits")
        record = {"config": {"by": by}, "groups": groups}
        (tmp_path / "irf" / "irf.json").write_text(json.dumps(record))
        return tmp_path / "irf"

    return make


@pytest.fixture(scope="module")
def observations():
    found = wobble(toy.CRAB, toy.SITE, exposure=20 * 1200.0)
    zenith = [
        90 - to_horizon(o.ra_pnt, o.dec_pnt, 0.5 * (o.start + o.stop), o.site)[0][0] for o in found
    ]
    assert min(zenith) < 25 < max(zenith)
    return found, zenith


def test_bins_of_zenith_choose_the_responses_of_an_observation(folder, observations):
    by = ["zenith.cut([25])"]
    sets, of_runs = read_sets(folder(by, [f"zenith={LOW}", f"zenith={HIGH}"]), EVENTS)
    assert [column.name for column in of_runs] == ["zenith"]
    assert [s.run_key for s in sets] == [(LOW,), (HIGH,)]
    plan = listings(observations[0], sets)
    assert list(plan) == [o.obs_id for o in observations[0]]  # one list each, under its number
    for own, zenith in zip(plan.values(), observations[1], strict=True):
        assert own.responses.name == f"zenith={LOW if zenith <= 25 else HIGH}"
        assert own.observation.event_type == ""


def test_zenith_and_a_text_column_go_together(folder, observations):
    by = ["quality", "zenith.cut([25])"]
    labels = [f"quality={q}, zenith={z}" for q in ("good", "null") for z in (LOW, HIGH)]
    sets, _ = read_sets(folder(by, labels), EVENTS)
    plan = listings(observations[0], sets)
    assert len(plan) == 2 * len(observations[0])
    first = observations[0][0].obs_id
    good, without = plan[100 * first], plan[100 * first + 1]
    assert (good.number, good.observation.event_type) == (first, "quality=good")
    for own, expected in ((good, ["good"]), (without, [None])):
        assert own.responses.events(EVENTS).collect()["quality"].to_list() == expected


def test_a_pointing_without_responses_is_refused_with_those_there_are(folder, observations):
    sets, _ = read_sets(folder(["zenith.cut([25])"], [f"zenith={LOW}"]), EVENTS)
    with pytest.raises(InputError, match=r"no responses are for this pointing; there are zenith="):
        listings(observations[0], sets)


def test_responses_without_background_are_told(folder):
    sets, _ = read_sets(folder(["quality"], ["quality=good"]), EVENTS)
    assert lacking(sets) == []
    without = {kind: hdu for kind, hdu in sets[0].responses.items() if kind != "bkg"}
    (note,) = lacking([dataclasses.replace(sets[0], responses=without)])
    assert note.startswith("the responses hold no bkg:")


def test_one_group_may_be_named_by_its_folder(folder):
    root = folder(["quality"], ["quality=good", "quality=null"])
    (only,), _ = read_sets(root / "groups" / "group1", EVENTS)
    assert only.name == "quality=null"
    assert home(root / "groups" / "group1" / "irf.fits") == (root, "group1")
    assert home(root) == (root, None)


def test_events_that_lack_the_column_of_the_groups_are_refused(folder):
    root = folder(["quality"], ["quality=good"])
    with pytest.raises(OptionError, match="quality"):
        read_sets(root, EVENTS.drop("quality"))


def test_other_files_beside_the_responses_do_not_disturb(folder, tmp_path):
    root = folder(["quality"], ["quality=good"])
    place = root / "groups" / "group0"
    shutil.copy(place / "irf.fits", place / "psf_3gauss.fits")
    assert set(read_sets(root, EVENTS)[0][0].responses) == {"aeff", "edisp", "psf", "bkg"}
    with pytest.raises(InputError, match="holds no responses"):
        read_sets(tmp_path / "nowhere", EVENTS)
