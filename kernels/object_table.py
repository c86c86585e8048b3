"""Scan of EventIO object headers: where every object stands, without touching its content.

A top-level object is a 4-byte sync marker and three 32-bit words: type (16 bits), user bit,
extension bit, version (12 bits); the id; the length (30 bits) with the "only sub-objects" bit.
Sub-objects lack the sync marker. With the extension bit a fourth word holds 12 more length bits.
Source: EventIO data format description, section "Header" (K. Bernlohr, eventio package).
"""

from __future__ import annotations

import numpy as np

from .bytes import i32, u32
from .jit import kernel

#: Columns of the object table.
TYPE, VERSION, ID, LEVEL, PARENT, START, CONTENT, SIZE, STATE = range(9)
N_COLUMNS = 9

#: Values of the column STATE.
INTACT, CUT, DAMAGED = 0, 1, 2

#: Why a scan stopped.
NEED_DATA, TABLE_FULL, NO_SYNC, BAD_LENGTH, TOO_LONG = range(5)

MAX_DEPTH = 6


@kernel
def is_sync(data: np.ndarray, pos: int) -> bool:
    """Whether the little-endian sync marker D41F8A37 stands at `pos`."""
    return (
        data[pos] == 0x37
        and data[pos + 1] == 0x8A
        and data[pos + 2] == 0x1F
        and data[pos + 3] == 0xD4
    )


@kernel
def find_sync(data: np.ndarray, pos: int, end: int) -> int:
    """First position >= `pos` of a sync marker that ends before `end`; -1 if there is none."""
    while pos + 4 <= end:
        if data[pos] == 0x37 and is_sync(data, pos):
            return pos
        pos += 1
    return np.int64(-1)


@kernel
def _add(
    table: np.ndarray,
    row: int,
    data: np.ndarray,
    word: int,
    level: int,
    parent: int,
    start: int,
    content: int,
    size: int,
) -> None:
    first = u32(data, word)
    table[row, TYPE] = first & 0xFFFF
    table[row, VERSION] = first >> 20
    table[row, ID] = i32(data, word + 4)
    table[row, LEVEL] = level
    table[row, PARENT] = parent
    table[row, START] = start
    table[row, CONTENT] = content
    table[row, SIZE] = size
    table[row, STATE] = INTACT


@kernel
def _length(data: np.ndarray, word: int, extended: int) -> int:
    size = u32(data, word + 8) & 0x3FFFFFFF
    if extended:
        size |= (u32(data, word + 12) & 0xFFF) << 30
    return size


@kernel
def _children(
    data: np.ndarray, end: int, top: int, content_end: int, table: np.ndarray, row: int
) -> int:
    """Add the sub-objects of row `top`; returns the next free row, or -1 if the table is full.

    `end` is the end of the readable bytes: objects that reach past it are left out and the
    top-level object is marked CUT. A child that does not fit into its parent marks it DAMAGED.
    """
    limit = np.empty(MAX_DEPTH + 1, np.int64)
    parent = np.empty(MAX_DEPTH + 1, np.int64)
    depth = 0
    limit[0] = content_end
    parent[0] = top
    pos = table[top, CONTENT]
    while depth >= 0:
        if pos + 12 > limit[depth]:  # at most 11 bytes of padding: this container is done
            pos = limit[depth]
            depth -= 1
            continue
        if pos + 12 > end:
            table[top, STATE] = CUT
            return row
        extended = (u32(data, pos) >> 17) & 1
        head = 16 if extended else 12
        if pos + head > limit[depth]:
            table[top, STATE] = DAMAGED
            return row
        if pos + head > end:
            table[top, STATE] = CUT
            return row
        size = _length(data, pos, extended)
        nested = (u32(data, pos + 8) >> 30) & 1
        if pos + head + size > limit[depth] or (nested and depth == MAX_DEPTH):
            table[top, STATE] = DAMAGED
            return row
        if pos + head + size > end:
            table[top, STATE] = CUT
            return row
        if row >= table.shape[0]:
            return np.int64(-1)
        _add(table, row, data, pos, depth + 1, parent[depth], pos, pos + head, size)
        pos += head
        if nested:
            depth += 1
            limit[depth] = pos + size
            parent[depth] = row
        else:
            pos += size
        row += 1
    return row


@kernel
def scan_objects(
    data: np.ndarray, begin: int, end: int, at_end: bool, max_size: int, table: np.ndarray
) -> tuple[int, int, int]:
    """List the complete objects in a buffer.

    Parameters
    ----------
    data : uint8 (n,)
        Buffer; the scan starts at `begin`, where a top-level object is expected, and ends at `end`.
    at_end : bool
        Whether the stream ends at `end`: then an incomplete last object is listed with its
        complete sub-objects and state CUT.
    max_size : int
        Longest top-level object that is believed, bytes.
    table : int64 (n_rows, 9)
        Written: one row per object in stream order, columns as the constants of this module.

    Returns
    -------
    n_rows, position, reason : int
        Rows filled, first byte not consumed, and why the scan stopped there: NEED_DATA,
        TABLE_FULL, NO_SYNC (no marker at `position`), BAD_LENGTH (the object at `position` is not
        followed by a marker), TOO_LONG (its length exceeds `max_size`).

    Notes
    -----
    A top-level object is accepted only when the next marker (or the end of the stream) follows it,
    so a wrong length cannot swallow its neighbours. Source: EventIO format, section "Header".
    """
    row = 0
    pos = begin
    while True:
        if end - pos < 4 or (end - pos < 20 and not at_end):
            return row, pos, NEED_DATA
        if not is_sync(data, pos):
            return row, pos, NO_SYNC
        if end - pos < 16:
            return row, pos, NEED_DATA
        extended = (u32(data, pos + 4) >> 17) & 1
        head = 20 if extended else 16
        if end - pos < head:
            return row, pos, NEED_DATA
        size = _length(data, pos + 4, extended)
        if size > max_size:
            return row, pos, TOO_LONG
        stop = pos + head + size
        cut = stop > end
        if cut and not at_end:
            return row, pos, NEED_DATA
        if cut:
            if find_sync(data, pos + 16, end) >= 0:  # another object begins inside
                return row, pos, BAD_LENGTH
        else:
            if stop + 4 <= end:
                if not is_sync(data, stop):
                    return row, pos, BAD_LENGTH
            elif not at_end:
                return row, pos, NEED_DATA
            elif stop != end:
                return row, pos, BAD_LENGTH
        if row >= table.shape[0]:
            return row, pos, TABLE_FULL
        _add(table, row, data, pos + 4, 0, -1, pos, pos + head, size)
        top = row
        row += 1
        if cut:
            table[top, STATE] = CUT
        if (u32(data, pos + 12) >> 30) & 1:
            row = _children(data, min(stop, end), top, stop, table, row)
            if row < 0:
                return top, pos, TABLE_FULL
        if cut:
            return row, end, NEED_DATA
        pos = stop
