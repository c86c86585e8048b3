"""`ctabatch compact`: the same rows and facts in fewer files, at every instant exactly once."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import InputError, OutputError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_index import indexed_files, write_index
from ctabatch.provenance.chain import trace
from ctabatch.upkeep import compact as compact_module
from ctabatch.upkeep.compact import compact
from ctabatch.upkeep.sorted_rows import SortedRows
from ctabatch.upkeep.validate import remove_leftovers, validate
from tests.same_tables import check_same_table, read
from tests.toy_dataset import write_dataset, write_part

EVERY_STEP = bool(os.environ.get("CTABATCH_EVERY_STEP"))
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Four observations, of the first a second part with other events, interleaved with it."""
    root = write_dataset(tmp_path_factory.mktemp("toy") / "whole", n_parts=4, n_events=10)
    write_part(root, 1, range(101, 106), stem="more")
    return root


@pytest.fixture
def root(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "dataset")


def contents(root):
    """Table -> all committed rows."""
    dataset = ctabatch.Dataset(root)
    tables = {}
    for name in dataset.tables:
        rows = [read(path) for path in dataset.files(name)]
        tables[name] = pa.concat_tables([t.replace_schema_metadata(rows[0].schema.metadata)
                                         for t in rows])  # fmt: skip
    return tables


def check_same(found, expected):
    assert found.keys() == expected.keys()
    for name, table in expected.items():
        if name == "cut_flow":
            one, two = (
                pl.DataFrame(t).group_by("query", "step", "criterion").agg(pl.col("n_images").sum())
                for t in (found[name], table)
            )
            assert one.sort("query", "step").equals(two.sort("query", "step"))
        elif "event_id" not in table.column_names:  # an observation may stand in several parts
            assert sorted(map(str, found[name].to_pylist())) == sorted(map(str, table.to_pylist()))
        else:
            check_same_table(found[name], table, name)


def is_sorted(table):
    keys = [key for key in ("obs_id", "event_id", "tel_id") if key in table.column_names]
    rows = list(zip(*(table[key].to_pylist() for key in keys), strict=True))
    return rows == sorted(rows)


@pytest.mark.parametrize("in_place", [True, False])
def test_all_rows_are_in_one_sorted_part(root, tmp_path, in_place):
    before = contents(root)
    output = None if in_place else tmp_path / "new"
    done = compact(root, output)
    where = root if in_place else output
    assert (done.parts_before, done.parts_after) == (5, 1)
    assert done.files_after == done.files_before / 5
    after = contents(where)
    check_same(after, before)
    for name, table in after.items():
        assert name == "cut_flow" or is_sorted(table), name
    report, removable = validate(where, deep=True)
    assert report.findings == []
    assert removable == []
    if not in_place:
        check_same(contents(root), before)
        assert validate(root)[0].findings == []


def test_a_merged_part_tells_every_fact_of_its_inputs(root):
    records = [DatasetFolder(root).record(part) for part in DatasetFolder(root).parts()]
    predictions = ctabatch.Dataset(root).prediction_records("X")
    compact(root)
    folder = DatasetFolder(root)
    (record,) = folder.records()
    inner = {one["part"]: one for one in folder_inputs(record)}
    for one in records:
        assert inner[one["part"]] == one
    assert record["array_events"] == 45
    assert record["n_losses"] == 5
    assert len(record["losses"]) == 5
    assert record["obs_ids"] == [1, 2, 3, 4]
    assert record["notes"] == {"something": 10}
    (predicted,) = ctabatch.Dataset(root).prediction_records("X")
    assert predicted["models"] == predictions[0]["models"]
    assert predicted["predicted"] == {"energy": 15}
    assert sorted(predicted["inputs"], key=str) == sorted(predictions, key=str)


def folder_inputs(record):
    from ctabatch.io.merged_parts import inner_records

    return inner_records(record)


def test_predictions_stay_up_to_date_and_stale_ones_stay_stale(whole, tmp_path):
    for k, stale in enumerate((False, True)):
        root = shutil.copytree(whole, tmp_path / str(k))
        if stale:
            path = DatasetFolder(root).prediction_path("X", DatasetFolder(root).parts()[0])
            record = json.loads(path.read_text())
            path.write_text(json.dumps({**record, "input_sha256": "another"}))
        compact(root)
        (record,) = DatasetFolder(root).records()
        (predicted,) = ctabatch.Dataset(root).prediction_records("X")
        assert (predicted["input_sha256"] == record["input"]["sha256"]) is not stale
        rows = {n: t["rows"] for n, t in record["tables"].items() if "dl1/param" in n}
        assert predicted["rows"] == rows


