"""Processing in several threads gives the same bytes."""

from __future__ import annotations

import hashlib

import pytest

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.io import examples
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions

WRITE = ("r0", "r1", "images", "parameters", "geometry")


@pytest.fixture(scope="module")
def two_types(tmp_path_factory):
    """A simulated file of two telescope types, several blocks long."""
    path = tmp_path_factory.mktemp("threads") / "gammas.simtel.zst"
    options = SimulationOptions(n_showers=600, array=load_array("alpha-north"), seed=4)
    simulate_file(options, path)
    return path


def digests(root):
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*.parquet"))
    }


def process(path, root, threads, write=WRITE):
    result = Engine(root, ProcessConfig(write=write), threads=threads).run(path)
    assert result.status == "done", result.error
    return digests(root), result.record


@pytest.mark.parametrize("name", ["simulated", "prod6", "gamma-test-large"])
def test_output_is_the_same_byte_for_byte_for_any_number_of_threads(name, two_types, tmp_path):
    path = two_types if name == "simulated" else examples.path(name)
    expected, record = process(path, tmp_path / "1", 1)
    assert len(expected) > 8
    for threads in (2, 4):
        found, other = process(path, tmp_path / str(threads), threads)
        assert found == expected
        assert other["losses"] == record["losses"]
        assert other["telescope_events"] == record["telescope_events"] > 0
