"""Damaged files: nothing crashes, hangs or allocates at random; what is intact stays the same."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
import tracemalloc
import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctabatch.errors import InputError
from ctabatch.io.simtel.batches import raw_batches
from ctabatch.io.simtel.blocks import BLOCK_SIZE
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.simtel.tables import telescope_trigger_batch, trigger_batch
from tests import eventio_bytes as eb

FILES = ["lst-muons", "calibration-true"]
MAGICS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip"}


def decompressed(path):
    data = path.read_bytes()
    kind = next((kind for magic, kind in MAGICS.items() if data.startswith(magic)), None)
    return pa.input_stream(pa.py_buffer(data), compression=kind).read()


@dataclass(repr=False)
class File:
    data: bytes
    """A file of few events."""
    first: int
    """Where its events begin."""
    ranges: dict[int, list[tuple[int, int]]]
    """Event -> bytes of all objects that it depends on."""
    events: dict


def take_apart(data):
    ranges: dict[int, list[tuple[int, int]]] = {}
    shower, waiting, first, number = [], [], None, -1
    for start, kind, word, end in eb.headers(data):
        if data[start : start + 4] != eb.SYNC or word != start + 4:
            continue
        if kind in (2020, 2021, 2028, 2034) and first is None:
            first = start
        if kind == 2020:
            shower, waiting = [(start, end)], []
        elif kind == 2021:
            waiting = [(start, end)]
        elif kind in (1204, 2026, 2034):
            waiting.append((start, end))
        elif kind == 2010:
            inner = eb.headers(data[start:end])
            trigger = next(word for _, k, word, _ in inner if k == 2009)
            event_id = int.from_bytes(data[start + trigger + 4 : start + trigger + 8], "little")
            ranges[event_id] = [*shower, *waiting, (start, end)]
            waiting = []
        elif kind == 2028:
            ranges[number] = [*waiting, (start, end)]
            number, waiting = number - 1, []
    return first, ranges


def read(data, **options):
    """(events by id, account): everything that is known of each event."""
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reader = SimtelReader(io.BytesIO(data), focal_length="equivalent", **options)
        for events in reader:
            batch = trigger_batch(events)
            triggers = batch.drop_columns(["time"]).to_pylist()
            for row, when in zip(triggers, batch["time"].cast(pa.int64()).to_pylist(), strict=True):
                row["time"] = when
            telescope_trigger_batch(events)
            tels: list[dict] = [{} for _ in range(len(events))]
            for raw in raw_batches(events, reader.account):
                for k in range(len(raw)):
                    truth = None if raw.true_image is None else raw.true_image[k]
                    tels[raw.event[k]][int(raw.tel_id[k])] = (
                        raw.waveform[k], truth, int(raw.true_image_sum[k]),
                        events.azimuth[raw.telescope[k]], events.altitude[raw.telescope[k]],
                    )  # fmt: skip
            for k, trigger in enumerate(triggers):
                mc = events.mc[k]
                truth = events.mc_floats[mc] if mc >= 0 else None
                found[trigger["event_id"]] = (trigger, truth, tels[k])
    return found, reader.account


@pytest.fixture(scope="module")
def files(example_files):
    out = {}
    for name in FILES:
        data = decompressed(example_files[name])
        first, ranges = take_apart(data)
        events, account = read(data)
        assert account.losses == []
        assert set(events) == set(ranges)
        out[name] = File(data, first, ranges, events)
    return out


def check(file, broken, touched):
    """Read a damaged file; `touched` is the range of bytes of the original that changed."""
    begin = time.perf_counter()
    try:
        found, account = read(broken)
    except InputError:
        assert touched[0] < file.first  # the first marker or the run header itself
        return None
    assert time.perf_counter() - begin < 20
    assert all(0 <= loss.offset <= len(broken) for loss in account.losses)
    if touched[0] >= file.first:
        for event_id, ranges in file.ranges.items():
            if not any(a < touched[1] and touched[0] < b for a, b in ranges):
                assert_same(event_id, found, file.events[event_id])
    if telescope_events(found) != telescope_events(file.events):
        assert account.n_losses > 0
    return found, account


def assert_same(event_id, found, expected):
    if event_id < 0:  # calibration events are numbered by their order: one less renames the next
        ids = [k for k in found if k < 0]
        event_id = ids[np.argmin([_distance(found[k], expected) for k in ids])]
        expected = ({**expected[0], "event_id": event_id}, *expected[1:])
    assert event_id in found, f"event {event_id} is lost"
    np.testing.assert_equal(found[event_id], expected)


def _distance(a, b):
    return sum(not np.array_equal(a[2][t][0], b[2][t][0]) if t in a[2] else 1 for t in b[2])


def telescope_events(events):
    return {event_id: set(tels) for event_id, (_, _, tels) in events.items()}


some = settings(max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture])
places = st.tuples(st.sampled_from(FILES), st.floats(0, 1))
NAMES = pytest.mark.parametrize("name", FILES)


@some
@given(place=places)
def test_a_file_cut_anywhere_keeps_all_complete_events(place, files):
    file = files[place[0]]
    cut = int(place[1] * len(file.data))
    check(file, file.data[:cut], (cut, len(file.data)))


@some
@given(place=places, new=st.binary(min_size=1, max_size=8))
def test_bytes_overwritten_anywhere_spare_the_other_events(place, new, files):
    file = files[place[0]]
    at = int(place[1] * (len(file.data) - len(new)))
    broken = file.data[:at] + new + file.data[at + len(new) :]
    check(file, broken, (at, at + len(new)))


@some
@given(place=places, new=st.binary(min_size=1, max_size=40))
def test_bytes_inserted_anywhere_spare_the_other_events(place, new, files):
    file = files[place[0]]
    at = int(place[1] * len(file.data))
    # the object on either side of the place may be the one that is damaged
    check(file, file.data[:at] + new + file.data[at:], (at - 1, at + 1))


@some
@given(place=places, n=st.integers(1, 5000))
def test_bytes_deleted_anywhere_spare_the_other_events(place, n, files):
    file = files[place[0]]
    at = int(place[1] * (len(file.data) - n))
    check(file, file.data[:at] + file.data[at + n :], (at - 1, at + n + 1))


@NAMES
def test_every_byte_of_every_event_header_may_be_wrong(name, files):
    """Sync markers, types, versions, ids and lengths, at the top and inside."""
    file = files[name]
    seen: Counter[int] = Counter()
    for start, kind, word, _ in eb.headers(file.data):
        seen[kind] += 1
        if start < file.first or seen[kind] > (2 if kind != 1205 else 1):
            continue
        for at in range(start, word + 12):
            for flip in (0x01, 0x80, 0xFF):
                broken = bytearray(file.data)
                broken[at] ^= flip
                check(file, bytes(broken), (at, at + 1))


@NAMES
def test_counts_and_dimensions_may_be_wrong(name, files):
    """The first bytes of the content of every kind of object, also of the file's head."""
    file = files[name]
    seen: Counter[int] = Counter()
    for start, kind, word, end in eb.headers(file.data):
        seen[kind] += 1
        if seen[kind] > 1:
            continue
        for at in range(word + 12, min(word + 36, end)):
            for value in (0x00, 0x7F, 0xFF):
                broken = bytearray(file.data)
                broken[at] = value
                check(file, bytes(broken), (at, at + 1) if start >= file.first else (0, 0))