def test_parts_of_another_configuration_or_other_predictions_are_not_mixed(root):
    write_part(root, 8, range(5), thresholds=5.0)
    write_part(root, 9, range(5), predictions=())
    before = contents(root)
    done = compact(root)
    assert done.parts_after == 3
    check_same(contents(root), before)


def test_part_size_bounds_what_is_merged(root):
    before = contents(root)
    size = sum(t["bytes"] for r in DatasetFolder(root).records() for t in r["tables"].values())
    done = compact(root, part_bytes=size // 2)
    assert 2 <= done.parts_after < 5
    check_same(contents(root), before)
    again = compact(root)  # merged parts are merged further, their inputs stay known
    assert again.parts_after == 1
    check_same(contents(root), before)
    (record,) = DatasetFolder(root).records()
    assert len(record["inputs"]) == 5
    assert compact(root).merged == {}


def test_parts_with_raw_data_stay_as_they_are(example_files, tmp_path):
    write = ("r0", "images", "parameters")
    config = ProcessConfig.model_validate({"source": {"focal_length": "equivalent"},
                                           "write": write})  # fmt: skip
    root = tmp_path / "raw"
    for name in ("lst-muons", "hv-disabled"):
        assert Engine(root, config, threads=1).run(example_files[name]).status == "done"
    before = contents(root)
    done = compact(root, tmp_path / "new")
    assert set(done.kept) == set(DatasetFolder(root).parts())
    assert all("raw data" in why for why in done.kept.values())
    check_same(contents(tmp_path / "new"), before)
    assert validate(tmp_path / "new", deep=True)[0].findings == []


def test_real_parts_are_merged_and_their_inputs_skipped_on_resume(example_files, tmp_path):
    config = ProcessConfig.model_validate(
        {
            "source": {"focal_length": "equivalent"},
            "write": ("r1", "dl0", "images", "parameters", "geometry"),
        }
    )
    root, names = tmp_path / "dl1", ("lst-muons", "hv-disabled", "calibration-true")
    for name in names:
        assert Engine(root, config, threads=1).run(example_files[name]).status == "done"
    before = contents(root)
    done = compact(root)
    assert sum(map(len, done.merged.values())) >= 2
    check_same(contents(root), before)
    assert validate(root, deep=True)[0].problems == []
    for name in names:
        path = example_files[name]
        result = Engine(root, config, "resume", threads=1).run(path)
        assert result.status == "skipped", name
        refused = Engine(root, config, threads=1).run(path)
        assert refused.status == "failed"
        assert "already in" in refused.error
    inner = [one for record in DatasetFolder(root).records() for one in folder_inputs(record)]
    assert len(inner) >= 2
    result = Engine(root, config, "overwrite", threads=1).run(Path(inner[0]["input"]["path"]))
    assert result.status == "failed"
    assert "cannot be replaced alone" in result.error
    check_same(contents(root), before)
    # what was merged can be processed again, from waveforms
    again = [Engine(tmp_path / "again", config, threads=1).run(p) for p in stored(root)]
    assert [one.error for one in again] == [""] * len(again)
    found = contents(tmp_path / "again")
    tables = [name for name in before if name.startswith(("dl1/", "trigger", "dl2/geom"))]
    check_same({n: found[n] for n in tables}, {n: before[n] for n in tables})


def stored(root):
    from ctabatch.io.stored_parts import stored_inputs

    return stored_inputs(root)


class Killed(BaseException):
    """Stands for a process that is gone: nothing it would do after this happens."""


class Mortal:
    """Counts changes of the file system and dies before one of them."""

    def __init__(self, monkeypatch, at):
        self.n, self.at = 0, at
        for name in ("replace", "unlink", "rename", "rmdir", "mkdir"):
            monkeypatch.setattr(Path, name, self._mortal(getattr(Path, name)))

    def _mortal(self, work):
        def do(*args, **options):
            self.n += 1
            if self.n > self.at:
                raise Killed
            return work(*args, **options)

        return do


def compact_until(root, at):
    """Compact in place, dying before the change `at`; gives the changes made, None if it lived."""
    with pytest.MonkeyPatch.context() as patch:
        mortal = Mortal(patch, at)
        try:
            compact(root)
        except Killed:
            return None
        return mortal.n


@pytest.fixture(scope="module")
def n_changes(whole, tmp_path_factory):
    root = shutil.copytree(whole, tmp_path_factory.mktemp("count") / "dataset")
    return compact_until(root, 10**9)


@pytest.mark.slow
def test_whenever_it_is_killed_each_event_is_there_once(whole, n_changes, tmp_path):
    before = contents(whole)
    assert n_changes > 100
    # each step of the switch, some of the many that only rename new files and remove old ones
    names = 2 * len(contents(whole))
    steps = sorted({*range(names - 2, names + 8), *range(0, n_changes, 30), n_changes - 1})
    if EVERY_STEP:
        steps = range(n_changes)
    switched = 0
    for at in steps:
        root = shutil.copytree(whole, tmp_path / f"at-{at}")
        assert compact_until(root, at) is None
        check_same(contents(root), before)
        report, _ = validate(root)
        assert {one.kind for one in report.problems} <= {"leftover"}, at
        switched += len(DatasetFolder(root).parts()) == 1
        if at % 2:
            compact(root)
            assert DatasetFolder(root).parts() == list(DatasetFolder(root).recorded())
        else:
            report, removable = validate(root, now=True)
            remove_leftovers(root, removable, report)
        check_same(contents(root), before)
        assert validate(root)[0].problems == [] or at % 2, at
        left = validate(root, now=True)[1]
        remove_leftovers(root, left, report)
        assert validate(root, deep=True)[0].problems == []
        shutil.rmtree(root)
    assert 0 < switched < len(steps)


CHILD = """
import os, signal, sys
from pathlib import Path
left = int(sys.argv[2])
def mortal(work):
    def do(*args, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return work(*args, **options)
    return do
for name in ("replace", "unlink"):
    setattr(Path, name, mortal(getattr(Path, name)))
from ctabatch.upkeep.compact import compact
compact(sys.argv[1])
"""


@pytest.mark.parametrize("at", [3, 24, 31, 80])
def test_a_process_that_is_really_killed_leaves_every_event_once(root, at):
    before = contents(root)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(root), str(at)], cwd=ROOT, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL
    check_same(contents(root), before)
    compact(root)
    report, removable = validate(root, now=True)
    remove_leftovers(root, removable, report)
    check_same(contents(root), before)
    assert validate(root, deep=True)[0].problems == []


