"""Files of the writer: names, compression, and what is left when something goes wrong."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from eventio import SimTelFile

import ctabatch
from ctabatch.errors import OutputError
from ctabatch.io.simtel_writer import events as writer_events
from ctabatch.io.simtel_writer import framing
from ctabatch.io.simtel_writer.writer import SimtelWriter
from tests import toy_run
from tests.toy_run import written


@pytest.fixture
def run():
    return toy_run.run()


@pytest.mark.parametrize(
    ("ending", "magic"), [("", "378a1fd4"), (".gz", "1f8b"), (".zst", "28b52ffd")]
)
def test_the_ending_decides_the_compression(run, tmp_path, ending, magic):
    path = tmp_path / f"a.simtel{ending}"
    batch = toy_run.events(run, 1)
    with SimtelWriter(path, run) as writer:
        writer.write(batch)
    assert path.read_bytes().startswith(bytes.fromhex(magic))
    if ending == ".gz":
        assert gzip.decompress(path.read_bytes()) == written(run, [batch])
    assert list(tmp_path.iterdir()) == [path]
    with ctabatch.open(path) as source:
        assert len(list(source)) == batch.triggered.sum()
        assert source.losses == []


def test_an_existing_file_is_replaced_only_on_request(run, tmp_path):
    path = tmp_path / "a.simtel"
    path.write_text("precious")
    with pytest.raises(OutputError, match="exists already"):
        SimtelWriter(path, run)
    assert path.read_text() == "precious"
    with SimtelWriter(path, run, overwrite=True):
        assert path.read_text() == "precious"  # until the new one is complete
    assert path.read_bytes()[:4] == framing.SYNC
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_does_not_exist_or_stands_there_is_an_error(run, tmp_path):
    with pytest.raises(OutputError, match="No such file"):
        SimtelWriter(tmp_path / "no" / "a.simtel", run)
    with pytest.raises(OutputError, match="exists already"):
        SimtelWriter(tmp_path, run, overwrite=True)


def test_an_exception_leaves_a_complete_file_of_what_was_written(run, tmp_path):
    path = tmp_path / "a.simtel.zst"
    batch = toy_run.events(run, 1)

    def interrupted():
        with SimtelWriter(path, run) as writer:
            writer.write(batch)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with SimTelFile(path) as stream:
        assert len(list(stream)) == batch.triggered.sum()
        assert {h["id"]: h for h in stream.histograms}[6]["entries"] == len(batch.event_id)
    assert list(tmp_path.iterdir()) == [path]


def test_an_exception_in_the_middle_of_a_batch_counts_what_is_in_the_file(
    run, tmp_path, monkeypatch
):
    monkeypatch.setattr(writer_events, "EVENTS_AT_ONCE", 4)
    path = tmp_path / "a.simtel"
    batch = toy_run.events(run, 1, n_showers=20)
    pieces = SimtelWriter.__dict__["_put"]
    calls = []

    def put(self, data):
        calls.append(len(data))
        if len(calls) == 4:
            raise KeyboardInterrupt
        pieces(self, data)

    monkeypatch.setattr(SimtelWriter, "_put", put)

    def interrupted():
        with SimtelWriter(path, run) as writer:
            writer.write(batch)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with SimTelFile(path) as stream:
        assert len(list(stream)) == batch.triggered[:8].sum()
        assert {h["id"]: h for h in stream.histograms}[6]["entries"] == 8


def test_an_exception_before_the_first_event_leaves_no_file(run, tmp_path):
    def failing():
        with SimtelWriter(tmp_path / "a.simtel", run):
            raise RuntimeError("no showers")

    with pytest.raises(RuntimeError, match="no showers"):
        failing()
    assert not list(tmp_path.iterdir())


class FullDisk(io.BytesIO):
    """Takes so many bytes and no more."""

    def __init__(self, room):
        super().__init__()
        self.room = room

    def write(self, data):
        if self.tell() + len(data) > self.room:
            raise OSError(28, "No space left on device")
        return super().write(data)


@pytest.mark.parametrize("room", [100, 50_000])
def test_a_full_disk_is_an_output_error(run, room):
    def fill():
        with SimtelWriter(FullDisk(room), run) as writer:
            for seed in range(20):
                writer.write(toy_run.events(run, seed, first=1 + 5 * seed))

    with pytest.raises(OutputError, match="No space left"):
        fill()


ROOT = Path(__file__).parents[1]

_LIMITED = """
import resource, signal, sys
sys.path.insert(0, ".")
from tests import toy_run
from ctabatch.errors import OutputError
from ctabatch.io.simtel_writer.writer import SimtelWriter
run = toy_run.run()
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))
try:
    with SimtelWriter(sys.argv[1], run) as writer:
        for seed in range(40):
            writer.write(toy_run.events(run, seed, first=1 + 5 * seed))
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of file sizes")
@pytest.mark.parametrize("ending", ["", ".zst", ".gz"])
def test_a_file_that_cannot_be_completed_is_removed(tmp_path, ending):
    path = tmp_path / f"a.simtel{ending}"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}  # the limit holds for its cache too
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, path],
        capture_output=True, text=True, check=True, cwd=ROOT, env=environment,
    )  # fmt: skip
    assert "cannot be written" in done.stdout, done.stdout + done.stderr
    assert not list(tmp_path.iterdir())


def test_nothing_can_be_written_after_closing(run):
    writer = SimtelWriter(io.BytesIO(), run)
    writer.close()
    writer.close()
    with pytest.raises(OutputError, match="closed"):
        writer.write(toy_run.events(run))
