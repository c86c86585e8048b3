"""Rows of stored tables: every row comes once, with its event, whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctabatch.errors import InputError
from ctabatch.io.simtel.run import clip_altitude
from ctabatch.io.table_file import TableFile
from ctabatch.sources.stored_array import from_degrees
from ctabatch.sources.stored_rows import KeyedFile, block_ends, place_of

TENSOR = pa.fixed_shape_tensor(pa.float32(), [2, 3])
BITS = pa.fixed_shape_tensor(pa.bool_(), [5])


def write(path, event_id, group_rows=4, seed=0):
    """A table whose values tell the number of the row; every third has no bits."""
    n = len(event_id)
    values = np.arange(6 * n, dtype=np.float32)
    bits = np.random.default_rng(seed).random((n, 5)) < 0.5
    lists = pa.FixedSizeListArray.from_arrays(pa.array(values), type=TENSOR.storage_type)
    absent = pa.array(np.arange(n) % 3 == 2)
    flags = pa.FixedSizeListArray.from_arrays(
        pa.array(bits.reshape(-1)), type=BITS.storage_type, mask=absent
    )
    table = pa.table({
        "obs_id": pa.array(np.ones(n, np.int32)),
        "event_id": pa.array(np.asarray(event_id, np.int64)),
        "number": pa.array(np.arange(n)),
        "values": pa.ExtensionArray.from_storage(TENSOR, lists),
        "bits": pa.ExtensionArray.from_storage(BITS, flags),
    })  # fmt: skip
    pq.write_table(table, path, row_group_size=group_rows)
    return bits


def keyed(path, n_rows, n_events):
    file = TableFile(path, n_rows, ["number", "values", "bits"])
    return KeyedFile(file, np.ones(n_events, np.int64), np.arange(n_events))


@given(
    rows=st.lists(st.lists(st.integers(0, 6), max_size=6), max_size=6),
    size=st.integers(1, 400),
    group_rows=st.integers(1, 9),
)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_blocks_hold_all_rows_of_their_events_once(rows, size, group_rows, tmp_path_factory):
    # events of each list may stand in any order, those of later lists come later
    tables = [[e + 7 * k for k, part in enumerate(rows) for e in part[::step]] for step in (1, 2)]
    folder, n_events = tmp_path_factory.mktemp("rows"), 7 * len(rows)
    bits = [write(folder / f"{k}", table, group_rows) for k, table in enumerate(tables)]
    files = [keyed(folder / f"{k}", len(table), n_events) for k, table in enumerate(tables)]
    ends = block_ends(files, n_events, size)
    assert ends == sorted(set(ends))
    assert (ends[-1] if ends else 0) == n_events
    for k, (file, table) in enumerate(zip(files, tables, strict=True)):
        begin, seen = 0, []
        for end in ends:
            found = file.take(begin, end)
            numbers = found.numbers("number")
            seen += numbers.tolist()
            events = (found.event + begin).tolist()
            assert events == [table[number] for number in numbers]
            assert all(begin <= event < end for event in events)
            every = np.arange(len(found))[::-1]
            values = np.empty((len(found), 2, 3), np.float32)
            assert found.tensors("values", every, values).all()
            expected = (6 * numbers[::-1, None] + np.arange(6)).reshape(-1, 2, 3)
            np.testing.assert_array_equal(values, expected)
            flags = np.empty((len(found), 5), bool)
            present = found.tensors("bits", every, flags, fill=True)
            np.testing.assert_array_equal(present, numbers[::-1] % 3 != 2)
            np.testing.assert_array_equal(present, found.present("bits")[::-1])
            np.testing.assert_array_equal(flags[present], bits[k][numbers[::-1]][present])
            assert flags[~present].all()
            begin = end
        assert seen == list(range(len(table)))
        file.file.close()


def test_blocks_are_as_small_as_the_order_of_rows_allows(tmp_path):
    write(tmp_path / "sorted", range(50))
    write(tmp_path / "mixed", [*range(20), 49, *range(20, 49)])
    one, other = (keyed(tmp_path / name, 50, 50) for name in ("sorted", "mixed"))
    assert block_ends([one], 50, 1) == list(range(1, 51))
    assert block_ends([one, other], 50, 1) == [*range(1, 21), 50]
    assert block_ends([one], 50, 1 << 30) == [50]


def test_rows_without_an_array_that_is_needed_are_refused(tmp_path):
    write(tmp_path / "rows", range(5))
    file = keyed(tmp_path / "rows", 5, 5)
    rows = file.take(0, 5)
    with pytest.raises(InputError, match="rows without bits"):
        rows.tensors("bits", np.arange(5), np.empty((5, 5), bool))


def test_another_number_of_rows_or_a_missing_column_is_refused(tmp_path):
    write(tmp_path / "rows", range(5))
    with pytest.raises(InputError, match=r"rows: not readable: 5 rows, 6 were written"):
        TableFile(tmp_path / "rows", 6, ["number"])
    with pytest.raises(InputError, match="no column image"):
        TableFile(tmp_path / "rows", 5, ["image"])


@given(
    pairs=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), unique=True),
    seed=st.integers(0, 9),
)
def test_telescope_events_are_found_among_others(pairs, seed):
    rng = np.random.default_rng(seed)
    event, tel_id = np.array(pairs, np.int64).reshape(-1, 2).T
    wanted_event, wanted_tel = rng.integers(0, 6, 20), rng.integers(1, 5, 20).astype(np.int16)
    found = place_of(wanted_event, wanted_tel, event, tel_id.astype(np.int16))
    for k in range(20):
        pair = (int(wanted_event[k]), int(wanted_tel[k]))
        assert found[k] == (pairs.index(pair) if pair in pairs else -1)


@given(angle=st.floats(-7, 7, width=32))
def test_single_precision_angles_come_back_from_degrees_to_the_last_bit(angle):
    assert from_degrees(np.degrees(np.array([angle])), clip=False)[0] == angle
    if -1.5 < angle < 1.5:
        assert from_degrees(np.degrees(np.array([angle])), clip=True)[0] == angle


def test_the_zenith_comes_back_as_it_stood_in_the_file():
    above = float(np.float32(np.pi / 2))  # half a unit in the last place too high
    assert above > np.pi / 2
    stored = np.degrees(np.array([clip_altitude(above)]))
    assert from_degrees(stored, clip=True)[0] == above


def test_angles_in_double_precision_stay_close():
    angles = np.random.default_rng(1).uniform(0, 1.5, 100)
    # rounding in both conversions, relative to 2**-53
    np.testing.assert_allclose(from_degrees(np.degrees(angles), clip=True), angles, rtol=4e-16)
