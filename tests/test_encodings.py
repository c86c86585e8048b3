"""Encodings and orders of objects that no public file has, put into one that exists."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from eventio import SimTelFile

import ctabatch
from ctabatch.io.simtel.batches import raw_batches
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.kernels import event_index as ei
from tests import eventio_bytes as eb
from tests.test_adc import encode_samples, encode_sums
from tests.test_damage import decompressed


@pytest.fixture(scope="module")
def muons(example_files):
    return decompressed(example_files["lst-muons"])


def batches(data, level="r0", **options):
    with ctabatch.open(io.BytesIO(data), focal_length="equivalent", **options) as source:
        found = list(source.batches(level))
        assert source.losses == []
    return found


def waveforms(data, level="r0"):
    return np.concatenate([batch.waveform for batch in batches(data, level)])


def places(data, kind):
    """(start of the header, content, end) of all objects of a type."""
    return [(word, word + 12, end) for _, k, word, end in eb.headers(data) if k == kind]


def by_eventio(data, tmp_path, key="adc_samples"):
    path = tmp_path / "file.simtel"
    path.write_bytes(data)
    with SimTelFile(path) as file:
        return [t[key] for event in file for t in event["telescope_events"].values()]


def with_raw_data(data, make):
    """Replace all ADC samples: `make` turns (waveform, id) into (type, id, content)."""
    for k, waveform in reversed(list(enumerate(waveforms(data)))):
        start, _content, end = places(data, 2013)[k]
        (ident,) = struct.unpack_from("<i", data, start + 4)
        kind, ident, new = make(waveform, ident)
        data = eb.replaced(data, start, end, eb.inner(kind, new, version=3, ident=ident))
    return data


def test_zero_suppressed_samples_keep_the_listed_pixels_only(muons, tmp_path):
    ranges = [(0, 3), (100, 100), (500, 1200)]
    listed = [p for a, b in ranges for p in range(a, b + 1)]
    data = with_raw_data(muons, lambda w, i: (2013, i | 1, encode_samples(w, ranges)))
    expected = np.zeros_like(waveforms(muons))
    expected[:, :, listed] = waveforms(muons)[:, :, listed]
    np.testing.assert_array_equal(waveforms(data), expected)
    np.testing.assert_array_equal(waveforms(data), np.array(by_eventio(data, tmp_path)))
    (batch,) = batches(data)
    assert np.flatnonzero(batch.is_read_out[0]).tolist() == listed
    (images,) = batches(data, "images")
    assert (images.image[~images.is_read_out] == 0).all()
    (whole,) = batches(muons)
    assert whole.record_batch["is_read_out"].null_count == len(whole)


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_sums_instead_of_samples(mode, muons, tmp_path):
    listed = list(range(0, 1855, 3))

    def make(waveform, ident):
        values = waveform.astype(np.uint32).sum(axis=-1)
        return 2012, ident | mode, encode_sums(values, mode, listed)

    data = with_raw_data(muons, make)
    found = waveforms(data)
    assert (found.dtype, found.shape) == (np.uint32, (3, 2, 1855, 1))
    read_out = np.isin(np.arange(1855), listed) | (mode == 0)
    expected = waveforms(muons).astype(np.uint32).sum(axis=-1) * read_out
    np.testing.assert_array_equal(found[..., 0], expected)
    sums = np.array([np.squeeze(s) for s in by_eventio(data, tmp_path, "adc_sums")])
    np.testing.assert_array_equal(found[..., 0], sums)
    images = np.concatenate([batch.image for batch in batches(data, "images")])
    assert (images[:, ~read_out] == 0).all()


def test_extended_headers_are_read(muons, tmp_path):
    data = muons
    for kind in (2201, 2010, 1204):
        for k in range(3):
            start, content, end = places(data, kind)[k]
            head = bytearray(data[start:content])
            head[2] |= 0x02
            data = eb.replaced(data, start, content, bytes(head) + bytes(4))
            if kind == 2201:  # its own length does not count its header
                (length,) = struct.unpack_from("<I", data, start + 8)
                assert length & 0x3FFFFFFF == end - content
    np.testing.assert_array_equal(waveforms(data), waveforms(muons))
    np.testing.assert_array_equal(waveforms(data), np.array(by_eventio(data, tmp_path)))


def test_auxiliary_traces_are_counted_and_passed_over(muons):
    data = muons
    for kind in (2029, 2030):
        end = places(data, 2201)[1][2]
        trace = eb.inner(kind, eb.padded(eb.pack("2i", 1, 2) + bytes(30)), ident=1)
        data = eb.replaced(data, end, end, trace)
    with SimtelReader(io.BytesIO(data), focal_length="equivalent") as reader:
        counts = [events.telescopes[:, ei.N_AUXILIARY] for events in reader]
        assert np.concatenate(counts).tolist() == [0, 2, 0]
        assert reader.account.losses == []
    np.testing.assert_array_equal(waveforms(data), waveforms(muons))


def test_pixel_lists_of_version_one_count_the_triggered_pixels(muons):
    data = muons
    for k in range(len(places(data, 2027))):
        start, _content, end = places(data, 2027)[k]
        new = eb.padded(b"".join(map(eb.signed, [4, 1, 2, 1000, 1854])))
        data = eb.replaced(data, start, end, eb.inner(2027, new, version=1, ident=1))
    with SimtelReader(io.BytesIO(data), focal_length="equivalent") as reader:
        counts = [events.n_trigger_pixels for events in reader]
    assert set(np.concatenate(counts).tolist()) == {4}


@pytest.mark.parametrize("version", [0, 1, 2, 3, 4])
def test_trigger_blocks_of_every_version_select_the_telescope(version, muons):
    data = muons
    for k in range(3):
        start, _content, end = places(data, 2009)[k]
        (ident,) = struct.unpack_from("<i", data, start + 4)
        new = eb.pack("4i2i", 5, 6, 7, 8, 1, 1)
        if version >= 1:
            new += eb.pack("hhf", 1, 1, 2.5) + eb.pack("hh", 1, 1)
        if version >= 2:
            new += eb.unsigned(0x100 if version == 4 else 0x10)
        if version >= 3:
            new += eb.pack("3f", 0, 0, 0)
        block = eb.inner(2009, eb.padded(new), version=version, ident=ident)
        data = eb.replaced(data, start, end, block)
    with SimtelReader(io.BytesIO(data), focal_length="equivalent") as reader:
        for events in reader:
            assert set(events.trigger_tel_id) == {1}
            assert set(events.seconds) == {7}
            assert set(events.trigger_mask) == {0x100 if version >= 2 else -1}
        assert reader.account.losses == []
        assert reader.n_events == 3


def test_events_use_the_calibration_at_their_place_in_the_stream(muons):
    start, content, end = places(muons, 2023)[0]
    n_pixels, n_gains = struct.unpack_from("<Hh", muons, content)
    doubled = bytearray(muons[start:end])
    factors = np.frombuffer(doubled, "<f4", n_gains * n_pixels, 12 + 8) * 2
    doubled[20 : 20 + factors.nbytes] = factors.tobytes()
    second = [s for s, k, _, _ in eb.headers(muons) if k == 2021][1]
    data = muons[:second] + eb.SYNC + bytes(doubled) + muons[second:]
    before, after = waveforms(muons, "r1"), waveforms(data, "r1")
    np.testing.assert_array_equal(after, before * np.array([1, 2, 2])[:, None, None])
    with SimtelReader(io.BytesIO(data), focal_length="equivalent", block_size=1 << 16) as reader:
        calibrations = [raw.calibration for e in reader for raw in raw_batches(e, reader.account)]
    highest = [c.dc_to_pe.max() for c in calibrations]
    assert highest[-1] == 2 * highest[0]


def test_several_runs_in_one_file_are_kept_apart(example_files):
    names = ["lst-muons", "hv-disabled", "calibration-true", "lst-photons"]
    data = b"".join(decompressed(example_files[name]) for name in names)
    with SimtelReader(io.BytesIO(data), focal_length="equivalent") as reader:
        found = [(id(e.run), e.event_id.tolist(), len(e.telescopes)) for e in reader]
        assert reader.account.losses == []
        runs = reader.runs
    assert len(runs) == 4
    expected = []
    for name in names:
        with SimtelReader(example_files[name], focal_length="equivalent") as alone:
            expected.append([i for e in alone for i in e.event_id.tolist()])
            ours = runs[len(expected) - 1]
            assert ours.obs_id == alone.runs[0].obs_id
            assert ours.subarray.digest == alone.runs[0].subarray.digest
            assert (ours.shower_histogram is None) == (alone.runs[0].shower_histogram is None)
    order = {id(run): k for k, run in enumerate(runs)}
    ids: list[list[int]] = [[] for _ in runs]
    for run, numbers, _ in found:
        ids[order[run]] += numbers
    assert ids == expected


def test_compressed_files_one_behind_the_other_are_one_stream(example_files):
    data = b"".join(example_files[name].read_bytes() for name in ("lst-photons", "lst-muons"))
    assert len(waveforms(data)) == 4


def test_objects_of_unknown_type_are_noted_and_passed_over(muons):
    second = [s for s, k, _, _ in eb.headers(muons) if k == 2021][1]
    data = muons[:second] + eb.top(11_111, bytes(40)) + muons[second:]
    with SimtelReader(io.BytesIO(data), focal_length="equivalent") as reader:
        assert sum(len(events) for events in reader) == 3
        assert reader.account.losses == []
        assert reader.account.notes["top-level objects of unknown type 11111"] == 1


def test_raw_data_of_an_unknown_version_are_a_loss(muons):
    start, _, _ = places(muons, 2013)[1]
    data = bytearray(muons)
    data[start + 2 : start + 4] = eb.pack("H", 9 << 4)
    with SimtelReader(io.BytesIO(data), focal_length="equivalent") as reader:
        n = sum(len(raw) for e in reader for raw in raw_batches(e, reader.account))
        assert n == 2
        (loss,) = reader.account.losses
        assert "not supported" in loss.reason
        assert (loss.object_type, loss.event_id, loss.tel_id) == (2013, 200, 1)
        assert loss.offset == start
