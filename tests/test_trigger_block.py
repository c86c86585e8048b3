"""Trigger blocks of all versions."""

import numpy as np
import pytest
from eventio.simtel.objects import TriggerInformation
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.trigger_block import read_triggers
from tests import eventio_bytes as eb
from tests.naive import trigger_block as naive

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])


def block(version, tels, times, with_data, masks, pattern=0):
    content = eb.pack("6i", 1, 2, 1_600_000_000, 999_999_999, pattern, 0)
    if version >= 1:
        content += eb.pack(f"h{len(tels)}h{len(tels)}f", len(tels), *tels, *times)
        content += eb.pack(f"h{len(with_data)}h", len(with_data), *with_data)
    if version >= 2:
        content += b"".join(map(eb.unsigned, masks))
        for mask in masks:
            n_types = bin(mask & 0xF).count("1")
            content += eb.pack(f"{n_types}f", *range(n_types)) if n_types > 1 else b""
    if version >= 3:
        content += eb.pack("3f", 0.1, 1.2, 0.29979)
    return content


def read(blocks, versions, compiled=True):
    n = len(blocks)
    sizes = np.array([len(b) for b in blocks], np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    data = np.frombuffer(b"".join(blocks) + b"\x01" * 8, np.uint8)
    room = int((sizes // 2 + 32).sum())
    seconds, nanoseconds, n_data = (np.full(n, -7, np.int64) for _ in range(3))
    starts = np.full(n + 1, -7, np.int64)
    tels, times = np.zeros(room, np.int16), np.zeros(room, np.float32)
    masks = np.zeros(room, np.int64)
    kernel = read_triggers if compiled else read_triggers.py_func
    n_bad = kernel(
        data, offsets, sizes, np.array(versions, np.int64), seconds, nanoseconds, n_data, starts,
        tels, times, masks,
    )  # fmt: skip
    rows = []
    for k in range(n):
        here = slice(starts[k], starts[k + 1])
        rows.append((seconds[k], nanoseconds[k], tels[here], times[here], masks[here], n_data[k]))
    return n_bad, rows


@COMPILED
@pytest.mark.parametrize("version", range(5))
def test_every_version_is_read_as_by_its_twin(compiled, version):
    blocks = [
        block(version, [1, 5, 300], [0.5, -1, 2e4], [1, 5], [1, 0x13, 0x75], pattern=0b1010),
        block(version, [], [], [], []),
        block(version, [7], [0], [7], [300], pattern=1 << 30),
    ]
    n_bad, rows = read(blocks, [version] * 3, compiled)
    assert n_bad == 0
    for content, row in zip(blocks, rows, strict=True):
        for found, expected in zip(row, naive.trigger(content, version), strict=True):
            np.testing.assert_array_equal(found, np.asarray(expected, np.asarray(found).dtype))


@pytest.mark.parametrize("version", [2, 3])
def test_trigger_blocks_agree_with_eventio(version):
    content = block(version, [1, 5, 300], [0.5, -1, 2e4], [1, 5], [1, 0x13, 0x75])
    _, [(_, _, tels, times, masks, n_data)] = read([content], [version])
    expected = eb.parse(TriggerInformation, content, version=version)
    np.testing.assert_array_equal(tels, expected["triggered_telescopes"])
    np.testing.assert_array_equal(times, expected["trigger_times"])
    np.testing.assert_array_equal(masks, expected["teltrg_type_mask"])
    assert n_data == expected["n_telescopes_with_data"]


@COMPILED
def test_a_cut_block_is_counted_and_spares_the_others(compiled):
    good = block(3, [1, 2], [3, 4], [1, 2], [1, 1])
    for n in range(len(good) - 3 * 4):
        n_bad, rows = read([good, good[:n], good], [3, 3, 3], compiled)
        assert n_bad == 1
        assert rows[1][0] == rows[1][1] == len(rows[1][2]) == 0
        for row in (rows[0], rows[2]):
            assert row[0] == 1_600_000_000
            assert row[2].tolist() == [1, 2]


@COMPILED
@given(
    blocks=st.lists(st.binary(max_size=80), min_size=1, max_size=3),
    version=st.integers(0, 5),
    n=st.integers(-2, 9),
)
def test_any_bytes_stay_within_the_room(compiled, blocks, version, n):
    blocks = [b[:24] + eb.pack("h", n) + b[24:] for b in blocks]
    n_bad, rows = read(blocks, [version] * len(blocks), compiled)
    assert 0 <= n_bad <= len(blocks)
    assert all(len(row[2]) <= len(b) // 2 + 32 for row, b in zip(rows, blocks, strict=True))
