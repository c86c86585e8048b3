"""Raw data kept in a dataset: the same tables from them as from the file, whatever was read."""

from __future__ import annotations

import hashlib
import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import InputError, OptionError
from ctabatch.io.stored_parts import stored_streams
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions
from tests.same_tables import check_same, check_same_table, read, tables
from tests.test_damage import decompressed

WRITE = ("r1", "images", "parameters", "geometry")
#: Muons, samples, sums, two gains, several runs and cut, cut inside an event, several camera types.
FILES = [
    "lst-muons", "sst1m", "astri", "prod6", "gamma-test-large", "laser-calibration-v3",
    "pixel-monitoring", "calibration-true", "simulated",
]  # fmt: skip


@pytest.fixture(scope="module")
def two_types(tmp_path_factory):
    """A simulated file of two telescope types, several blocks long."""
    path = tmp_path_factory.mktemp("stored") / "gammas.simtel.zst"
    options = SimulationOptions(n_showers=400, array=load_array("alpha-north"), seed=4)
    simulate_file(options, path)
    return path


@pytest.fixture
def file_of(example_files, two_types):
    return lambda name: two_types if name == "simulated" else example_files[name]


def process(path, root, write=WRITE, threads=2, existing="refuse", **source):
    source = {"focal_length": "equivalent", **source}
    config = ProcessConfig.model_validate({"write": write, "source": source})
    result = Engine(root, config, existing, threads=threads).run(path)
    assert result.status == "done", result.error
    return result.record


def stored(path, root, **source):
    """Stored stream of a file."""
    process(path, root, ("r0",), **source)
    (stream,) = stored_streams(root)
    return stream


def digests(root):
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.parquet"))
    }


def told(record):
    """What a commit record tells of the events."""
    names = (
        "part", "config_digest", "obs_ids", "array_events", "telescope_events", "by_event_type",
        "by_tel_type", "stopped_by_max_events", "incomplete_events", "n_losses", "losses", "notes",
    )  # fmt: skip
    return {name: record[name] for name in names}


@pytest.mark.parametrize("name", FILES)
def test_stored_raw_data_give_the_same_bytes_in_all_tables_as_the_file(name, file_of, tmp_path):
    expected = process(file_of(name), tmp_path / "simtel")
    found = process(stored(file_of(name), tmp_path / "raw"), tmp_path / "stored", threads=1)
    assert len(digests(tmp_path / "simtel")) > 6
    assert digests(tmp_path / "stored") == digests(tmp_path / "simtel")
    assert told(found) == told(expected)
    assert found["input"]["sha256"] == expected["input"]["sha256"]
    assert found["input"]["stored_from"]["path"] == str(file_of(name))


@pytest.mark.parametrize("name", ["simulated", "gamma-test-large"])
def test_raw_data_can_be_stored_along_and_again(name, file_of, tmp_path):
    write = ("r0", "images", "geometry")
    process(file_of(name), tmp_path / "first", write)
    (stream,) = stored_streams(tmp_path / "first")
    process(stream, tmp_path / "second", write, threads=1)
    assert digests(tmp_path / "second") == digests(tmp_path / "first")
    stored(file_of(name), tmp_path / "alone")
    alone, first = tables(tmp_path / "alone"), tables(tmp_path / "first")
    raw = [name for name in alone if name.startswith("r0")]
    assert raw
    for name in raw:  # not the bytes: the files say which tables were asked for
        check_same_table(read(alone[name]), read(first[name]), name)


@pytest.mark.parametrize("name", ["sst1m", "prod6", "calibration-true"])
def test_the_frames_of_a_stored_stream_are_the_input(name, file_of, tmp_path):
    table = pq.read_table(stored(file_of(name), tmp_path / "raw"))
    data = decompressed(file_of(name))
    assert table["size"].to_numpy().sum() == len(data)
    frames = b"".join(table["frame"].to_pylist())
    assert pa.input_stream(io.BytesIO(frames), compression="zstd").read() == data


def test_stored_raw_data_take_no_more_room_than_the_file(two_types, tmp_path):
    record = process(two_types, tmp_path / "raw", ("r0",))
    size = sum(t["bytes"] for name, t in record["tables"].items() if name.startswith("r0"))
    # the same bytes at the same level of zstd; a few kB of Parquet's own, and frames of 8 MiB
    assert size < 1.01 * two_types.stat().st_size + 20_000


@pytest.mark.parametrize("options", [{"max_events": 5}, {"allowed_tels": (2, 30, 57, 61)}])
def test_a_choice_of_events_and_telescopes_can_be_made_before_or_after(options, file_of, tmp_path):
    file = file_of("sst1m")
    expected = process(file, tmp_path / "simtel", **options)
    assert 0 < expected["telescope_events"] < 100
    whole = stored(file, tmp_path / "whole")
    chosen = stored(file, tmp_path / "chosen", **options)
    for stream, root in ((whole, tmp_path / "after"), (chosen, tmp_path / "both")):
        found = process(stream, root, **options)
        assert digests(root) == digests(tmp_path / "simtel")
        assert found["telescope_events"] == expected["telescope_events"]
        assert found["stopped_by_max_events"] == expected["stopped_by_max_events"]
    found = process(chosen, tmp_path / "before")
    check_same(tmp_path / "before", tmp_path / "simtel")  # the files say what was asked for
    assert found["n_losses"] == 0
    assert found["stopped_by_max_events"] == expected["stopped_by_max_events"]
    assert chosen.stat().st_size < 0.8 * whole.stat().st_size