@pytest.mark.parametrize("kind", [2020, 2021, 2026, 1204])
def test_truth_of_a_lost_object_is_unknown_and_not_that_of_another_event(kind, files):
    file = files["lst-muons"]
    objects = [(s, e) for s, k, w, e in eb.headers(file.data) if k == kind and w == s + 4]
    start, end = objects[1]
    broken = file.data[:start] + file.data[end:]
    found, account = check(file, broken, (start, end))
    (touched,) = [k for k, r in file.ranges.items() if any(a <= start < b for a, b in r)]
    trigger, truth, tels = found[touched]
    _, original, telescopes = file.events[touched]
    assert trigger["event_type"] == 32
    np.testing.assert_array_equal(tels[1][0], telescopes[1][0])
    if kind == 2021:
        assert truth is None
        assert any("2021" in loss.reason for loss in account.losses)
    if kind == 2020:
        assert np.isnan(truth[:6]).all()
        np.testing.assert_array_equal(truth[6:8], original[6:8])
    if kind == 2026:
        assert tels[1][2] == -1
    if kind == 1204:
        assert tels[1][1] is None or (tels[1][1] == -1).all()


@pytest.mark.parametrize("which", [2009, 2201])
def test_a_wrong_event_number_in_one_header_is_outvoted_and_reported(which, files):
    file = files["lst-muons"]
    inner = [word for _, k, word, _ in eb.headers(file.data) if k == which]
    broken = bytearray(file.data)
    broken[inner[1] + 5] ^= 1
    found, account = read(bytes(broken))
    assert account.n_losses == 1
    assert "numbers" in account.losses[0].reason
    assert len(found) == len(file.events)


