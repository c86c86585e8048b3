"""Machine code is cached for the user, whoever may write the package, for all processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numba.core.caching import IndexDataCacheFile

import ctabatch.kernels
from ctabatch.kernels import jit
from ctabatch.kernels.code_files import SUFFIX, CodeFiles

PACKAGE = Path(ctabatch.kernels.__file__).resolve().parent
_CODE = """
import numpy as np
from ctabatch.kernels.calibration import select_gain
gain = np.zeros(3, np.int8)
select_gain(np.array([[[1, 9], [1, 5], [7, 1]], [[0, 0]] * 3], np.uint16), 6, gain)
assert gain.tolist() == [1, 0, 1]
print(sum(select_gain.stats.cache_hits.values()))
"""


_OF_A_TYPE = """
import sys
import numpy as np
from ctabatch.kernels.calibration import select_gain
kind = np.dtype(sys.argv[1])
gain = np.zeros(3, np.int8)
select_gain(np.array([[[1, 9], [1, 5], [7, 1]], [[0, 0]] * 3], kind), kind.type(6), gain)
assert gain.tolist() == [1, 0, 1]
print(sum(select_gain.stats.cache_hits.values()))
"""
_TYPES = ("uint16", "int16", "int32", "int64", "float32", "float64")


def start(cache, *words, home=None, code=_CODE):
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *words], env=environment | (home or {}), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return int(out or 0)


def test_the_cache_is_not_in_the_package():
    assert PACKAGE not in Path(jit.CACHE_FOLDER).resolve().parents
    assert not list(PACKAGE.rglob("*.nb?"))


def test_many_processes_may_start_at_once(tmp_path):
    processes = [start(tmp_path / "cache") for _ in range(6)]
    for process in processes:
        finish(process)
    written = sorted(path.name for path in (tmp_path / "cache").rglob("*.nb?"))
    assert written
    assert finish(start(tmp_path / "cache")) == 1  # it found what they left
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*.nb?")) == written


def test_processes_that_compile_for_different_types_at_once_do_not_mix_them_up(tmp_path):
    processes = [start(tmp_path / "cache", kind, code=_OF_A_TYPE) for kind in _TYPES]
    assert [finish(process) for process in processes] == [0] * len(_TYPES)
    assert len(list((tmp_path / "cache").rglob(f"*{SUFFIX}"))) >= len(_TYPES)
    again = [start(tmp_path / "cache", kind, code=_OF_A_TYPE) for kind in _TYPES]
    assert [finish(process) for process in again] == [1] * len(_TYPES)


def code_files(folder, stamp=1):
    return CodeFiles(str(folder), "f-1.py3", stamp)


def test_what_one_writes_in_the_midst_of_another_is_not_taken_for_its_own(tmp_path):
    first, second = code_files(tmp_path), code_files(tmp_path)
    saved = first._save_data

    def save_data(*words):
        second.save("for floats", "code for floats")
        saved(*words)

    first._save_data = save_data
    first.save("for integers", "code for integers")
    assert second.load("for integers") == "code for integers"
    assert first.load("for floats") == "code for floats"


def test_numba_alone_takes_the_code_of_one_for_that_of_the_other(tmp_path):
    """Why there are files of our own: this fails when numba needs them no more."""
    first, second = (IndexDataCacheFile(str(tmp_path), "f-1.py3", 1) for _ in range(2))
    late = []
    save_index, save_data = first._save_index, first._save_data

    def after_the_other(index):
        second._save_data = lambda *words: late.append(words)
        second.save("for floats", "code for floats")
        save_index(index)

    first._save_index = after_the_other
    first.save("for integers", "code for integers")
    save_data(*late[0])  # the slower of the two
    assert first.load("for integers") == "code for floats"


def test_code_of_another_version_of_the_file_is_not_found(tmp_path):
    code_files(tmp_path).save("key", "code")
    assert code_files(tmp_path).load("key") == "code"
    assert code_files(tmp_path, stamp=2).load("key") is None


@pytest.mark.parametrize("left", [b"", b"\x80", b"no code at all", None])
def test_damaged_files_are_compiled_anew(tmp_path, left):
    code_files(tmp_path).save("key", "code")
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-3] if left is None else left)
    assert code_files(tmp_path).load("key") is None
    code_files(tmp_path).save("key", "code again")
    assert code_files(tmp_path).load("key") == "code again"


def test_code_in_the_file_of_another_is_not_taken(tmp_path):
    ours = code_files(tmp_path)
    ours.save("key", "code")
    (path,) = tmp_path.iterdir()
    path.rename(tmp_path / ours._name_of("other key"))
    assert ours.load("other key") is None


def test_a_full_disk_is_no_reason_not_to_run(tmp_path, monkeypatch):
    def full(*words):
        raise OSError(28, "No space left on device")

    ours = code_files(tmp_path)
    monkeypatch.setattr(ours, "_save_data", full)
    ours.save("key", "code")
    assert ours.load("key") is None


def test_flushing_forgets_all_of_a_function_alone(tmp_path):
    ours, other = code_files(tmp_path), CodeFiles(str(tmp_path), "g-1.py3", 1)
    for one in (ours, other):
        one.save("key", "code")
    ours.flush()
    assert (ours.load("key"), other.load("key")) == (None, "code")


def test_all_cached_kernels_keep_their_code_in_such_files():
    from ctabatch.kernels.calibration import select_gain

    assert isinstance(select_gain._cache._cache_file, CodeFiles)


def test_a_cache_folder_that_cannot_be_made_is_not_needed(tmp_path):
    """A file stands where the folder should be: kernels are compiled for this process alone."""
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    assert finish(start(blocked)) == 0
    assert blocked.read_text() == "in the way"
    assert not list(PACKAGE.rglob("*.nb?"))


@jit.kernel
def _times(x, n):
    return x * n


@jit.kernel
def _both_ways(x, n):
    return _times(x, 3) + _times(x, n)


def test_a_kernel_is_compiled_once_for_numbers_in_the_text_and_variables():
    assert _both_ways(2, 5) == 16
    assert len(_times.signatures) <= 1  # none if the other came from the cache
