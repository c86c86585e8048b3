"""The bound on memory."""

from __future__ import annotations

import mmap

import pytest

from ctabatch.errors import OptionError
from ctabatch.memory import LEAST, MIB, MemoryBound, peak, resident


def test_resident_memory_grows_with_an_array_and_never_passes_the_peak():
    before = resident()
    with mmap.mmap(-1, 64 * MIB) as pages:  # an array might get memory that was free before
        pages[:] = bytes(len(pages))
        assert resident() - before > 0.9 * len(pages)
    assert peak() >= resident() - MIB


def test_the_bound_is_near_when_most_of_it_is_used(monkeypatch):
    bound = MemoryBound(1000)
    for used, near in ((840, False), (860, True)):
        monkeypatch.setattr("ctabatch.memory.resident", lambda used=used: used * MIB)
        assert bound.is_near() == near


def test_a_bound_below_what_the_program_needs_is_refused():
    with pytest.raises(OptionError, match=f"below the {LEAST} MiB"):
        MemoryBound(LEAST - 1)
