"""Machine code is cached for the user, whoever may write the package, for all processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import ctabatch.kernels
from ctabatch.kernels import jit

PACKAGE = Path(ctabatch.kernels.__file__).resolve().parent
_CODE = """
import numpy as np
from ctabatch.kernels.calibration import select_gain
gain = np.zeros(3, np.int8)
select_gain(np.array([[[1, 9], [1, 5], [7, 1]], [[0, 0]] * 3], np.uint16), 6, gain)
assert gain.tolist() == [1, 0, 1]
print(sum(select_gain.stats.cache_hits.values()))
"""


def start(cache, *, home=None):
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(cache)}
    return subprocess.Popen(
        [sys.executable, "-c", _CODE], env=environment | (home or {}), text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return int(out or 0)


def test_the_cache_is_not_in_the_package():
    assert PACKAGE not in Path(jit.CACHE_FOLDER).resolve().parents
    assert not list(PACKAGE.rglob("*.nbi"))


def test_many_processes_may_start_at_once(tmp_path):
    processes = [start(tmp_path / "cache") for _ in range(6)]
    for process in processes:
        finish(process)
    written = sorted(path.name for path in (tmp_path / "cache").rglob("*.nb?"))
    assert written
    assert finish(start(tmp_path / "cache")) == 1  # it found what they left
    assert sorted(path.name for path in (tmp_path / "cache").rglob("*.nb?")) == written


def test_a_cache_folder_that_cannot_be_made_is_not_needed(tmp_path):
    """A file stands where the folder should be: kernels are compiled for this process alone."""
    blocked = tmp_path / "blocked"
    blocked.write_text("in the way")
    assert finish(start(blocked)) == 0
    assert blocked.read_text() == "in the way"
    assert not list(PACKAGE.rglob("*.nbi"))


@jit.kernel
def _times(x, n):
    return x * n


@jit.kernel
def _both_ways(x, n):
    return _times(x, 3) + _times(x, n)


def test_a_kernel_is_compiled_once_for_numbers_in_the_text_and_variables():
    assert _both_ways(2, 5) == 16
    assert len(_times.signatures) <= 1  # none if the other came from the cache