def test_a_reader_that_lists_between_sees_each_event_once(root, monkeypatch):
    """A dataset is opened at every change of the file system, by another process so to say."""
    before = contents(root)
    seen = []

    def watched(work):
        def do(*args, **options):
            result = work(*args, **options)
            if str(args[0]).endswith((".json", ".json.wip")) or "parts" in str(args[-1]):
                files = ctabatch.Dataset(root).files("trigger")
                seen.append(sum(pq.read_metadata(path).num_rows for path in files))
            return result

        return do

    with monkeypatch.context() as patch:
        for name in ("replace", "unlink"):
            patch.setattr(Path, name, watched(getattr(Path, name)))
        compact(root)
    assert len(seen) > 10
    assert set(seen) == {45}
    check_same(contents(root), before)


def test_an_index_counts_no_event_twice_when_merging_was_interrupted(root, monkeypatch):
    folder = DatasetFolder(root)
    write_index(folder)
    monkeypatch.setattr(DatasetFolder, "remove", lambda self, part: None)  # killed before it
    compact(root)
    assert len(folder.recorded()) > len(folder.parts())
    assert dict(indexed_files(folder)) == folder.tables()


def test_merged_files_tell_who_made_them_and_of_what(example_files, tmp_path):
    for name in ("sst1m", "lst-muons"):
        Engine(tmp_path / "dl1", ProcessConfig(source={"focal_length": "equivalent"})).run(
            example_files[name]
        )
    made = compact(tmp_path / "dl1", tmp_path / "dl1c")
    (name,) = made.merged
    file = next((tmp_path / "dl1c" / "trigger").glob("*.parquet"))
    assert file.stem == name
    link = trace(file)
    assert link.activity["name"] == "ctabatch compact"
    assert [one.activity["name"] for one in link.inputs] == ["ctabatch process"] * 2
    names = {one.inputs[0].name for one in link.inputs}
    assert names == {example_files[name].name for name in ("sst1m", "lst-muons")}
    record = DatasetFolder(tmp_path / "dl1c").record(name)
    assert record["simulated"]
    inner = [one["event_ids"] for one in record["inputs"]]
    assert record["event_ids"] == [min(a for a, _ in inner), max(b for _, b in inner)]


