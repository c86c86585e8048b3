"""Processing in several threads: the same bytes, and an end to all threads when one fails."""

from __future__ import annotations

import hashlib
import threading
import time

import pytest

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import OutputError
from ctabatch.io import examples
from ctabatch.io.parquet import PartFiles
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.files import simulate_file
from ctabatch.simulate.options import SimulationOptions
from ctabatch.stages import dl1

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


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("where", ["compute", "write"])
def test_a_failure_stops_all_threads_and_leaves_no_part(
    threads, where, two_types, tmp_path, monkeypatch
):
    calls = []

    def fail(*args, **kwargs):
        calls.append(time.perf_counter())
        if len(calls) > 2:
            raise (OSError(28, "No space left") if where == "write" else RuntimeError("broken"))
        return original(*args, **kwargs)

    if where == "compute":
        original = dl1.process
        monkeypatch.setattr(dl1, "process", fail)
        kind = RuntimeError
    else:
        original = PartFiles.write
        monkeypatch.setattr(PartFiles, "write", fail)
        kind = (OutputError, OSError)
    engine = Engine(tmp_path / "out", ProcessConfig(), threads=threads)
    with pytest.raises(kind):
        engine.run(two_types)
    assert time.perf_counter() - calls[2] < 5  # a second on a quiet machine
    assert not [p for p in (tmp_path / "out").rglob("*.parquet") if "subarray" not in p.parts]
    assert not list((tmp_path / "out").rglob("*.wip"))
    left = {thread.name for thread in threading.enumerate() if thread.name.startswith("ctabatch")}
    assert not {name for name in left if "digest" not in name}
