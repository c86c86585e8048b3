"""Folders of results appear whole or not at all."""

from __future__ import annotations

import pytest

from ctabatch.errors import OutputError
from ctabatch.io.whole_folder import check_free, whole_folder


def write(folder, text, *, overwrite=False):
    with whole_folder(folder, "mark", "results", overwrite=overwrite) as wip:
        (wip / "mark").write_text(text)


def test_a_folder_appears_with_its_content_and_leaves_nothing_beside_it(tmp_path):
    write(tmp_path / "deep" / "out", "one")
    assert (tmp_path / "deep" / "out" / "mark").read_text() == "one"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_results_are_replaced_only_if_asked_for(tmp_path):
    write(tmp_path / "out", "one")
    (tmp_path / "out" / "stale").touch()
    with pytest.raises(OutputError, match="--overwrite"):
        write(tmp_path / "out", "two")
    write(tmp_path / "out", "two", overwrite=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mark"]
    assert (tmp_path / "out" / "mark").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failure_keeps_what_was_there(tmp_path):
    write(tmp_path / "out", "one")

    def fail():
        with whole_folder(tmp_path / "out", "mark", "results", overwrite=True) as wip:
            (wip / "mark").write_text("two")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (tmp_path / "out" / "mark").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_folders_of_something_else_and_files_are_refused(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "data").touch()
    with pytest.raises(OutputError, match="something else than results"):
        check_free(tmp_path / "other", "mark", "results", overwrite=True)
    with pytest.raises(OutputError, match="this is a file"):
        check_free(tmp_path / "other" / "data", "mark", "results", overwrite=True)
    check_free(tmp_path / "new", "mark", "results", overwrite=False)
