"""Reading ahead in a thread changes neither the items nor the errors."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.io.simtel.prefetch import prefetched


def readers() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "ctabatch-reader"]


@given(st.lists(st.integers(), max_size=30), st.integers(1, 4))
def test_items_come_in_their_order(items: list[int], depth: int) -> None:
    assert list(prefetched(iter(items), depth)) == items


def test_an_error_comes_after_what_was_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("broken")

    ahead = prefetched(failing())
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(ahead)


def test_no_more_than_the_depth_is_computed_ahead() -> None:
    made = []

    def items() -> Iterator[int]:
        for k in range(100):
            made.append(k)
            yield k

    ahead = prefetched(items(), depth=2)
    assert next(ahead) == 0
    time.sleep(0.3)
    assert len(made) <= 4
    ahead.close()
    assert readers() == []


def test_the_thread_ends_when_the_user_stops() -> None:
    def endless() -> Iterator[int]:
        while True:
            yield 1

    ahead = prefetched(endless())
    next(ahead)
    ahead.close()
    assert readers() == []
