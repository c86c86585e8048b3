"""Every named way to break a file is noticed, and costs what is broken and no more."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ctabatch.errors import InputError
from ctabatch.io.simtel.batches import raw_batches
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.source import calibrated


def _load() -> ModuleType:
    path = Path(__file__).parent.parent / "benchmarks" / "stress_files.py"
    spec = importlib.util.spec_from_file_location("stress_files", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stress_files"] = module
    spec.loader.exec_module(module)
    return module


STRESS = _load()

#: How -> (least array events of the 10 that survive, least losses that are reported).
EXPECTED = {
    "cut-in-event": (5, 1),
    "cut-between": (6, 0),
    "cut-in-header": (0, 1),
    "wrong-sync": (10, 1),
    "wrong-length": (9, 1),
    "wrong-payload": (9, 0),
    "zeros": (9, 0),
    "lost-block": (9, 1),
    "garbage-between": (10, 1),
    "no-monitoring": (10, 10),
    "unknown-object": (10, 0),
}


def read(data: bytes) -> tuple[int, int, dict[str, int]]:
    with SimtelReader(io.BytesIO(data)) as reader:
        n = 0
        for events in reader:
            n += len(events)
            for raw in raw_batches(events, reader.account):
                calibrated(raw, reader.account)
        return n, reader.account.n_losses, dict(reader.account.notes)


@pytest.mark.parametrize("how", sorted(EXPECTED))
def test_a_broken_file_costs_what_is_broken(how: str, example_files: dict[str, Path]) -> None:
    events, losses = EXPECTED[how]
    data = STRESS.break_file(example_files["pixel-settings-v3"], how, seed=3)
    n_events, n_losses, notes = read(data)
    assert n_events >= events
    assert n_losses >= losses
    if how == "cut-between":
        assert n_events == 6
    if how == "unknown-object":
        assert any("9999" in note for note in notes)


@pytest.mark.parametrize("how", ["swapped", "empty"])
def test_unusable_files_say_why(how: str, example_files: dict[str, Path]) -> None:
    data = STRESS.break_file(example_files["pixel-settings-v3"], how)
    with pytest.raises(InputError, match=r"byte-swapped|empty"):
        SimtelReader(io.BytesIO(data))


def test_every_way_to_break_a_file_is_tested() -> None:
    assert set(STRESS.BREAKS) == set(EXPECTED) | {"swapped", "empty"}


def test_a_large_file_is_streamed_to_the_size_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "large.simtel"
    n = STRESS.write_large(target, 3_000_000, array="lst4")
    assert target.stat().st_size >= 3_000_000
    with SimtelReader(target) as reader:
        found = sum(len(events.telescopes) for events in reader)
        assert reader.account.n_losses == 0
    assert found == n
