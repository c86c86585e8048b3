"""Inputs and datasets in an S3 server: the same rows as on disk, and one version or the other."""

from __future__ import annotations

import json
import threading

import polars as pl
import pytest

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import InputError, OptionError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_index import indexed_files, write_index
from ctabatch.io.location import location
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions

from .object_store import settings
from .same_tables import check_same

ALL = {"write": ["r0", "r1", "images", "parameters", "geometry"]}


@pytest.fixture(scope="module")
def gammas(tmp_path_factory):
    """A simulated file of two telescope types."""
    path = tmp_path_factory.mktemp("storage") / "gammas.simtel.zst"
    simulate_file(SimulationOptions(n_showers=60, array=load_array("alpha-north"), seed=3), path)
    return path


@pytest.fixture(scope="module")
def on_disk(gammas, tmp_path_factory):
    """What the file becomes on disk."""
    folder = tmp_path_factory.mktemp("disk") / "dl1"
    assert Engine(folder, ProcessConfig(**ALL)).run(gammas).status == "done"
    return folder


@pytest.fixture
def stored(bucket, gammas):
    """A dataset in the bucket, of the file in the bucket."""
    source = location(bucket.put("in/gammas.simtel.zst", gammas.read_bytes()))
    assert Engine(f"{bucket.uri}/dl1", ProcessConfig(**ALL)).run(source).status == "done"
    return f"{bucket.uri}/dl1"


def test_from_store_to_store_gives_the_rows_of_the_local_run(stored, bucket, on_disk, tmp_path):
    copy = bucket.copy_of("dl1", tmp_path)
    check_same(copy, on_disk)
    records = [next((root / "parts").glob("*.json")) for root in (copy, on_disk)]
    found, expected = (json.loads(path.read_text()) for path in records)
    assert records[0].name == records[1].name
    assert found["input"]["sha256"] == expected["input"]["sha256"]
    assert found["input"]["path"] == f"{bucket.uri}/in/gammas.simtel.zst"
    assert set(found["tables"]) == {key.removeprefix("dl1/") for key in bucket.tables("dl1/")}
    for name, facts in found["tables"].items():
        assert facts["bytes"] == len(bucket.get(f"dl1/{name}"))


@pytest.mark.parametrize("way", ["to the store", "from the store"])
def test_one_end_may_be_on_this_machine(way, bucket, gammas, on_disk, tmp_path, cli):
    options = ["--write", "r0,r1,images,parameters,geometry"]
    if way == "to the store":
        code, out, err = cli("process", gammas, "-o", f"{bucket.uri}/x/dl1", *options)
        copy = bucket.copy_of("x", tmp_path / "copy") / "dl1"
        assert f"written to {bucket.uri}/x/dl1" in out
    else:
        source = bucket.put("gammas.simtel.zst", gammas.read_bytes())
        code, _, err = cli("process", source, "-o", f"file://{tmp_path}/mine", *options)
        copy = tmp_path / "mine"
    assert (code, err) == (0, "")
    check_same(copy, on_disk)
    assert not [path for path in tmp_path.iterdir() if ":" in path.name]


def test_the_dataset_reads_as_from_disk(stored, on_disk):
    there, here = ctabatch.Dataset(stored), ctabatch.Dataset(on_disk)
    assert (there.parts, there.tables, there.tel_types) == (here.parts, here.tables, here.tel_types)
    for name in ("trigger", "pointing", "shower", "run", "geometry", "impact", "parameters"):
        assert getattr(there, name)().collect().equals(getattr(here, name)().collect()), name
    assert there.subarray().collect().equals(here.subarray().collect())
    tel_type = here.tel_types[0]
    for level in ("r0", "r1"):
        few = [d.waveforms(tel_type, level).head(3).collect() for d in (there, here)]
        assert few[0].equals(few[1])
    bright = pl.col("hillas_intensity") > 200
    order = ["tel_type", "obs_id", "event_id", "tel_id"]  # joins keep none
    rows = [d.parameters(truth=True).filter(bright).collect().sort(order) for d in (there, here)]
    assert rows[0].equals(rows[1])
    assert there.subarray_description().digest == here.subarray_description().digest
    key = here.parameters().select("obs_id", "event_id", "tel_id").head(1).collect().row(0)
    assert (there.raw_waveform(*key) == here.raw_waveform(*key)).all()


