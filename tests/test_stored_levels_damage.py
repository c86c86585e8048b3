"""Damaged tables of a part are refused with their name, or the damage does not matter."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.test_stored_images import run
from tests.test_stored_r0 import digests

WRITE = ("r1", "images", "parameters", "geometry")


@pytest.fixture(scope="module")
def part(example_files, tmp_path_factory):
    """Commit record of a part with all levels, its tables, and what is made of each level."""
    root = tmp_path_factory.mktemp("damage") / "whole"
    assert run(example_files["lst-muons"], root, WRITE).status == "done"
    (record,) = (root / "parts").glob("*.json")
    expected = {}
    for level in ("r1", "images"):
        assert run(record, root.parent / level, WRITE[1:], level=level).status == "done"
        expected[level] = digests(root.parent / level)
    files = sorted(path for path in root.rglob("*.parquet") if "dl2" not in path.parts)
    return record, [path for path in files if "parameters" not in path.parts], expected


@given(
    level=st.sampled_from(["r1", "images"]),
    table=st.integers(0, 99),
    kind=st.sampled_from(["flip", "cut", "end", "footer", "zero"]),
    where=st.floats(0, 1, exclude_max=True),
    n=st.integers(0, 99),
)
@settings(max_examples=80, suppress_health_check=list(HealthCheck))
def test_damage_is_refused_or_harmless(level, table, kind, where, n, part, tmp_path_factory):
    record, files, expected = part
    path = files[table % len(files)]
    whole = path.read_bytes()
    broken = bytearray(whole)
    at = int(where * len(broken)) if kind != "footer" else len(broken) - 1 - int(where * 4000)
    at = max(at, 0)
    if kind in ("flip", "footer"):
        broken[at] ^= 1 << (n % 8)
    elif kind == "zero":
        broken[at : at + n] = bytes(len(broken[at : at + n]))
    elif kind == "cut":
        del broken[at : at + n + 1]
    else:
        del broken[at:]
    out = tmp_path_factory.mktemp("out") / "out"
    try:
        path.write_bytes(broken)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = run(record, out, WRITE[1:], level=level)
    finally:
        path.write_bytes(whole)
    if result.status == "failed":
        assert str(path) in result.error
    else:
        assert digests(out) == expected[level]
