"""Damage: what a file lost stays lost and told, and a stored stream that is damaged is refused."""

from __future__ import annotations

import json
import warnings

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.io.stored_parts import stored_streams
from tests.test_damage import decompressed
from tests.test_stored_r0 import digests, told

WRITE = ("images", "parameters", "geometry")
SYNC = b"\x37\x8a\x1f\xd4"


def run(path, root, write=WRITE):
    config = ProcessConfig.model_validate(
        {"write": write, "source": {"focal_length": "equivalent"}}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Engine(root, config, threads=1).run(path)


@pytest.fixture(scope="module")
def muons(example_files):
    data = decompressed(example_files["lst-muons"])
    return lambda: data  # too long to be shown


def compare(data, folder):
    """Process damaged bytes directly and from stored raw data."""
    (folder / "f.simtel").write_bytes(data)
    expected = run(folder / "f.simtel", folder / "simtel")
    raw = run(folder / "f.simtel", folder / "raw", ("r0",))
    assert raw.status == expected.status
    if expected.status == "failed":
        return None
    (stream,) = stored_streams(folder / "raw")
    found = run(stream, folder / "stored")
    assert found.status == "done", found.error
    assert digests(folder / "stored") == digests(folder / "simtel")
    assert told(found.record) == told(expected.record)
    again = run(stream, folder / "again", ("r0",))  # and once more
    assert again.record["r0"] == raw.record["r0"]
    return expected.record


KINDS = st.sampled_from(["flip", "cut", "insert", "zero", "end"])
PLACES = st.floats(0, 1, exclude_max=True)
DAMAGES = st.lists(st.tuples(KINDS, PLACES, st.integers(1, 3000)), min_size=1, max_size=6)


@given(damages=DAMAGES)
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_a_damaged_file_gives_the_same_from_its_stored_raw_data(damages, muons, tmp_path_factory):
    broken = bytearray(muons())
    for kind, where, n in damages:
        at = int(where * len(broken))
        if kind == "flip":
            broken[at] ^= 1 << (n % 8)
        elif kind == "cut":
            del broken[at : at + n]
        elif kind == "insert":
            broken[at:at] = bytes([n % 251]) * (n % 100)
        elif kind == "zero":
            broken[at : at + n] = bytes(len(broken[at : at + n]))
        elif where > 0.5:
            del broken[at:]
    compare(bytes(broken), tmp_path_factory.mktemp("damage"))


@pytest.mark.parametrize("where", [0.35, 0.5, 0.65])
@pytest.mark.parametrize("what", ["wrong length", "garbage", "cut"])
def test_what_a_file_lost_stays_lost_and_told(what, where, muons, tmp_path):
    whole = muons()
    at = whole.index(SYNC, int(len(whole) * where))
    if what == "wrong length":
        broken = whole[: at + 12] + bytes([whole[at + 12] ^ 0x40]) + whole[at + 13 :]
    elif what == "garbage":
        broken = whole[:at] + b"no object" * 5 + whole[at:]
    else:
        broken = whole[: at + 30]
    record = compare(broken, tmp_path)
    assert record is not None
    assert record["n_losses"] > 0


def test_more_losses_than_are_listed_are_counted(muons, tmp_path):
    data = muons()
    start = data.index(SYNC, len(data) // 2)
    filler = SYNC + (70).to_bytes(4, "little") + bytes(4) + bytes(4)
    record = compare(data[:start] + (filler + b"garbage") * 1200 + data[start:], tmp_path)
    assert record["n_losses"] > 1000 == len(record["losses"])


@pytest.fixture(scope="module")
def raw(example_files, tmp_path_factory):
    root = tmp_path_factory.mktemp("stored") / "raw"
    assert run(example_files["lst-muons"], root, ("r0",)).status == "done"
    (stream,) = stored_streams(root)
    expected = root.parent / "expected"
    assert run(stream, expected).status == "done"
    return stream, stream.read_bytes(), digests(expected)


@given(
    kind=st.sampled_from(["flip", "cut", "end", "footer"]),
    where=PLACES,
    n=st.integers(0, 99),
)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_a_damaged_stored_stream_is_refused_or_harmless(kind, where, n, raw, tmp_path_factory):
    stream, whole, expected = raw
    broken = bytearray(whole)
    at = int(where * len(broken)) if kind != "footer" else len(broken) - 1 - int(where * 4000)
    if kind in ("flip", "footer"):
        broken[at] ^= 1 << (n % 8)
    elif kind == "cut":
        del broken[at : at + n + 1]
    else:
        del broken[at:]
    out = tmp_path_factory.mktemp("out") / "out"
    try:
        stream.write_bytes(broken)
        result = run(stream, out)
    finally:
        stream.write_bytes(whole)
    if result.status == "failed":
        assert str(stream) in result.error
        assert not [p for p in out.rglob("*.parquet") if "subarray" not in p.parts]
    else:  # unused bytes, such as statistics
        assert kind in ("flip", "footer")
        assert digests(out) == expected


def test_flipped_bytes_of_the_raw_data_are_found(raw, tmp_path):
    stream, whole, _ = raw
    for k, where in enumerate((0.1, 0.3, 0.5, 0.7, 0.9)):
        broken = bytearray(whole)
        broken[int(len(whole) * where)] ^= 4
        try:
            stream.write_bytes(broken)
            result = run(stream, tmp_path / str(k))
        finally:
            stream.write_bytes(whole)
        assert result.status == "failed"
        assert "not readable" in result.error


def test_a_stream_needs_the_commit_record_of_its_part(example_files, tmp_path):
    root = tmp_path / "raw"
    run(example_files["lst-muons"], root, ("r0",))
    (stream,) = stored_streams(root)
    record = root / "parts" / f"{stream.stem}.json"
    facts = json.loads(record.read_text())
    cases = {
        "not committed": None,
        "tells nothing of stored raw data": {k: v for k, v in facts.items() if k != "r0"},
        "stored": {**facts, "tables": {**facts["tables"], f"r0_stream/{stream.name}": {"rows": 9}}},
    }
    for k, (message, content) in enumerate(cases.items()):
        record.unlink(missing_ok=True)
        if content is not None:
            record.write_text(json.dumps(content))
        result = run(stream, tmp_path / str(k))
        assert result.status == "failed"
        assert message in result.error
    record.write_text(json.dumps(facts))
    table = pq.read_table(stream)
    pq.write_table(table.drop_columns(["size"]), stream)
    assert "with columns offset, frame" in run(stream, tmp_path / "columns").error
    newer = table.replace_schema_metadata(
        {**table.schema.metadata, b"ctabatch.schema_version": b"99"}
    )
    pq.write_table(newer, stream)
    assert "version 99" in run(stream, tmp_path / "version").error
