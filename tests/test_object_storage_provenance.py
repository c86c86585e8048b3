"""`ctabatch info --provenance` by URI: the chain that is told of folders."""

from __future__ import annotations

import json
import shutil

import pytest

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.location import location
from ctabatch.provenance.activity import Activity
from ctabatch.provenance.chain import trace
from ctabatch.provenance.product import product_of
from ctabatch.provenance.record import RECORD, record_text
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions
from ctabatch.upkeep.compact import compact

from .faulty_proxy import FaultyProxy
from .irf_inputs import simulate
from .object_store import settings

FILES = ("g1.simtel.zst", "g2.simtel.zst")


@pytest.fixture(scope="module")
def simtel(tmp_path_factory):
    """A folder with two simulated files."""
    folder = tmp_path_factory.mktemp("simtel")
    for seed, name in enumerate(FILES, start=3):
        options = SimulationOptions(
            n_showers=60, array=load_array("lst4"), seed=seed, obs_id=seed
        )  # fmt: skip
        simulate_file(options, folder / name)
    return folder


@pytest.fixture
def here(simtel, tmp_path):
    """The dataset on disk, beside its inputs."""
    folder = tmp_path / "here"
    shutil.copytree(simtel, folder / "in")
    for name in FILES:
        assert Engine(folder / "dl1", ProcessConfig()).run(folder / "in" / name).status == "done"
    return folder


@pytest.fixture
def there(simtel, bucket):
    """The same dataset in the bucket, of inputs in the bucket."""
    for name in FILES:
        bucket.put(f"in/{name}", (simtel / name).read_bytes())
        source = location(f"{bucket.uri}/in/{name}")
        assert Engine(f"{bucket.uri}/dl1", ProcessConfig()).run(source).status == "done"
    return bucket.uri