def test_stored_raw_data_in_a_store_are_processed_again(stored, on_disk, tmp_path, cli):
    code, _, err = cli("process", stored, "-o", tmp_path / "again")
    assert (code, err) == (0, "")
    check_same(tmp_path / "again", on_disk, but=("r0", "r1", "calibration"))


def test_the_stream_of_a_part_opens_by_uri(stored, on_disk, bucket):
    stream = next(key for key in bucket.tables("dl1/r0_stream/"))
    with ctabatch.open(f"{bucket.uri}/{stream}") as source:
        assert sum(1 for _ in source) > 0
    with pytest.raises(InputError, match="not committed"):
        ctabatch.open(f"{bucket.uri}/dl1/r0_stream/absent-12345678@0.parquet")


def test_info_tells_of_datasets_and_files(stored, bucket, on_disk, cli):
    code, out, _ = cli("info", stored, "--json")
    _, expected, _ = cli("info", on_disk, "--json")
    found, here = json.loads(out), json.loads(expected)
    assert code == 0
    assert found["dataset"] == stored
    assert {k: v for k, v in found.items() if k not in ("dataset", "tables", "parts")} == {
        k: v for k, v in here.items() if k not in ("dataset", "tables", "parts")
    }
    code, out, _ = cli("info", f"{bucket.uri}/in/gammas.simtel.zst", "--json")
    assert code == 0
    assert json.loads(out)["array_events"] == here["array_events"]
    assert cli("info", f"{bucket.uri}/absent")[0] == 2


def test_resume_skips_refuse_refuses_and_overwrite_replaces(stored, bucket, cli):
    source, before = f"{bucket.uri}/in/gammas.simtel.zst", bucket.keys("dl1/")
    words = ["process", source, "-o", stored, "--write", "images,parameters,geometry"]
    code, _, err = cli(*words)
    assert code == 2
    assert "--resume" in err
    assert bucket.keys("dl1/") == before
    assert cli(*words, "--overwrite")[0] == 0
    after = bucket.keys("dl1/")
    parts = [key for key in after if key.startswith("dl1/parts/")]
    assert parts == [key for key in before if key.startswith("dl1/parts/")]
    new, old = set(bucket.tables("dl1/")), {key for key in before if "@" in key}
    assert not new & old
    assert not [key for key in new if "/r0" in key or "/r1" in key]
    assert set(json.loads(bucket.get(parts[0]))["tables"]) == {k.removeprefix("dl1/") for k in new}
    code, out, _ = cli(*words, "--resume", "--json")
    assert json.loads(out)["inputs"][0]["status"] == "skipped"
    assert bucket.keys("dl1/") == after


def test_stereo_replaces_only_its_tables(stored, bucket, cli, on_disk, tmp_path):
    before = set(bucket.tables("dl1/"))
    assert cli("stereo", stored)[0] == 0
    after = set(bucket.tables("dl1/"))
    gone = {key.rpartition("/")[0] for key in before - after}
    assert gone == {key.rpartition("/")[0] for key in after - before}
    assert all("/dl2/" in name or name.endswith("cut_flow") for name in gone)
    check_same(bucket.copy_of("dl1", tmp_path), on_disk)


def test_two_processes_on_one_input_leave_one_whole_version(bucket, gammas, on_disk, tmp_path):
    engines = [
        Engine(f"{bucket.uri}/dl1", ProcessConfig(**ALL), "overwrite", threads=1) for _ in range(3)
    ]
    results = []
    runs = [threading.Thread(target=lambda e=e: results.append(e.run(gammas))) for e in engines]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [result.status for result in results] == ["done"] * 3
    tables = {key.removeprefix("dl1/") for key in bucket.tables("dl1/")}
    record = json.loads(bucket.get(next(key for key in bucket.keys("dl1/parts/"))))
    assert tables == set(record["tables"])
    assert len({name.partition("@")[2] for name in tables}) == 1
    check_same(bucket.copy_of("dl1", tmp_path), on_disk)


