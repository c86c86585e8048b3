"""The scan of object headers: intact, cut and damaged streams."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels import object_table as ot
from tests import eventio_bytes as eb
from tests.naive import object_table as naive

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])


def scan(data, *, at_end=True, n_rows=200, compiled=True, max_size=1 << 30):
    table = np.full((n_rows, ot.N_COLUMNS), -9, np.int64)
    kernel = ot.scan_objects if compiled else ot.scan_objects.py_func
    buffer = np.frombuffer(data, np.uint8)
    n, pos, reason = kernel(buffer, 0, len(data), at_end, max_size, table)
    return table[:n], pos, reason


def described(table):
    columns = (ot.TYPE, ot.VERSION, ot.ID, ot.LEVEL, ot.CONTENT, ot.SIZE)
    return [tuple(int(row[c]) for c in columns) for row in table]


leaf = st.builds(
    lambda kind, content, version, ident, extended: (
        lambda make: make(
            kind, content, version=version, ident=ident, nested=False, extended=extended
        )
    ),
    st.integers(1, 5000),
    st.binary(max_size=30),
    st.integers(0, 4095),
    st.integers(-(1 << 31), (1 << 31) - 1),
    st.booleans(),
)
tree = st.recursive(
    leaf,
    lambda children: st.builds(
        lambda kind, inside, extended: (
            lambda make: make(
                kind,
                b"".join(child(eb.inner) for child in inside),
                nested=True,
                extended=extended,
            )
        ),
        st.integers(1, 5000),
        st.lists(children, max_size=3),
        st.booleans(),
    ),
    max_leaves=8,
)
streams = st.lists(tree, max_size=4).map(lambda trees: b"".join(make(eb.top) for make in trees))


@COMPILED
@given(data=streams)
def test_all_objects_of_a_stream_are_listed(compiled, data):
    table, pos, reason = scan(data, compiled=compiled)
    assert (pos, reason) == (len(data), ot.NEED_DATA)
    assert described(table) == naive.objects(data)
    assert (table[:, ot.STATE] == ot.INTACT).all()
    for row in table:
        if row[ot.LEVEL] > 0:
            assert table[row[ot.PARENT], ot.LEVEL] == row[ot.LEVEL] - 1


@given(data=streams, at=st.floats(0, 1))
def test_a_cut_stream_lists_complete_objects_only(data, at):
    cut = data[: int(at * len(data))]
    table, pos, _ = scan(cut)
    assert pos <= len(cut)
    whole = {row[4]: row for row in naive.objects(data)}
    for row, found in zip(table, described(table), strict=True):
        assert whole[found[4]] == found
        if row[ot.STATE] == ot.INTACT:
            assert found[4] + found[5] <= len(cut)


@COMPILED
@given(data=streams, garbage=st.binary(max_size=40), at=st.floats(0, 1), at_end=st.booleans())
def test_any_bytes_are_scanned_within_bounds(compiled, data, garbage, at, at_end):
    k = int(at * len(data))
    broken = data[:k] + garbage + data[k + len(garbage) :]
    if not broken:
        return
    table, pos, _ = scan(broken, at_end=at_end, compiled=compiled)
    assert 0 <= pos <= len(broken)
    inside = table[table[:, ot.LEVEL] > 0]
    assert (inside[:, ot.CONTENT] + inside[:, ot.SIZE] <= len(broken)).all()
    same, _pos_2, _reason_2 = scan(broken, at_end=at_end, compiled=not compiled)
    np.testing.assert_array_equal(table, same)


@COMPILED
def test_a_full_table_is_reported_at_the_object_that_did_not_fit(compiled):
    one = eb.top(2010, eb.inner(5, b"abc") * 3, nested=True)
    table, pos, reason = scan(one * 3, n_rows=9, compiled=compiled)
    assert (len(table), pos, reason) == (8, 2 * len(one), ot.TABLE_FULL)


def test_an_object_longer_than_believable_is_refused():
    assert scan(eb.top(1, bytes(100)), max_size=99)[1:] == (0, ot.TOO_LONG)


def test_an_extended_length_counts_all_42_bits():
    data = eb.SYNC + eb.pack("IiII", 2010 | 1 << 17, 1, 16, 1) + bytes(16)
    assert scan(data, max_size=1 << 41, at_end=False)[2] == ot.NEED_DATA
    assert scan(data)[2] == ot.TOO_LONG


def test_an_object_without_a_marker_behind_it_is_not_believed():
    data = eb.top(1, bytes(8)) + b"garbage, no marker"
    assert scan(data)[1:] == (0, ot.BAD_LENGTH)


def test_a_child_longer_than_its_parent_marks_it_damaged():
    good = eb.inner(7, b"1234")
    bad = bytearray(eb.inner(8, b"1234"))
    bad[8] = 200
    data = eb.top(2010, good + bytes(bad) + good, nested=True)
    table, pos, _ = scan(data)
    assert pos == len(data)
    assert table[0, ot.STATE] == ot.DAMAGED
    assert table[:, ot.TYPE].tolist() == [2010, 7]


def test_nesting_deeper_than_any_file_is_damage_and_no_overflow():
    data = b"1234"
    for _ in range(20):
        data = eb.inner(9, data, nested=True)
    table, _, _ = scan(eb.top(2010, data, nested=True))
    assert table[0, ot.STATE] == ot.DAMAGED
    assert table[:, ot.LEVEL].max() == ot.MAX_DEPTH


@COMPILED
def test_find_sync_finds_a_marker_at_the_very_end(compiled):
    find = ot.find_sync if compiled else ot.find_sync.py_func
    buffer = np.frombuffer(b"\x37\x8a" + bytes(7) + eb.SYNC, np.uint8)
    assert find(buffer, 0, len(buffer)) == 9
    assert find(buffer, 0, len(buffer) - 1) == -1
    assert find(buffer, 10, len(buffer)) == -1
