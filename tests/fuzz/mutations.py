"""Inputs made wrong: bytes of files, objects of EventIO streams, trees of JSON and YAML."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import strategies as st

from tests.eventio_bytes import headers

#: Numbers that break programs: borders of types, signs, not-a-number.
INTERESTING = [
    *(struct.pack("<i", n) for n in (0, 1, -1, 2, 0x7FFFFFFF, -0x80000000, 0x10000, 0x3FFFFFFF)),
    *(struct.pack("<h", n) for n in (0, -1, 0x7FFF, -0x8000, 1)),
    *(struct.pack("<q", n) for n in (-1, 1 << 40, -(1 << 63))),
    *(struct.pack("<f", x) for x in (float("nan"), float("inf"), -1e30, 1e30, 1e-40)),
    *(struct.pack("<d", x) for x in (float("nan"), float("inf"), 1e300)),
    b"\xff",
    b"\x00",
    b"\x80",
    b"\x7f",
    b"../../..",
    b"/etc/",
]

#: One change: what to do, where (a share of what there is), and with what.
changes = st.tuples(
    st.sampled_from(["set", "set", "set", "flip", "cut", "insert", "repeat", "drop", "swap"]),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(INTERESTING) | st.binary(min_size=1, max_size=8),
)


def changed_bytes(data: bytes, todo: list[tuple[str, float, float, bytes]]) -> bytes:
    """Bytes with changes anywhere."""
    for kind, where, how, value in todo:
        data = _changed(data, kind, int(where * len(data)), int(how * 64) + 1, value)
    return data


def _changed(data: bytes, kind: str, at: int, n: int, value: bytes) -> bytes:
    if kind == "set":
        return data[:at] + value + data[at + len(value) :]
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ (1 << n % 8)]) + data[at + 1 :] if data else data
    if kind == "cut":
        return data[:at]
    if kind == "insert":
        return data[:at] + value * n + data[at:]
    if kind == "repeat":
        return data[:at] + data[at : at + n] * 2 + data[at + n :]
    return data[:at] + data[at + n :]  # drop and swap


def changed_objects(data: bytes, todo: list[tuple[str, float, float, bytes]]) -> bytes:
    """A stream with changes inside of objects, so that what is around stays readable.

    The object is chosen among the kinds there are, not among all: a file has thousands of raw data
    and one run header.
    """
    for kind, where, how, value in todo:
        kinds: dict[int, list[tuple[int, int, int]]] = {}
        for start, number, word, end in headers(data):
            kinds.setdefault(number, []).append((start, word, end))
        if not kinds:
            return data
        names = sorted(kinds)
        place = where * len(names)
        own = kinds[names[int(place)]]
        start, word, end = own[int((place % 1) * len(own))]
        content = data[word + 12 : end]
        if kind == "drop":
            data = data[:start] + data[end:]
        elif kind == "repeat":
            data = data[:end] + data[start:end] + data[end:]
        elif kind == "swap":
            head = data[word : word + 12]
            at = int(how * 12)
            head = (head[:at] + value + head[at + len(value) :])[:12]
            data = data[:word] + head + data[word + 12 :]
        elif kind == "cut":
            data = data[: word + 12 + int(how * len(content))]
        else:  # same length, other content
            early = how * how * len(content)  # length fields stand at the beginning
            new = _changed(content, "flip" if kind == "flip" else "set", int(early), 1, value)
            new = (new + bytes(len(content)))[: len(content)]
            data = data[: word + 12] + new + data[end:]
    return data


#: Values for places in trees.
odd_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(
        ["../../x", "/etc/passwd", "a\0b", "x" * 5000, "..", "1 + ", "SELECT 1", "nan", "1e400"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)

tree_changes = st.lists(
    st.tuples(
        st.sampled_from(["set", "set", "set", "drop", "add"]),
        st.floats(0, 1, exclude_max=True),
        odd_values,
    ),
    min_size=1,
    max_size=4,
)


def changed_tree(tree: Any, todo: list[tuple[str, float, Any]]) -> Any:
    """A tree of dictionaries and lists with other values at some places."""
    import copy

    tree = copy.deepcopy(tree)
    for kind, where, value in todo:
        places = list(_places(tree))
        if not places:
            return value
        holder, key = places[int(where * len(places))]
        if kind == "set":
            holder[key] = value
        elif kind == "drop":
            del holder[key]
        elif isinstance(holder, dict):
            holder[str(value)[:20]] = value
        else:
            holder.append(value)
    return tree


def _places(tree: Any) -> Any:
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in list(keys):
        yield tree, key
        yield from _places(tree[key])