def test_a_damaged_file_stops_before_anything_changes(root, tmp_path):
    path = next((root / "dl2" / "geometry").glob("*.parquet"))
    content = bytearray(path.read_bytes())
    page = pq.read_metadata(path).row_group(0).column(3)
    content[page.data_page_offset + page.total_compressed_size - 1] ^= 1
    path.write_bytes(bytes(content))
    before = sorted(root.rglob("*"))
    with pytest.raises(InputError, match="not readable"):
        compact(root)
    assert [p for p in sorted(root.rglob("*")) if not p.name.startswith(".")] == before
    with pytest.raises(InputError):
        compact(root, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_damaged_record_stops_before_anything_changes(root):
    DatasetFolder(root).record_path(DatasetFolder(root).parts()[0]).write_text("{")
    with pytest.raises(InputError, match="commit record is not readable"):
        compact(root)


def test_a_part_that_changes_meanwhile_is_not_lost(root, monkeypatch):
    folder = DatasetFolder(root)
    path = folder.record_path(folder.parts()[0])
    merge = compact_module.write_merged

    def meanwhile(*args):
        merge(*args)
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "changed": True}))

    monkeypatch.setattr(compact_module, "write_merged", meanwhile)
    with pytest.raises(OutputError, match="changed while it was merged"):
        compact(root)
    assert len(folder.parts()) == 5
    assert validate(root)[0].problems == []


def test_what_a_damaged_merged_part_replaces_is_not_removed(root, monkeypatch):
    monkeypatch.setattr(compact_module._Run, "_remove", lambda *_: None)  # killed at the switch
    compact(root)
    assert len(validate(root)[1]) > 50
    (name,) = DatasetFolder(root).parts()
    (root / "trigger" / f"{name}.parquet").write_bytes(b"damaged")
    report, removable = validate(root, now=True)
    assert removable == []
    assert any(one.kind == "file" for one in report.problems)


def test_the_command_says_what_it_did_and_what_it_needs(root, cli, tmp_path):
    code, _, err = cli("compact", root)
    assert code == 2
    assert "--in-place" in err
    code, _, err = cli("compact", root, "-o", root / "inner")
    assert code == 2
    assert "beside it" in err
    code, _, err = cli("compact", tmp_path / "nothing", "--in-place")
    assert code == 2
    assert "no ctabatch dataset" in err
    code, out, _ = cli("compact", root, "-o", tmp_path / "new", "--json")
    assert code == 0
    assert json.loads(out)["parts_after"] == 1
    code, _, err = cli("compact", root, "-o", tmp_path / "new")
    assert code == 2
    assert "already" in err
    code, out, _ = cli("compact", root, "--in-place")
    assert code == 0
    assert "5 parts in" in out
    assert cli("info", root)[0] == 1  # the toy parts tell of losses


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_come_out_sorted_whatever_the_chunks(tmp_path, data):
    """Any spread of keys over files and row groups, any bound on memory; ties in file order."""
    files, every = [], []
    for k in range(data.draw(st.integers(1, 4))):
        keys = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(-5, 5)), max_size=20))
        columns = np.array(keys, np.int64).reshape(-1, 2).T
        rows = pa.table(
            {
                "obs_id": pa.array(columns[0], pa.int32()),
                "event_id": columns[1],
                "from": pa.array(range(100 * k, 100 * k + len(keys)), pa.int64()),
                "list": pa.array([[0.5] * (n % 3) for n in range(len(keys))],
                                 pa.list_(pa.float32())),
            }
        )  # fmt: skip
        files.append(tmp_path / f"{k}.parquet")
        pq.write_table(rows, files[-1], row_group_size=data.draw(st.integers(1, 9)))
        every.append(rows)
    expected = pa.concat_tables(every).sort_by(
        [("obs_id", "ascending"), ("event_id", "ascending"), ("from", "ascending")]
    )
    bounds = {"chunk_bytes": data.draw(st.integers(1, 3000)), "cache_bytes": 1000}
    found = SortedRows(files, ["obs_id", "event_id"], **bounds)
    assert pa.Table.from_batches(list(found), found.schema).equals(expected)