def test_telescopes_that_were_left_out_are_not_made_up(file_of, tmp_path):
    stream = stored(file_of("sst1m"), tmp_path / "raw", allowed_tels=(2, 30, 57))
    record = process(stream, tmp_path / "some", ("r0", "images"), allowed_tels=(30, 57, 61))
    assert sum(n for what, n in record["notes"].items() if "left out" in what) == 1
    assert record["r0"]["allowed_tels"] == [30, 57]
    (images,) = (tmp_path / "some" / "dl1" / "images").rglob("*.parquet")
    assert set(pq.read_table(images)["tel_id"].to_pylist()) <= {30, 57}
    config = ProcessConfig.model_validate({"source": {"allowed_tels": (61,)}})
    result = Engine(tmp_path / "none", config).run(stream)
    assert result.status == "failed"
    assert "[2, 30, 57]" in result.error
    with pytest.raises(OptionError, match="none of which"):
        ctabatch.open(stream, allowed_tels=[61])


def test_the_part_has_the_name_of_the_one_it_was_stored_in(file_of, tmp_path):
    stream = stored(file_of("lst-muons"), tmp_path / "raw")
    process(stream, tmp_path / "out")
    config = ProcessConfig.model_validate(
        {"write": WRITE, "source": {"focal_length": "equivalent"}}
    )
    for path in (stream, file_of("lst-muons")):  # the same events: once in a dataset
        assert Engine(tmp_path / "out", config, "resume").run(path).status == "skipped"
        refused = Engine(tmp_path / "out", config).run(path)
        assert "already in" in refused.error
        process(path, tmp_path / "out", existing="overwrite")
    assert len(list((tmp_path / "out" / "parts").glob("*.json"))) == 1


def test_a_dataset_cannot_take_what_is_made_of_it(file_of, tmp_path):
    stream = stored(file_of("lst-muons"), tmp_path / "raw")
    before = digests(tmp_path / "raw")
    result = Engine(tmp_path / "raw", ProcessConfig(), "overwrite").run(stream)
    assert result.status == "failed"
    assert "its own dataset" in result.error
    assert digests(tmp_path / "raw") == before


def test_the_command_takes_datasets(cli, example_files, tmp_path):
    names = ("lst-muons", "hv-disabled")
    files = [example_files[name] for name in names]
    assert cli("process", *files, "-o", "raw", "--write", "r0")[0] == 0
    assert cli("process", *files, "-o", "simtel")[0] == 0
    code, out, _ = cli("process", "raw", "-o", "stored", "--json")
    assert code == 0
    assert [done["telescope_events"] for done in json.loads(out)["inputs"]] == [3, 1]
    assert digests(tmp_path / "stored") == digests(tmp_path / "simtel")
    streams = sorted((tmp_path / "raw" / "r0_stream").iterdir())
    assert cli("process", *streams, "-o", "named")[0] == 0
    assert digests(tmp_path / "named") == digests(tmp_path / "simtel")
    assert cli("process", *files, "-o", "bare", "--write", "parameters")[0] == 0
    code, _, err = cli("process", "bare", "-o", "again")
    assert code == 2
    assert "--write r0" in err
    assert "ctabatch stereo" in err
    assert cli("process", "raw", "raw", "-o", "again")[0] == 2
    assert cli("info", streams[0])[0] == 0


@pytest.mark.parametrize("name", ["sst1m", "astri"])
def test_open_reads_datasets(name, file_of, tmp_path):
    stream = stored(file_of(name), tmp_path / "raw")
    options = {"focal_length": "equivalent"}
    with ctabatch.open(file_of(name), **options) as source:
        expected = [batch.record_batch for batch in source.batches("images")]
    for path in (tmp_path / "raw", stream, str(stream)):
        with ctabatch.open(path, **options) as source:
            found = [batch.record_batch for batch in source.batches("images")]
        assert found == expected
    with ctabatch.open(stream, **options) as source:
        event = next(iter(source))
    with ctabatch.open(file_of(name), **options) as source:
        first = next(iter(source))
    assert event.trigger == first.trigger
    for tel_id, telescope in first.tel.items():
        np.testing.assert_array_equal(event.tel[tel_id].waveform, telescope.waveform)


def test_open_wants_one_part_with_raw_data(example_files, tmp_path):
    stored(example_files["lst-muons"], tmp_path / "raw")
    process(example_files["hv-disabled"], tmp_path / "raw", ("r0",))
    with pytest.raises(InputError, match="2 parts; name the stream of one"):
        ctabatch.open(tmp_path / "raw")
    process(example_files["lst-muons"], tmp_path / "out", ("images",))
    with pytest.raises(InputError, match="no raw data"):
        ctabatch.open(tmp_path / "out")
    with pytest.raises(InputError, match="no ctabatch dataset"):
        ctabatch.open(tmp_path)
