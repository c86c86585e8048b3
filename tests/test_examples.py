"""ctabatch.io.examples: what is fetched is what was meant, and faults are told clearly."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import pytest

from ctabatch.errors import InputError, OptionError, OutputError
from ctabatch.io import examples
from ctabatch.io.example_files import ARCHIVE_FILE, ARCHIVE_FOLDER, ARCHIVE_SHA256, Example

_CONTENT = {"a.simtel.gz": b"a" * 3000, "b.dat": b"bytes of b"}


def _sha256(data):
    return hashlib.sha256(data).hexdigest()


def _archive(members, folder=ARCHIVE_FOLDER):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in members:
            info = tarfile.TarInfo(f"{folder}/{name}" if folder else name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


@pytest.fixture
def small(monkeypatch, tmp_path):
    """Two small examples, an empty cache, and a stand-in for pip that hands over `archive`."""

    class Small:
        cache = tmp_path / "cache"
        archive = _archive(_CONTENT.items())
        downloads = 0

        def download(self, scratch, tell):
            self.downloads += 1
            tell("downloading", len(self.archive), len(self.archive))
            path = scratch / ARCHIVE_FILE
            path.write_bytes(self.archive)
            return path

    this = Small()
    monkeypatch.delenv("CTABATCH_EXAMPLES", raising=False)
    monkeypatch.setenv("CTABATCH_CACHE", str(this.cache))
    table = {
        name.split(".")[0]: Example(name, _sha256(data), len(data), "two words")
        for name, data in _CONTENT.items()
    }
    monkeypatch.setattr(examples, "EXAMPLES", table)
    monkeypatch.setattr(examples, "_download", this.download)
    return this


@pytest.fixture
def fake_pip(monkeypatch, tmp_path):
    """Let ``python -m pip`` run a script of the test instead."""
    monkeypatch.delenv("CTABATCH_EXAMPLES", raising=False)
    monkeypatch.setenv("CTABATCH_CACHE", str(tmp_path / "cache"))
    real = subprocess.Popen

    def install(script):
        def start(command, **options):
            return real([sys.executable, "-c", script, *command], **options)

        monkeypatch.setattr(examples.subprocess, "Popen", start)

    return install


def test_every_example_file_has_the_digest_and_size_in_the_list(example_files):
    for name, file in example_files.items():
        data = file.read_bytes()
        assert (_sha256(data), len(data)) == (
            examples.EXAMPLES[name].sha256,
            examples.EXAMPLES[name].size,
        ), name


def test_names_are_plain_words_and_files_are_listed_once():
    assert all(name.replace("-", "").isalnum() for name in examples.EXAMPLES)
    files = [example.file for example in examples.EXAMPLES.values()]
    assert len(set(files)) == len(files) == 25
    assert {example.kind for example in examples.EXAMPLES.values()} == {"simtel", "corsika"}


def test_fetch_brings_the_files_once_and_leaves_nothing_else(small):
    told = []
    folder = examples.fetch(lambda *now: told.append(now))
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == _CONTENT
    assert list(folder.parent.iterdir()) == [folder]
    assert told[0][0] == "downloading"
    assert told[-1] == ("unpacking", 3010, 3010)
    assert examples.fetch() == folder
    assert small.downloads == 1


def test_fetch_mends_a_folder_that_lost_a_file(small):
    folder = examples.fetch()
    (folder / "b.dat").unlink()
    assert examples.fetch() == folder
    assert (folder / "b.dat").read_bytes() == _CONTENT["b.dat"]
    assert small.downloads == 2


def test_many_fetches_at_once_all_end_with_the_same_folder(small, monkeypatch):
    barrier, found = threading.Barrier(4), []
    plain = small.download

    def together(scratch, tell):
        barrier.wait(timeout=30)  # nobody has finished before everybody has started
        return plain(scratch, tell)

    monkeypatch.setattr(examples, "_download", together)
    threads = [threading.Thread(target=lambda: found.append(examples.fetch())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert {file.name for file in found[0].iterdir()} == set(_CONTENT)
    assert len(list(found[0].parent.iterdir())) == 1


def test_a_changed_file_in_the_archive_is_refused_and_nothing_is_left(small):
    small.archive = _archive([("a.simtel.gz", b"x" * 3000), ("b.dat", _CONTENT["b.dat"])])
    with pytest.raises(InputError, match=r"a\.simtel\.gz.*another sha256"):
        examples.fetch()
    assert list((small.cache / "examples").iterdir()) == []


def test_a_missing_file_in_the_archive_is_named(small):
    small.archive = _archive([("b.dat", _CONTENT["b.dat"])])
    with pytest.raises(InputError, match=r"lacks .*a\.simtel\.gz"):
        examples.fetch()


def test_a_cut_archive_is_an_input_error(small):
    small.archive = small.archive[: len(small.archive) // 2]
    with pytest.raises(InputError, match=r"cannot be unpacked|lacks"):
        examples.fetch()


def test_members_that_climb_out_of_the_archive_are_never_written(small):
    evil = [("../../../../evil", b"1"), ("/absolute/evil", b"2"), (f"{ARCHIVE_FOLDER}/../e", b"3")]
    inner = [(f"{ARCHIVE_FOLDER}/{name}", data) for name, data in _CONTENT.items()]
    small.archive = _archive(evil + inner, folder="")
    folder = examples.fetch()
    assert {file.name for file in folder.iterdir()} == set(_CONTENT)
    everything = {entry.name for entry in small.cache.parent.rglob("*")}
    assert everything == {"cache", "examples", folder.name, *_CONTENT}


def test_a_link_under_the_name_of_an_example_is_not_followed(small):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in _CONTENT:
            info = tarfile.TarInfo(f"{ARCHIVE_FOLDER}/{name}")
            info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
            tar.addfile(info)
    small.archive = buffer.getvalue()
    with pytest.raises(InputError, match=r"lacks"):
        examples.fetch()


def test_a_full_disk_is_an_output_error_that_names_the_way_out(small, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(examples, "_download", full)
    with pytest.raises(OutputError, match=r"No space left on device.*CTABATCH_CACHE"):
        examples.fetch()


def test_a_cache_that_is_a_file_is_an_output_error(small, tmp_path):
    small.cache.write_text("in the way")
    with pytest.raises(OutputError, match=r"cannot write the example files"):
        examples.fetch()


def test_a_failing_pip_is_quoted(fake_pip):
    fake_pip("print('Collecting'); print('ERROR: no network at all'); raise SystemExit(1)")
    with pytest.raises(InputError, match=r"(?s)could not download eventio==.*no network at all"):
        examples.fetch()


def test_a_python_without_pip_is_told_what_to_do(fake_pip):
    fake_pip("raise SystemExit('python: No module named pip')")
    with pytest.raises(InputError, match=r"ensurepip.*CTABATCH_EXAMPLES"):
        examples.fetch()


def test_a_full_disk_inside_pip_is_an_output_error(fake_pip):
    fake_pip("raise SystemExit('ERROR: [Errno 28] No space left on device')")
    with pytest.raises(OutputError, match=r"disk is full"):
        examples.fetch()


def test_another_archive_than_expected_is_refused(fake_pip):
    fake_pip(
        "import sys, pathlib; "
        "folder = sys.argv[sys.argv.index('--dest') + 1]; "
        f"pathlib.Path(folder, {ARCHIVE_FILE!r}).write_bytes(b'other')"
    )
    with pytest.raises(InputError, match=rf"has sha256 {_sha256(b'other')}.*{ARCHIVE_SHA256}"):
        examples.fetch()


def test_pip_is_ended_when_the_fetch_is_interrupted(fake_pip):
    fake_pip("import time; time.sleep(600)")

    def interrupt(*now):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        examples.fetch(interrupt)


def test_a_folder_named_by_the_user_is_taken_as_it_is(small, monkeypatch, tmp_path):
    named = tmp_path / "mine"
    monkeypatch.setenv("CTABATCH_EXAMPLES", str(named))
    with pytest.raises(InputError, match=r"is not a folder"):
        examples.fetch()
    named.mkdir()
    (named / "b.dat").write_bytes(b"anything")
    assert examples.path("b") == named / "b.dat"
    with pytest.raises(InputError, match=r"does not hold a\.simtel\.gz"):
        examples.path("a")
    assert small.downloads == 0


def test_resolve_takes_only_text_with_the_prefix(small):
    assert examples.resolve("some/file.simtel.gz") is None
    assert small.downloads == 0
    assert examples.resolve("example:a") == examples.path("a")


def test_an_unknown_name_is_told_before_anything_is_fetched(small):
    with pytest.raises(OptionError, match=r"unknown example 'aa'. Did you mean 'a'"):
        examples.resolve("example:aa")
    assert small.downloads == 0


@pytest.mark.parametrize(("variable", "kept"), [("/absolute", True), ("relative", False)])
def test_the_cache_follows_the_xdg_rules(variable, kept, monkeypatch):
    monkeypatch.delenv("CTABATCH_CACHE", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", variable)
    base = Path(variable) if kept else Path.home() / ".cache"
    assert examples._cache_folder().is_relative_to(base / "ctabatch" / "examples")