def chain_of(cli, *words):
    code, out, err = cli("info", "--provenance", *words, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def same(link, roots):
    """A chain without what differs: where things are, and when they were made."""
    activity = {k: v for k, v in (link["activity"] or {}).items() if k not in ("start", "stop")}
    found = link["found"] or ""
    for root in roots:
        found = found.replace(str(root), "ROOT")
    name = link["name"].partition("@")[0].removesuffix(".parquet")
    kept = {"found": found.partition("@")[0].removesuffix(".parquet"), "activity": activity}
    inputs = [same(one, roots) for one in link["inputs"]]
    return {**link, **kept, "name": name, "inputs": inputs}


def test_the_chain_of_a_dataset_is_that_of_the_local_one(there, here, bucket, cli):
    roots = (here, bucket.uri)
    for step in ("process", "stereo", "compact"):
        if step == "stereo":
            assert cli("stereo", f"{there}/dl1")[0] == cli("stereo", here / "dl1")[0] == 0
        elif step == "compact":
            compact(f"{there}/dl1")
            compact(here / "dl1")
        found, expected = (chain_of(cli, f"{root}/dl1") for root in (there, here))
        assert found["n_missing"] == expected["n_missing"] == 0
        assert same(found["provenance"], roots) == same(expected["provenance"], roots)
        (part, *_) = found["provenance"]["inputs"]
        assert part["found"] == f"{there}/dl1"
        assert f"{bucket.uri}/in/g" in json.dumps(found)
        tables = [
            DatasetFolder(f"{root}/dl1").tables()["dl2/geometry"][0] for root in (there, here)
        ]
        found, expected = (chain_of(cli, table) for table in tables)
        assert same(found["provenance"], roots) == same(expected["provenance"], roots)
        assert found["provenance"]["inputs"]
    lines = [cli("info", "--provenance", f"{root}/dl1")[1].splitlines() for root in (there, here)]
    assert len(lines[0]) == len(lines[1]) > 4


def test_commit_records_are_products_too(there, cli):
    record = DatasetFolder(f"{there}/dl1").record_path(DatasetFolder(f"{there}/dl1").parts()[0])
    link = chain_of(cli, record)["provenance"]
    assert link["activity"]["name"] == "ctabatch process"
    assert link["inputs"][0]["found"].startswith(f"{there}/in/")


def test_files_are_compared_by_size_or_digest(there, bucket, cli):
    content = bucket.get(f"in/{FILES[0]}")
    bucket.put(f"in/{FILES[0]}", bytes(len(content)))
    assert chain_of(cli, f"{there}/dl1")["n_missing"] == 0
    found = chain_of(cli, f"{there}/dl1", "--verify")
    assert found["n_missing"] == 1
    bucket.put(f"in/{FILES[0]}", content[:-1])
    assert chain_of(cli, f"{there}/dl1")["n_missing"] == 1
    bucket.put(f"in/{FILES[0]}", content)
    assert chain_of(cli, f"{there}/dl1", "--verify")["n_missing"] == 0


def test_sizes_are_asked_for_and_no_content(there, bucket, server, monkeypatch):
    with FaultyProxy(server.port) as proxy, settings(monkeypatch, proxy.url):
        link = trace(location(f"{there}/dl1"))
    assert link.missing() == []
    asked = [method for method, path in proxy.log if "/in/" in path and "simtel" in path]
    assert asked == ["HEAD"] * len(FILES)


def test_inputs_that_moved_are_found_by_search_in_either_place(there, here, simtel, bucket, cli):
    for name in FILES:
        bucket.put(f"archive/{name}", (simtel / name).read_bytes())
        bucket.remove(f"in/{name}")
        (here / "in" / name).unlink()
    for root in (f"{there}/dl1", here / "dl1"):
        assert chain_of(cli, root)["n_missing"] == 2
        _, out, _ = cli("info", "--provenance", root)
        assert "2 not found here" in out
        found = chain_of(cli, root, "--search", f"{bucket.uri}/archive", "--verify")
        assert found["n_missing"] == 0
        assert f"{bucket.uri}/archive/{FILES[1]}" in json.dumps(found)
        assert chain_of(cli, root, "--search", simtel)["n_missing"] == 0
    code, _, err = cli("info", "--provenance", here / "dl1", "--search", "s3://no-such-bucket/x")
    assert code == 2
    assert "there is no bucket no-such-bucket" in err


def test_responses_made_by_uri_lead_to_the_dataset(bucket, tmp_path, cli):
    local = simulate(tmp_path / "gammas", "gamma", 1)
    for path in local.rglob("*"):
        if path.is_file():
            bucket.put(f"gammas/{path.relative_to(local).as_posix()}", path.read_bytes())
    assert cli("irf", f"{bucket.uri}/gammas", "-o", "irf", "--no-figures")[0] == 0
    record = json.loads((tmp_path / "irf" / RECORD).read_text())
    assert record["places"] == [f"{bucket.uri}/gammas"]
    shutil.rmtree(local)
    for product in (tmp_path / "irf", tmp_path / "irf" / "irf.parquet"):
        link = chain_of(cli, product)["provenance"]
        assert {one["found"] for one in link["inputs"]} == {f"{bucket.uri}/gammas"}
    bucket.put("copies/irf.fits", (tmp_path / "irf" / "irf.fits").read_bytes())
    copy = f"{bucket.uri}/copies/irf.fits"
    link = chain_of(cli, copy, "--search", bucket.uri)["provenance"]
    assert link["activity"]["name"] == "ctabatch irf"
    assert {one["found"] for one in link["inputs"]} == {f"{bucket.uri}/gammas"}


def test_a_store_that_does_not_answer_is_told_and_asked_once(here, server, cli, monkeypatch):
    folder = DatasetFolder(here / "dl1")
    for part in folder.parts():
        record = json.loads(folder.record_path(part).read_text())
        record["input"]["path"] = f"s3://no-such-bucket/in/{record['input']['name']}"
        folder.record_path(part).write_text(json.dumps(record))
    shutil.rmtree(here / "in")
    with FaultyProxy(server.port) as proxy, settings(monkeypatch, proxy.url):
        code, out, err = cli("info", "--provenance", here / "dl1")
    assert code == 0
    assert "2 not found here" in out
    assert "s3://no-such-bucket/in was not asked" in err
    assert "there is no bucket" in err
    assert len(proxy.log) <= 2
    with settings(monkeypatch, server.url):
        code, out, _ = cli("info", "--provenance", here / "dl1", "--json")
    assert list(json.loads(out)["unreachable"]) == ["s3://no-such-bucket/in"]


def test_places_in_records_keep_their_slashes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = Activity("ctabatch irf", (), {}, {"ctabatch": "1"})
    places = ["s3://bucket/a", "dl1", location("gs://bucket/b")]
    record = json.loads(record_text(made, product_of("irf", level="IRF"), places))
    assert record["places"] == sorted([str(tmp_path / "dl1"), "gs://bucket/b", "s3://bucket/a"])


@pytest.mark.parametrize(
    "hint", ["s3://", "s3://b/../x", "http://host/x", "file://other/x", "\0", "", "x" * 5000]
)
def test_hostile_places_are_not_looked_at(hint, here, cli):
    folder = DatasetFolder(here / "dl1")
    path = folder.record_path(folder.parts()[0])
    record = json.loads(path.read_text())
    record["input"]["path"] = hint
    path.write_text(json.dumps(record))
    assert cli("info", "--provenance", here / "dl1", "--search", here / "in")[0] == 0
