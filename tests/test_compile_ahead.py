"""The first start: everything that `process` compiles is compiled ahead, in several processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import ctabatch
from ctabatch import engine
from ctabatch.cli.compile_ahead import _PARTS, _SHARES, compile_ahead
from ctabatch.instrument.subarray import MissingEffectiveFocalLengthWarning


def machine_code(folder):
    return {path.name for path in folder.rglob("*.nbc")}


@pytest.mark.slow
def test_nothing_is_left_to_compile_after_the_first_start(example_files, tmp_path):
    """One telescope event compiles all; other events of the same camera find it in the cache."""
    cache = tmp_path / "cache"
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    environment.pop("NUMBA_CACHE_DIR", None)

    def process(name, target):
        words = ["process", str(example_files[name]), "-o", str(tmp_path / target)]
        subprocess.run([sys.executable, "-m", "ctabatch", *words], env=environment, check=True,
                       capture_output=True, timeout=500)  # fmt: skip

    code = (
        "import sys; from pathlib import Path\n"
        "from ctabatch.cli.compile_ahead import compile_ahead\n"
        "compile_ahead(Path(sys.argv[1]), 2)"
    )
    path = str(example_files["sst1m"])
    subprocess.run([sys.executable, "-c", code, path], env=environment, check=True, timeout=500)
    compiled = machine_code(cache)
    assert len(compiled) > 50
    process("sst1m", "all")
    assert machine_code(cache) == compiled


def test_the_machine_code_of_other_commands_and_pythons_does_not_count(tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "CACHE_FOLDER", str(tmp_path))
    names = ("irf_histogram.add_counts-3.{}.0a1b.nbc",
             "peak_window.neighbor_peak_charges-9.py27.0a1b.nbc",
             "peak_window.neighbor_peak_charges-9.{}.0a1b.nbc")  # fmt: skip
    found = []
    for name in names:
        (tmp_path / name.format(f"py{sys.version_info[0]}{sys.version_info[1]}")).touch()
        found.append(engine.kernels_are_compiled())
    assert found == [False, False, True]


def test_what_the_input_is_warned_of_is_left_to_its_processing(example_files, monkeypatch):
    """The reader warns of a missing focal length; warnings are errors here."""
    monkeypatch.setattr("ctabatch.cli.compile_ahead._PARTS", {})
    with (
        pytest.warns(MissingEffectiveFocalLengthWarning),
        ctabatch.open(example_files["lst-muons"]) as source,
    ):
        next(iter(source.batches("r0")))
    compile_ahead(example_files["lst-muons"], 1)


def test_every_part_is_done_once():
    for n_processes, shares in _SHARES.items():
        named = [name for share in shares for name in share]
        assert len(shares) == n_processes - 1
        assert len(set(named)) == len(named)
        assert set(named) <= set(_PARTS)
