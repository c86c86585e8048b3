"""Memory that is handed out again when nothing refers to it, and never before."""

from __future__ import annotations

import threading

import hypothesis.strategies as st
import numpy as np
import pyarrow as pa
from hypothesis import given

from ctabatch.recycled_arrays import RecycledArrays

SHAPE = (64, 1296)


def address(array):
    return array.__array_interface__["data"][0]


def all_memory(arrays):
    return [memory for own in arrays._memory.values() for memory in own]


def test_memory_of_an_array_that_is_gone_is_used_again():
    arrays = RecycledArrays()
    first = arrays.empty(SHAPE, np.float32)
    place = address(first)
    del first
    assert address(arrays.empty(SHAPE, np.float32)) == place
    assert address(arrays.empty(SHAPE, np.int32)) == place


def test_views_and_arrow_columns_keep_their_memory():
    arrays = RecycledArrays()
    first = arrays.empty(SHAPE, np.float32)
    first[:] = 7
    view, column = first[3, 5:9], pa.array(first.reshape(-1))
    buffer = memoryview(first)
    del first
    for held in (view, column, buffer):
        other = arrays.empty(SHAPE, np.float32)
        other[:] = 0
        assert np.all(np.asarray(held) == 7)
    place = column.buffers()[1].address
    del view, column, buffer, held, other
    assert place in {address(arrays.empty(SHAPE, np.float32)) for _ in range(4)}


def test_what_does_not_fit_is_let_go():
    arrays = RecycledArrays()
    held = [arrays.empty((12 << 20,), np.uint8) for _ in range(3)]
    del held
    arrays.empty((20 << 20,), np.uint8)
    assert sum(map(len, all_memory(arrays))) == 20 << 20
    arrays.forget()
    assert all_memory(arrays) == []


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1 << 15, 1 << 18)), max_size=40))
def test_arrays_in_use_never_share_memory(steps):
    """Slots take a new array, filled with a number of their own; all others keep theirs."""
    arrays = RecycledArrays()
    slots = {}
    for number, (slot, size) in enumerate(steps):
        slots.pop(slot, None)
        array = arrays.empty((size,), np.int64)
        assert array.shape == (size,)
        array[:] = number
        slots[slot] = (array, number)
        for other, its_number in slots.values():
            assert (other == its_number).all()


def test_threads_never_share_memory():
    arrays, wrong = RecycledArrays(), []

    def work(number):
        for _ in range(300):
            array = arrays.empty((1 << 14,), np.int64)
            array[:] = number
            if (array != number).any():
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(all_memory(arrays)) <= 8  # the next one comes before the last one goes
