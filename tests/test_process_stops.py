"""Runs of `process` that are stopped, by a full disk or Ctrl-C: nothing half-written is left."""

from __future__ import annotations

import errno
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from ctabatch.io import parquet
from tests import eventio_bytes as eb
from tests.test_damage import decompressed
from tests.test_process_cli import process, table, unfinished, visible


@pytest.fixture(scope="module")
def muons(example_files):
    return example_files["lst-muons"]


@pytest.fixture(scope="module")
def muon_bytes(muons):
    return decompressed(muons)


class _FullDisk:
    """Parquet writer on a disk that is full after some row groups."""

    room = 0

    def __init__(self, *args, **kwargs):
        self.writer = _WRITER(*args, **kwargs)

    def write_table(self, *args, **kwargs):
        if _FullDisk.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        _FullDisk.room -= 1
        self.writer.write_table(*args, **kwargs)

    def add_key_value_metadata(self, metadata):
        self.writer.add_key_value_metadata(metadata)

    def close(self):
        self.writer.close()


_WRITER = pq.ParquetWriter


@pytest.mark.parametrize("room", [0, 1, 4])
def test_a_full_disk_leaves_nothing_behind(room, cli, muons, monkeypatch):
    monkeypatch.setattr(_FullDisk, "room", room)
    monkeypatch.setattr(parquet.pq, "ParquetWriter", _FullDisk)
    code, _, err = process(cli, muons)
    assert code == 2
    assert "the disk is full" in err
    assert visible() == set()
    assert unfinished() == []


def test_a_full_disk_while_overwriting_keeps_the_earlier_version(cli, muons, monkeypatch):
    assert process(cli, muons)[0] == 0
    before = visible()
    monkeypatch.setattr(_FullDisk, "room", 2)
    monkeypatch.setattr(parquet.pq, "ParquetWriter", _FullDisk)
    assert process(cli, muons, "--overwrite")[0] == 2
    assert visible() == before
    assert table("dl1/images").num_rows == 3


def test_a_limit_of_the_file_size_is_an_output_error(muons, tmp_path):
    code = (
        "import contextlib, resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from ctabatch.cli.main import run\n"
        "with contextlib.suppress(SystemExit): run([*sys.argv[1:], '-o', 'first'])  # compiles\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "run([*sys.argv[1:], '-o', 'out'])"
    )
    words = ["process", str(muons), "--write", "r0", "--focal-length", "equivalent"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert visible(tmp_path / "out") == set()
    assert unfinished(tmp_path) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_in_the_middle_leaves_nothing_half_written(muon_bytes, tmp_path):
    start = next(s for s, k, _, _ in eb.headers(muon_bytes) if k == 2020)
    end = next(s for s, k, _, _ in eb.headers(muon_bytes) if k == 100)
    (tmp_path / "small.simtel").write_bytes(muon_bytes)
    with (tmp_path / "large.simtel").open("wb") as file:
        file.write(muon_bytes[:start])
        for _ in range(400):
            file.write(muon_bytes[start:end])
    words = [sys.executable, "-m", "ctabatch", "process", "small.simtel", "large.simtel"]
    words += ["-o", "out", "--write", "r0,r1,images", "--focal-length", "equivalent"]
    for _ in range(8):  # a busy machine may look so late that the run is over
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        process = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 100
        while time.monotonic() < deadline and process.poll() is None:  # until the second has data
            wip = unfinished(tmp_path / "out")
            first_is_done = any((tmp_path / "out" / "parts").glob("small*.json"))
            if first_is_done and any("r0" in str(p) for p in wip):
                break
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        if process.returncode != 0:
            break
    assert process.returncode == 130, err
    assert err.strip().splitlines()[-1].startswith("ctabatch: interrupted")
    assert "Traceback" not in err
    assert unfinished(tmp_path) == []
    names = visible(tmp_path / "out")
    assert names
    assert all("small" in name for name in names)


@pytest.mark.parametrize("table_name", ["trigger", "r1", "dl1"])
def test_ctrl_c_while_a_file_is_opened_leaves_nothing(table_name, cli, muons, monkeypatch):
    def interrupted(path, *args, **kwargs):
        writer = _WRITER(path, *args, **kwargs)
        if table_name in path.parts:
            raise KeyboardInterrupt
        return writer

    monkeypatch.setattr(parquet.pq, "ParquetWriter", interrupted)
    assert process(cli, muons, "--write", "r1,images")[0] == 130
    assert visible() == set()
    assert unfinished() == []