def test_damage_is_located(files):
    file = files["lst-muons"]
    starts = [s for s, k, _, _ in eb.headers(file.data) if k == 2010]
    broken = bytearray(file.data)
    broken[starts[1] + 12] ^= 0x40  # its length
    _, account = read(bytes(broken))
    assert (starts[1], 2010) in {(loss.offset, loss.object_type) for loss in account.losses}


def test_losses_are_located_also_beyond_the_first_block(example_files):
    data = decompressed(example_files["sst1m"])
    starts = [s for s, k, _, _ in eb.headers(data) if k == 2010]
    at = starts[-2]
    broken = bytearray(data)
    broken[at] ^= 1
    for block_size in (1 << 16, 1 << 20, 8 << 20):
        found, account = read(bytes(broken), block_size=block_size)
        assert len(found) == len(starts)  # only the marker is wrong, and the object behind it fits
        assert [(loss.offset, loss.size) for loss in account.losses] == [(at, 4)]
        broken_more = bytearray(broken)
        broken_more[at + 12] ^= 1
        found, account = read(bytes(broken_more), block_size=block_size)
        assert len(found) == len(starts) - 1
        first, last = account.losses[0], account.losses[-1]
        assert first.offset <= at < last.offset + last.size


def _with_length(size):
    return eb.SYNC + eb.pack("IiII", 2010 | 1 << 17, 1, size & 0x3FFFFFFF, size >> 30)


@pytest.mark.parametrize("size", [(1 << 28), (1 << 30) - 1, (1 << 30) + 1, (1 << 42) - 1])
def test_a_length_field_alone_allocates_nothing(size, files):
    file = files["lst-muons"]
    data = file.data[: file.first] + _with_length(size) + file.data[file.first :]
    read(file.data)
    tracemalloc.start()
    found, account = read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 6 * BLOCK_SIZE  # some buffers of the reader, whatever length is claimed
    assert account.n_losses > 0
    np.testing.assert_equal(found, file.events)


def test_numbers_of_pixels_and_samples_allocate_nothing(files):
    file = files["lst-muons"]
    content = next(w + 12 for _, k, w, _ in eb.headers(file.data) if k == 2013)
    for dimensions in ((0x7FFFFFFF, 2, 32767), (1855, 2, 32767), (11328, 2, 1024)):
        for mode in (0, 1):
            broken = bytearray(file.data)
            broken[content : content + 8] = eb.pack("ihh", *dimensions)
            broken[content - 8] |= mode
            tracemalloc.start()
            _, account = read(bytes(broken))
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert peak < 60e6
            assert account.n_losses == 1


def test_many_small_markers_do_not_take_forever(files):
    file = files["lst-muons"]
    hostile = (eb.SYNC + eb.pack("IiI", 2010, 0, 0x3FFFFFFF)) * 20_000
    begin = time.process_time()  # of this process alone: others may be busy
    found, account = read(file.data[: file.first] + hostile + file.data[file.first :])
    assert time.process_time() - begin < 90  # 15 to 20 s on a busy machine; hours if quadratic
    assert account.n_losses > 0
    np.testing.assert_equal(found, file.events)


_MUTATE = """
import io, json, random, resource, sys, warnings
resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
warnings.simplefilter("ignore")
from ctabatch.errors import CtabatchError
from ctabatch.source import open_source
from tests.test_damage import decompressed
from pathlib import Path
data = decompressed(Path(sys.argv[1]))
refused = 0
for seed in range(int(sys.argv[2])):
    chance, broken = random.Random(seed), bytearray(data)
    for _ in range(chance.choice([1, 1, 4, 30])):
        at = chance.randrange(len(broken))
        what = chance.randrange(4)
        if what < 2:
            broken[at] = chance.choice([0, 127, 128, 255, chance.randrange(256)])
        elif what == 2:
            del broken[at : at + chance.choice([1, 2, 4, 16, 1000])]
        else:
            broken[at:at] = chance.randbytes(chance.choice([1, 4, 12, 100]))
    try:
        for batch in open_source(io.BytesIO(bytes(broken))).batches("parameters"):
            batch.hillas_intensity
    except CtabatchError:
        refused += 1
print(json.dumps({"refused": refused}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")
def test_random_mutations_never_end_the_process(example_files, tmp_path):
    command = [sys.executable, "-c", _MUTATE, str(example_files["lst-photons"]), "120"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout)["refused"] < 120