def test_what_is_there_already_is_left_alone(bucket, gammas, cli):
    bucket.put("mine/thesis.tex", b"precious")
    code, _, err = cli("process", gammas, "-o", f"{bucket.uri}/mine")
    assert code == 2
    assert "holds something else" in err
    assert bucket.keys() == ["mine/thesis.tex"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["process", "s3://no-such-bucket/x.simtel", "-o", "out"], "there is no bucket"),
        (["process", "FILE", "-o", "s3://no-such-bucket/out"], "there is no bucket"),
        (["process", "BUCKET/absent.simtel", "-o", "out"], "there is no such file"),
        (["process", "BUCKET/folder", "-o", "out"], "this is a directory"),
        (["process", "ftp://host/x.simtel", "-o", "out"], "unknown scheme 'ftp'"),
        (["process", "FILE", "-o", "s3://"], "no place in an object store"),
        (["simulate", "BUCKET/x.simtel", "--showers", "1"], "must be on this machine"),
        (["train", "BUCKET/dl1", "-o", "BUCKET/models"], "no ctabatch dataset"),
        (["process", "FILE", "-o", "BUCKET/d", "--display", "1"], "must be on this machine"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_told(words, message, bucket, gammas, cli, tmp_path):
    bucket.put("folder/x.simtel", b"x")
    names = {"FILE": str(gammas), "BUCKET": bucket.uri}
    words = [
        word.replace("BUCKET", names["BUCKET"]).replace("FILE", names["FILE"]) for word in words
    ]
    code, _, err = cli(*words)
    assert code == 2
    assert message in err
    assert bucket.keys("dl1") == []
    assert not [path for path in tmp_path.iterdir() if ":" in path.name]


def test_credentials_that_are_refused_say_which_they_are(server, gammas, cli, monkeypatch):
    bucket = server.new_bucket()
    with settings(monkeypatch, server.url):
        monkeypatch.setattr("ctabatch.io.object_store.bucket_of", _refused)
        code, _, err = cli("process", gammas, "-o", f"{bucket.uri}/dl1")
    assert code == 2
    assert "AWS_PROFILE" in err
    assert "was refused" in err


def _refused(path, **_):
    raise PermissionError("403 Forbidden")


def test_without_the_package_the_error_names_the_extra(gammas, cli, monkeypatch, bucket):
    import sys

    from ctabatch.io import store_client

    store_client._client.cache_clear()
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    monkeypatch.setitem(sys.modules, "obstore", None)
    code, _, err = cli("process", gammas, "-o", f"{bucket.uri}/dl1")
    assert code == 2
    assert "ctabatch[s3]" in err
    with pytest.raises(OptionError, match="ctabatch"):
        ctabatch.Dataset(f"{bucket.uri}/dl1")


def test_a_dataset_in_a_store_is_validated_and_what_a_killed_writer_left_is_removed(
    stored, bucket, cli
):
    code, out, err = cli("validate", stored, "--deep")
    assert (code, err) == (0, ""), out
    assert f"\n{stored}: " in f"\n{out}"
    left = bucket.put("dl1/shower/gone@0a1b2c3d.parquet", b"")
    code, out, _ = cli("validate", stored)
    assert code == 1
    assert "may be alive" in out
    assert cli("validate", stored, "--repair", "--now")[0] == 0
    assert left.rpartition("/")[2] not in " ".join(bucket.keys("dl1/shower"))
    for key in bucket.keys("dl1/trigger/"):
        bucket.remove(key)
    code, out, _ = cli("validate", stored)
    assert code == 1
    assert "trigger" in out
    assert "gone" in out


def test_a_dataset_in_a_store_is_compared_with_a_local_one(stored, on_disk, bucket, cli):
    code, out, err = cli("diff", on_disk, stored)
    assert (code, err) == (0, ""), out
    assert out.count(": equal, ") >= 10  # a line for each table
    for key in bucket.keys("dl1/trigger/"):
        bucket.remove(key)
    code, out, err = cli("diff", stored, on_disk)
    assert code == 2
    assert "trigger" in err


def test_names_with_a_beginning_are_all_found_and_no_others(bucket):
    for name in ("a-1.json", "a-2.json", "a.json", "ab-1.json", "b-1.json", "a-1/x.json"):
        bucket.put(f"parts/{name}", b"{}")
    parts = location(f"{bucket.uri}/parts")
    found = [path.name for path in parts.glob("a-*.json")]
    assert found == ["a-1.json", "a-2.json"]
    assert [path.name for path in parts.glob("c-*.json")] == []
    assert [path.name for path in parts.glob("[!a]*.json")] == ["b-1.json"]


def test_a_dataset_in_a_store_needs_no_index(stored):
    assert write_index(DatasetFolder(stored)) == 0
    assert indexed_files(DatasetFolder(stored)) is None
