"""What is committed is on the disk: files before their names, names before the record."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.durable import flush


@pytest.fixture
def steps(monkeypatch):
    """Every fsync and rename, as ("flush", path) and ("name", path)."""
    seen: list[tuple[str, Path]] = []
    fsync, replace = os.fsync, Path.replace

    def noted_fsync(handle):
        seen.append(("flush", Path(f"/proc/self/fd/{handle}").resolve()))
        fsync(handle)

    def noted_replace(path, target):
        seen.append(("name", Path(target)))
        seen.append(("was", path))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    return seen


def test_a_part_is_on_the_disk_before_its_record_is(tmp_path, example_files, steps):
    root = tmp_path / "dl1"
    made = Engine(root, ProcessConfig(), threads=1).run(example_files["history-meta"])
    assert made.status == "done"
    folder = DatasetFolder(root)
    record = folder.record_path(made.part)
    committed = steps.index(("name", record))
    assert steps[committed - 1][0] == "flush"  # the record itself, as it was written
    tables = [*folder.record(made.part)["tables"]]
    arrays = [str(path.relative_to(root)) for path in (root / "subarray").rglob("*.parquet")]
    assert len(tables) > 5
    assert len(arrays) == 5
    tables += arrays
    for name in tables:
        named = steps.index(("name", root / name))
        unfinished = steps[named + 1][1]
        assert steps.index(("flush", unfinished)) < named
        assert named < steps.index(("flush", (root / name).parent)) < committed


def test_places_that_cannot_be_flushed_are_no_error(tmp_path, monkeypatch):
    def refused(handle):
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refused)
    flush(tmp_path)


def test_a_disk_that_is_full_is_told(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        flush(tmp_path)
