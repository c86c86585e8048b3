"""Training, applying and responses of datasets in an S3 server: what they are from disk."""

from __future__ import annotations

import duckdb

import ctabatch
from ctabatch.io.model_files import write_models
from ctabatch.io.part_tables import part_tables
from ctabatch.io.spool import SpoolFolder
from ctabatch.learn.options import build_config
from ctabatch.learn.train import train
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.datasets import simulate_images
from ctabatch.simulate.options import SimulationOptions

from .irf_inputs import responses, simulate

QUICK = {"options": {"rounds": 10, "num_leaves": 7}}


def options_of(primary, obs_id, n):
    return SimulationOptions(
        primary=primary, n_showers=n, energy_range=(0.1, 20.0), index=-1.6, obs_id=obs_id,
        max_core_distance=350.0, viewcone=2.0, array=load_array("lst4"), seed=obs_id,
    )  # fmt: skip


def in_store(bucket, folder):
    """A local dataset copied into the bucket: what a user does with what is there already."""
    for path in folder.rglob("*"):
        if path.is_file():
            key = f"{folder.name}/{path.relative_to(folder).as_posix()}"
            bucket.put(key, path.read_bytes())
    return f"{bucket.uri}/{folder.name}"


def test_models_trained_and_applied_by_uri_are_those_from_disk(bucket, tmp_path, cli):
    local = {}
    for primary, obs_id, n in (("gamma", 1, 250), ("proton", 2, 600)):
        local[primary] = tmp_path / f"{primary}s"
        simulate_images(options_of(primary, obs_id, n), local[primary])
    there = {primary: in_store(bucket, folder) for primary, folder in local.items()}
    tasks = ("energy", "particle_type", "disp")
    config = build_config({"n_cross_validation": 2, "min_rows": 20, **dict.fromkeys(tasks, QUICK)})
    digests = []
    for name, sets in (("here", local), ("there", there)):
        with SpoolFolder(tmp_path / "rows") as spools:
            parts = [part_tables(sets[primary]) for primary in ("gamma", "proton")]
            made = train(*parts, config, spools)
        write_models(tmp_path / name, made.card, made.trees, made.tables)
        digests.append([one["trees"]["sha256"] for one in made.card["models"] if "trees" in one])
    code, _, err = cli("apply", local["gamma"], "--models", tmp_path / "here")
    assert (code, err) == (0, "")
    code, _, err = cli("apply", there["gamma"], "--models", tmp_path / "there")
    assert (code, err) == (0, "")
    here, uri = ctabatch.Dataset(local["gamma"]), ctabatch.Dataset(there["gamma"])
    assert uri.predictions().collect().equals(here.predictions().collect())
    assert uri.telescope_predictions().collect().equals(here.telescope_predictions().collect())
    before = bucket.tables("gammas/dl2/subarray")
    assert (
        cli("apply", there["gamma"], "--models", tmp_path / "there")[0] == 2
    )  # there are some already
    assert cli("apply", there["gamma"], "--models", tmp_path / "there", "--overwrite")[0] == 0
    assert len(bucket.tables("gammas/dl2/subarray")) == len(before)
    assert bucket.tables("gammas/dl2/subarray") != before
    code, _, err = cli("train", *there.values(), "-o", f"{bucket.uri}/models")
    assert code == 2
    assert "only datasets are written to object stores" in err
    assert not [path for path in tmp_path.iterdir() if ":" in path.name]


def test_responses_and_sql_by_uri_are_those_from_disk(bucket, tmp_path, cli):
    local = {
        kind: simulate(tmp_path / kind, kind, k) for k, kind in enumerate(("gamma", "proton"), 1)
    }
    there = {kind: in_store(bucket, folder) for kind, folder in local.items()}
    for name, source in (("here", local), ("there", there)):
        code, _, err = cli("irf", *source.values(), "-o", name, "--no-figures")
        assert (code, err) == (0, "")
    assert responses(tmp_path / "there").equals(responses(tmp_path / "here"))
    events = ctabatch.Dataset(there["gamma"]).predictions()  # noqa: F841 - duckdb finds it by its name
    found = duckdb.sql("SELECT count(*) FROM events").fetchall()
    assert found == [(ctabatch.Dataset(local["gamma"]).predictions().collect().height,)]
    code, _, err = cli("irf", there["gamma"], "-o", f"{bucket.uri}/irf")
    assert code == 2
    assert "only datasets are written to object stores" in err


def test_queries_by_uri_give_what_they_give_from_disk(bucket, tmp_path, cli):
    local = simulate(tmp_path / "gamma", "gamma", 1)
    there = in_store(bucket, local)
    sql = (
        "SELECT count(*) AS n, max(true_energy) AS highest FROM shower "
        "JOIN predictions USING (obs_id, event_id)"
    )
    answers = [cli("query", root, sql, "--format", "json") for root in (local, there)]
    assert answers[0][0] == 0, answers[0]
    assert answers[1] == answers[0]
    code, _, err = cli("query", there, "SELECT true_enery FROM shower")
    assert code == 2
    assert "true_energy" in err
