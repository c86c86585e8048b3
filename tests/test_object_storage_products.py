"""Event lists and charge resolutions of datasets in an S3 server: what they are from disk."""

from __future__ import annotations

import json

import pytest
from astropy.io import fits
from astropy.table import Table

from tests import toy_night
from tests import toy_observations as toy
from tests.irf_inputs import simulate
from tests.test_object_storage_chain import in_store
from tests.toy_charges import smeared, write_images


@pytest.fixture
def toy_responses(tmp_path):
    path = tmp_path / "irf.fits"
    fits.HDUList([fits.PrimaryHDU(), *toy.responses().values()]).writeto(path)
    return path


def lists(folder):
    """Observation -> its events."""
    paths = sorted((folder / "data").glob("obs_*.fits"))
    assert paths
    return {path.name: Table.read(path, hdu="EVENTS") for path in paths}


def check_same_lists(folder, expected):
    found, wanted = lists(folder), lists(expected)
    assert found.keys() == wanted.keys()
    assert sum(map(len, found.values())) > 0
    for name, rows in wanted.items():
        assert rows.colnames == found[name].colnames
        assert all((rows[column] == found[name][column]).all() for column in rows.colnames), name


def test_a_night_in_a_store_becomes_the_same_event_lists(bucket, cli, toy_responses, tmp_path):
    night = tmp_path / "night"
    toy_night.write_dataset(night, toy_night.night())
    there = in_store(bucket, night)
    for name, source in (("here", night), ("there", there)):
        code, _, err = cli("dl3", source, "--irf", toy_responses, "-o", name)
        assert (code, err) == (0, "")
    check_same_lists(tmp_path / "there", tmp_path / "here")
    assert cli("dl3", "check", "there") == (0, "there: good\n", "")


def test_observations_are_drawn_from_simulations_in_a_store(bucket, cli, tmp_path):
    roots = {
        kind: simulate(tmp_path / kind, kind, k) for k, kind in enumerate(("gamma", "proton"), 1)
    }
    there = {kind: in_store(bucket, root) for kind, root in roots.items()}
    assert cli("irf", *roots.values(), "-o", "irf", "--no-cuts", "--no-figures")[0] == 0
    for name, sources in (("here", roots), ("there", there)):
        words = ("--irf", "irf", "-o", name, "--exposure", 0.1, "--seed", 5)
        code, _, err = cli("dl3", "--simulate", *sources.values(), *words)
        assert code == 0, err
    check_same_lists(tmp_path / "there", tmp_path / "here")


def test_charges_in_a_store_give_the_same_resolutions(bucket, cli, tmp_path):
    root = tmp_path / "images"
    write_images(root, *smeared())
    there = in_store(bucket, root)
    code, out, err = cli("verify", "charge", root, "--json")
    assert code == 0, err
    here = json.loads(out)
    code, out, err = cli("verify", "charge", there, "-o", "charge", "--no-figures", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["table"] == here["table"]
    assert len(found["table"]) > 0
    assert json.loads((tmp_path / "charge/charge.json").read_text())["datasets"] == [there]
    code, _, err = cli("verify", "charge", there, f"{there}/")
    assert code == 2
    assert f"{there}: this dataset is named twice" in err


@pytest.mark.parametrize(
    "words",
    [
        ("verify", "charge"), ("irf", "-o", "new"), ("train", "-o", "new"), ("query", "SELECT 1"),
        ("stereo",), ("info",), ("validate",), ("compact", "--in-place"),
        ("dl3", "--irf", "irf.fits", "-o", "new"), ("plot", "parameters", "-o", "new.png"),
        ("dl3", "--simulate", "--irf", "irf.fits", "-o", "new"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_dataset_that_is_not_there_is_named_as_it_was(words, bucket, cli, toy_responses):
    there = f"{bucket.uri}/absent"
    at = 2 if words[0] in ("verify", "plot") else 1
    code, _, err = cli(*words[:at], there, *words[at:])
    assert code == 2
    assert f"{there}: " in err
    assert "no ctabatch dataset" in err or "there is no such file or folder" in err
    assert "s3:/bucket" not in err
