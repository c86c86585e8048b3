"""What fuzzing has found stays fixed, and the fuzz targets run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ctabatch.config.bounded import read_yaml
from ctabatch.errors import InputError, OptionError
from ctabatch.expressions import parse
from ctabatch.instrument.readout import CameraReadout
from ctabatch.io.record_checks import read_record

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("text", ["!!int", "!!int ''", "!!float ''", "!!timestamp ''", "!!bool x"])
def test_tags_without_a_value_are_refused(text):
    """IndexError, KeyError and AttributeError of YAML's constructors."""
    with pytest.raises(OptionError):
        read_yaml(text, "c")


@pytest.mark.parametrize(
    "change",
    [{"part": True}, {"tables": {"a/b.parquet": {"rows": 1, "bytes": None}}}, {"input": "x"}],
)
def test_records_with_values_of_another_kind_are_refused(tmp_path, change):
    """TypeError in the summary of a dataset and in provenance."""
    record = {"part": "a", "tables": {"a/b.parquet": {"rows": 1, "bytes": 1}}, "input": {}}
    (tmp_path / "a.json").write_text(json.dumps(record))
    assert read_record(tmp_path / "a.json") == record
    (tmp_path / "a.json").write_text(json.dumps({**record, **change}))
    with pytest.raises(InputError):
        read_record(tmp_path / "a.json")


def test_expressions_that_take_polars_hours_are_refused():
    with pytest.raises(OptionError, match="words and signs"):
        parse("1+" * 4999 + "1")


@pytest.mark.parametrize(("width", "rate"), [(1e30, 1.0), (1e9, 1e9), (1e-320, 1.0), (1.0, 1e-320)])
def test_pulses_of_impossible_length_are_not_corrected_for(width, rate):
    """A step of the reference pulse from a damaged file asked for terabytes."""
    readout = CameraReadout(rate, [[0.0, 1.0, 0.5]], width, 1, 10, 30)
    for correction in (readout.sliding_correction(7), readout.integration_correction(7, 3)):
        assert correction.shape == (1,)


@pytest.mark.slow
def test_the_fuzz_command_runs_and_tells_what_it_did(tmp_path):
    words = ["-m", "tests.fuzz", "expressions", "--seconds", "3", "--findings", str(tmp_path)]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True,
                          check=False, timeout=300)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "expressions: " in done.stdout
    assert " 0 findings" in done.stdout
    done = subprocess.run([sys.executable, "-m", "tests.fuzz", "nothing"], cwd=ROOT,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 2
    assert "no target nothing; there are eventio, parquet" in done.stderr
