"""Raw waveforms of a dataset: decoded as far as they are asked for, the numbers of the file."""

from __future__ import annotations

import shutil

import numpy as np
import polars as pl
import pytest

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import InputError
from ctabatch.io.simtel.stored_stream import StreamFile

#: Dataset -> the files in it. LST cameras have one gain in gamma-test and two in lst-muons.
PARTS = {
    "samples": ["sst1m", "calibration-true"],
    "gains": ["lst-muons"],
    "sums": ["astri"],
    "mixed": ["lst-muons", "gamma-test"],
}


@pytest.fixture(scope="module")
def folders(example_files, tmp_path_factory):
    config = ProcessConfig.model_validate(
        {"write": ("r0",), "source": {"focal_length": "equivalent"}}
    )
    root = tmp_path_factory.mktemp("waveforms")
    for folder, names in PARTS.items():
        for name in names:
            assert Engine(root / folder, config).run(example_files[name]).status == "done"
    return {folder: root / folder for folder in PARTS}


@pytest.fixture
def dataset(folders):
    return ctabatch.Dataset(folders["samples"])


def batches(path):
    with ctabatch.open(path, focal_length="equivalent") as source:
        yield from source.batches("r0")


@pytest.mark.parametrize("folder", ["samples", "gains", "sums"])
def test_waveforms_of_a_type_are_those_of_the_file(folder, folders, example_files):
    name = PARTS[folder][0]
    (tel_type,) = {batch.tel_type for batch in batches(example_files[name])}
    frame = ctabatch.Dataset(folders[folder]).waveforms(tel_type, "r0")
    assert isinstance(frame, pl.LazyFrame)
    table = frame.collect()
    assert table.schema == frame.collect_schema()
    expected = list(batches(example_files[name]))
    shape = expected[0].waveform.shape[1:]
    found = table["waveform"].to_numpy().reshape(-1, *shape)
    np.testing.assert_array_equal(found, np.concatenate([b.waveform for b in expected]))
    assert found.dtype == expected[0].waveform.dtype
    for key in ("obs_id", "event_id", "tel_id"):
        np.testing.assert_array_equal(
            table[key].to_numpy(), np.concatenate([getattr(b, key) for b in expected])
        )
    assert set(table["tel_type"]) == {tel_type}
    suppressed = [batch.record_batch["is_read_out"] for batch in expected]
    assert table["is_read_out"].null_count() == sum(column.null_count for column in suppressed)


@pytest.mark.parametrize("folder", PARTS)
def test_one_telescope_event_can_be_fetched_by_its_key(folder, folders, example_files):
    dataset = ctabatch.Dataset(folders[folder])
    for name in PARTS[folder]:
        for batch in batches(example_files[name]):
            for k in (0, len(batch) - 1):
                key = int(batch.obs_id[k]), int(batch.event_id[k]), int(batch.tel_id[k])
                waveform = dataset.raw_waveform(*key)
                np.testing.assert_array_equal(waveform, batch.waveform[k])
                assert waveform.dtype == batch.waveform.dtype
    with pytest.raises(InputError, match="telescope 99"):
        dataset.raw_waveform(102, 1, 99)


def test_only_what_is_asked_for_is_decoded(dataset, monkeypatch):
    frame = dataset.waveforms("SST_1M_DigiCam", "r0")
    whole = frame.collect()
    read = []
    original = StreamFile.data
    monkeypatch.setattr(
        StreamFile, "data", lambda self, piece: read.append(piece) or original(self, piece)
    )
    keys = frame.select("event_id", "tel_id", "tel_type").collect()
    assert keys.equals(whole.select("event_id", "tel_id", "tel_type"))
    assert read == []
    event_id, tel_id = whole.row(70, named=True)["event_id"], whole.row(70, named=True)["tel_id"]
    one = frame.filter((pl.col("event_id") == event_id) & (pl.col("tel_id") == tel_id)).collect()
    assert one.equals(whole[70:71])
    assert len(read) == 1
    assert frame.head(3).collect().equals(whole.head(3))
    bright = pl.col("waveform").arr.max() > 400
    assert 0 < frame.filter(bright).collect().height < whole.height
    assert frame.filter(bright).collect().equals(whole.filter(bright))
    assert (
        frame.filter(bright)
        .select("event_id")
        .head(2)
        .collect()
        .equals(whole.filter(bright).select("event_id").head(2))
    )
    assert frame.filter(pl.col("event_id") == -7).collect().height == 0
    assert frame.filter(pl.col("event_id") == -7).collect().schema == whole.schema


def test_waveforms_of_several_shapes_make_no_table(folders):
    with pytest.raises(InputError, match="1 x 1855 x 30, 2 x 1855 x 30"):
        ctabatch.Dataset(folders["mixed"]).waveforms("LST_LST_LSTCam", "r0")


def test_a_damaged_stream_is_told(folders, dataset, tmp_path):
    row = dataset.waveforms("SST_1M_DigiCam", "r0").select("obs_id", "event_id", "tel_id").head(1)
    key = row.collect().row(0)
    shutil.copytree(folders["samples"], tmp_path / "copy")
    (stream,) = (tmp_path / "copy" / "r0_stream").glob("gamma_20deg_0deg_run102*")
    data = bytearray(stream.read_bytes())
    data[len(data) // 2] ^= 1
    stream.write_bytes(data)
    with pytest.raises((InputError, pl.exceptions.ComputeError), match="not readable"):
        ctabatch.Dataset(tmp_path / "copy").waveforms("SST_1M_DigiCam", "r0").collect()
    stream.unlink()
    with pytest.raises(InputError, match="not readable"):
        ctabatch.Dataset(tmp_path / "copy").raw_waveform(*key)
