"""The index of a dataset: the same files as the records tell, whatever has changed since."""

from __future__ import annotations

import json
import os
import shutil

import polars as pl
import pyarrow.parquet as pq
import pytest

from ctabatch.config import ProcessConfig
from ctabatch.dataset import Dataset
from ctabatch.engine import Engine
from ctabatch.errors import InputError, OutputError
from ctabatch.io import dataset_index
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.dataset_index import PLACE, indexed_files, write_index
from ctabatch.io.writer_identity import unfinished
from ctabatch.table_ranges import scan_in_ranges
from tests.test_production_plan import calm, runs  # noqa: F401 - fixtures


@pytest.fixture
def folder(calm, tmp_path):  # noqa: F811
    """A dataset of three parts of its own, with an index."""
    shutil.copytree(calm, tmp_path / "dl1")
    found = DatasetFolder(tmp_path / "dl1")
    write_index(found)
    return found


def agrees(folder):
    found = indexed_files(folder)
    return dict(found) == folder.tables()


def test_without_an_index_there_is_none(calm):  # noqa: F811
    assert indexed_files(DatasetFolder(calm)) is None


def test_it_gives_the_files_that_the_records_tell(folder):
    assert agrees(folder)
    assert Dataset(folder.root).tables == sorted(folder.tables())


def test_it_is_used_in_place_of_the_records(folder, monkeypatch):
    monkeypatch.setattr(DatasetFolder, "tables", None)
    monkeypatch.setattr(dataset_index, "_rows_of", None)
    assert len(Dataset(folder.root).trigger().collect()) > 0


def test_parts_that_come_and_go_are_noticed(folder, runs, tmp_path):  # noqa: F811
    first, second, _ = folder.parts()
    folder.remove(first)
    assert agrees(folder)
    more = tmp_path / "more.simtel.zst"
    more.hardlink_to(runs[0])
    assert Engine(folder.root, ProcessConfig()).run(more).status == "done"
    assert agrees(folder)
    write_index(folder)
    assert agrees(folder)
    folder.remove(second)
    assert agrees(folder)


@pytest.mark.parametrize("year", [1980, 2080])
def test_a_part_that_was_replaced_is_noticed_whatever_the_clock_says(folder, year):
    part = folder.parts()[1]
    record = folder.record(part)
    record["tables"].pop(f"shower/{part}.parquet")
    path = folder.record_path(part)
    path.write_text(json.dumps(record, indent=1) + "\n")
    os.utime(path, (year * 31_556_952 - 62_167_219_200,) * 2)
    assert agrees(folder)
    assert len(indexed_files(folder)["shower"]) == 2


def test_an_index_that_is_damaged_or_of_another_version_is_no_index(folder):
    path = folder.root / PLACE
    whole = path.read_bytes()
    for content in (b"", b"PAR1", whole[: len(whole) // 2], whole[::-1]):
        path.write_bytes(content)
        assert agrees(folder)
    write_index(folder)
    pq.write_table(pq.read_table(path).drop_columns(["rows"]), path)
    assert agrees(folder)


def test_a_full_disk_leaves_the_index_that_was_there(folder, monkeypatch):
    before = (folder.root / PLACE).read_bytes()
    with monkeypatch.context() as patch:

        def fails(*args, **kwargs):
            raise OSError(28, "No space left on device")

        patch.setattr(dataset_index.pq, "write_table", fails)
        with pytest.raises(OutputError, match="the disk is full"):
            write_index(folder)
    assert (folder.root / PLACE).read_bytes() == before
    assert list(unfinished(folder.root)) == []


@pytest.mark.parametrize("obs_id", [1, 2, 3, 4])
def test_a_filter_on_the_observation_gives_the_same_rows(folder, calm, obs_id):  # noqa: F811
    for name in ("parameters", "trigger", "shower", "geometry", "telescope_trigger", "pointing"):
        frames = [getattr(Dataset(root), name)() for root in (folder.root, calm)]
        found, expected = (f.filter(pl.col("obs_id") == obs_id).collect() for f in frames)
        assert found.equals(expected)
        assert (len(expected) > 0) == (obs_id < 4)
        event_id = expected["event_id"][0] if len(expected) else 0
        one = pl.col("event_id") == event_id
        assert frames[0].filter(one).collect().equals(frames[1].filter(one).collect())


def test_a_filter_on_the_observation_opens_only_its_files(folder):
    frame = Dataset(folder.root).trigger()
    files = Dataset(folder.root).files("trigger")
    others = [path for path in files[1:] if "run2" not in path.name]  # the first tells the columns
    for path in others:  # would be an error if they were opened
        path.write_bytes(b"no Parquet file")
    assert set(frame.filter(pl.col("obs_id") == 2).collect()["obs_id"]) == {2}
    with pytest.raises(pl.exceptions.ComputeError):
        frame.collect()


def test_all_rows_of_a_part_are_in_the_ranges_of_its_record(calm):  # noqa: F811
    folder = DatasetFolder(calm)
    for record in folder.records():
        for name in record["tables"]:
            table = pq.read_table(calm / name, partitioning=None)
            if "obs_id" in table.schema.names:
                assert set(table["obs_id"].to_pylist()) <= set(record["obs_ids"])
            if "event_id" in table.schema.names and len(table):
                low, high = record["event_ids"]
                assert low <= min(table["event_id"].to_pylist())
                assert max(table["event_id"].to_pylist()) <= high


def test_an_index_cannot_name_files_outside_the_dataset(folder, tmp_path):
    elsewhere = tmp_path / "elsewhere.parquet"
    shutil.copy(next(iter(folder.tables()["trigger"])), elsewhere)
    rows = pq.read_table(folder.root / PLACE, partitioning=None)
    for name in ("../elsewhere.parquet", str(elsewhere)):
        files = [name if file.startswith("trigger/") else file for file in rows["file"].to_pylist()]
        at = rows.schema.get_field_index("file")
        pq.write_table(rows.set_column(at, rows.schema.field(at), [files]), folder.root / PLACE)
        with pytest.raises(InputError, match="not the name of a table in this folder"):
            Dataset(folder.root).trigger()


def test_a_record_that_names_files_outside_the_dataset_is_refused(folder):
    path = folder.record_path(folder.parts()[0])
    record = json.loads(path.read_text())
    record["tables"]["../x.parquet"] = {"rows": 1, "bytes": 1}
    path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="not the name of a table"):
        indexed_files(folder)


def test_files_without_rows_or_without_known_ranges_are_no_obstacle(folder):
    found = indexed_files(folder)
    files, ranges = found["trigger"], found.ranges("trigger")
    expected = pl.scan_parquet(files, hive_partitioning=False).collect()
    for n_rows in (0, None):
        changed = ranges.to_pylist()
        for key in ("event_id_min", "event_id_max"):
            changed[0][key] = None
        if n_rows == 0:
            empty = pq.read_schema(files[0]).empty_table()
            pq.write_table(empty, files[0])
            expected = expected.filter(pl.col("obs_id") != 1)
        changed[0]["rows"] = n_rows
        rows = type(ranges).from_pylist(changed, ranges.schema)
        frame = scan_in_ranges(files, rows)
        assert frame.collect().equals(expected)
        wanted = pl.col("obs_id") == 2
        assert frame.filter(wanted).collect().equals(expected.filter(wanted))
