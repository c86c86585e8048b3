"""Byte streams: compression by magic bytes, several members, truncation and damage."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import pathlib
import random
import sys
import threading
import zlib

import numpy as np
import pyarrow as pa
import pytest
import zstandard
from hypothesis import assume, given
from hypothesis import strategies as st

from ctabatch.errors import InputError
from ctabatch.io import streams
from ctabatch.io.streams import PIECE, ByteStream
from tests.eventio_bytes import SYNC

_RNG = np.random.default_rng(1)
#: Compressible and incompressible stretches, longer than the buffers of both decompressors.
BODY = SYNC + b"".join(
    [bytes(300_000), _RNG.bytes(200_000), _RNG.integers(0, 20, 200_000).astype("u1").tobytes()]
)
HALF = len(BODY) // 2


def zstd(data, **options):
    return zstandard.ZstdCompressor(write_checksum=True, **options).compress(data)


def skippable(n=4):
    return b"\x50\x2a\x4d\x18" + n.to_bytes(4, "little") + bytes(n)


def frames(data, n):
    edges = np.linspace(0, len(data), n + 1).astype(int)
    return [data[a:b] for a, b in itertools.pairwise(edges)]


FORMS = {
    "plain": BODY,
    "gzip": gzip.compress(BODY),
    "gzip, 5 members": b"".join(map(gzip.compress, frames(BODY, 5))),
    "gzip, empty member in between": gzip.compress(BODY[:HALF])
    + gzip.compress(b"")
    + gzip.compress(BODY[HALF:]),
    "gzip, zero padding": gzip.compress(BODY[:HALF]) + bytes(700) + gzip.compress(BODY[HALF:])
    + bytes(200_000),
    "gzip, stored": gzip.compress(BODY, compresslevel=0),
    "zstd": zstd(BODY),
    "zstd without a length": zstandard.ZstdCompressor(write_content_size=False).compress(BODY),
    "zstd, 5 frames": b"".join(map(zstd, frames(BODY, 5))),
    "zstd of pzstd": b"".join(skippable() + zstd(part) for part in frames(BODY, 3)),
    "zstd, skippable last": zstd(BODY) + skippable(5000),
    "zstd, long window": zstd(BODY, level=19),
}  # fmt: skip


class Pipe(io.RawIOBase):
    """Not seekable, and gives few bytes at a time."""

    def __init__(self, data, step=977):
        self.data, self.step, self.at = data, step, 0

    def readable(self):
        return True

    def read(self, n=-1):
        n = self.step if n < 0 else min(n, self.step)
        self.at += n
        return self.data[self.at - n : self.at]


def read(source, step=65_536):
    stream = ByteStream(source)
    out, view = bytearray(), memoryview(bytearray(step))
    try:
        while True:
            n = stream.readinto(view)
            out += view[:n]
            if n < step:  # less than asked for only at the end
                assert stream.readinto(view) == 0
                return bytes(out), stream.problem
    finally:
        stream.close()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("step", [1009, 1 << 20])
def test_every_form_is_read_whole(form, step):
    assert read(io.BytesIO(FORMS[form]), step) == (BODY, None)


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_need_not_be_seekable_nor_give_all_it_is_asked_for(form):
    assert read(Pipe(FORMS[form])) == (BODY, None)


class Watched(io.BytesIO):
    """Read while somebody looks: as a profiler does, it holds the frames of all who called."""

    def __init__(self, data):
        super().__init__(data)
        self.held = []

    def read(self, n=-1):
        frame = sys._getframe()
        while frame := frame.f_back:
            self.held.append(frame)
        return super().read(n)


@pytest.mark.parametrize("form", FORMS)
def test_a_profiler_that_holds_frames_does_not_disturb(form):
    """What is in a frame that is held stays alive: views of buffers too."""
    watched = Watched(FORMS[form])
    assert read(watched) == (BODY, None)
    assert watched.held


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd"])
@pytest.mark.parametrize("name", ["file", "file.simtel.gz", "file.zst", "file.simtel"])
def test_the_name_says_nothing_about_the_form(form, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(FORMS[form])
    assert read(path) == (BODY, None)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_named_pipe_is_read(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(FORMS["zstd"],))
    writer.start()
    assert read(path) == (BODY, None)
    writer.join()


@pytest.mark.parametrize("form", [f for f in FORMS if f != "plain"])
def test_a_cut_stream_gives_what_comes_before_the_cut_and_says_so(form):
    data = FORMS[form]
    cuts = sorted(random.Random(3).sample(range(30, len(data)), 25))
    n_problems, shortest = 0, 0
    for cut in cuts:
        try:
            found, problem = read(io.BytesIO(data[:cut]))
        except InputError:  # not even the first word: small first members
            continue
        assert BODY.startswith(found)
        assert len(found) >= shortest - PIECE
        shortest = len(found)
        # a cut between members or in the padding cannot be told from the end
        assert problem or found == BODY or "frames" in form or "pzstd" in form or "," in form
        n_problems += problem is not None
    assert n_problems >= 15 or "padding" in form


def test_all_bytes_before_a_cut_of_gzip_are_delivered_whatever_the_size_of_the_pieces():
    cut = FORMS["gzip"][:-9000]
    expected = zlib.decompressobj(wbits=31).decompress(cut)
    for step in (1, 100, 4096, 100_003, 1 << 20):
        if step == 1:
            found, problem = read(io.BytesIO(cut[:2000]), 1)
            assert found == zlib.decompressobj(wbits=31).decompress(cut[:2000])
        else:
            found, problem = read(io.BytesIO(cut), step)
            assert len(found) >= len(expected) - 300  # what the last symbol still needs
        assert BODY.startswith(found)
        assert "ends before its end marker" in problem


def test_at_most_one_piece_before_a_cut_of_zstd_is_lost():
    data = FORMS["zstd"]
    cut = data[:-9000]
    expected = zstandard.ZstdDecompressor().decompressobj().decompress(cut)
    found, problem = read(io.BytesIO(cut))
    assert BODY.startswith(found)
    assert len(found) >= len(expected) - PIECE
    assert problem.startswith("zstd")


@pytest.mark.parametrize("form", ["gzip", "gzip, 5 members", "zstd", "zstd, 5 frames"])
def test_flipped_bits_are_reported(form):
    chance = random.Random(5)
    for _ in range(40):
        data = bytearray(FORMS[form])
        data[chance.randrange(20, len(data))] ^= 1 << chance.randrange(8)
        try:
            found, problem = read(io.BytesIO(bytes(data)))
        except InputError:
            continue
        # a change in a name or comment of a header changes nothing
        assert problem is not None or found == BODY


def test_the_second_member_may_be_no_compressed_data_at_all():
    found, problem = read(io.BytesIO(gzip.compress(BODY) + b"some text"))
    assert found == BODY
    assert problem.startswith("gzip")


@given(
    data=st.binary(max_size=200),
    magic=st.sampled_from([b"", b"\x1f\x8b\x08\0", b"\x28\xb5\x2f\xfd"]),
)
def test_bytes_that_are_no_stream_are_refused(data, magic):
    assume(not data.startswith(SYNC))
    with pytest.raises(InputError):
        ByteStream(io.BytesIO(magic + data))


def test_an_empty_file_says_so(tmp_path):
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="the file is empty"):
        ByteStream(tmp_path / "empty")


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstd])
def test_a_byte_swapped_file_says_so(compress):
    with pytest.raises(InputError, match="big-endian"):
        ByteStream(io.BytesIO(compress(SYNC[::-1] + bytes(100))))


def test_something_else_says_what_it_starts_with():
    with pytest.raises(InputError, match="50 4b 03 04, expected the sync marker 37 8a 1f d4"):
        ByteStream(io.BytesIO(b"PK\x03\x04 zip"))


def test_missing_files_and_folders_say_so(tmp_path):
    with pytest.raises(InputError, match="there is no such file"):
        ByteStream(tmp_path / "absent")
    with pytest.raises(InputError, match="this is a directory"):
        ByteStream(tmp_path)


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(pathlib.Path, "open", refuse)
    with pytest.raises(InputError, match="no permission to read this file"):
        ByteStream(tmp_path / "secret")


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd"])
def test_a_disk_that_fails_in_the_middle_ends_the_stream_there(form):
    class Failing(io.BytesIO):
        def read(self, n=-1):
            if self.tell() > 100_000:
                raise OSError(5, "Input/output error")
            return super().read(n)

    found, problem = read(Failing(FORMS[form]))
    assert BODY.startswith(found)
    assert len(found) > 0
    assert "Input/output error" in problem


def test_the_file_object_of_the_caller_stays_open_and_ours_is_closed(tmp_path):
    source = io.BytesIO(FORMS["gzip"])
    ByteStream(source).close()
    assert not source.closed
    (tmp_path / "f").write_bytes(BODY)
    stream = ByteStream(tmp_path / "f")
    assert 0 < stream.position <= len(BODY)
    stream.close()
    with pytest.raises(ValueError, match="closed"):
        stream.readinto(memoryview(bytearray(4000)))


def test_arrow_and_isal_agree_about_the_reference(tmp_path):
    assert pa.decompress(pa.compress(BODY, "zstd"), len(BODY), "zstd") == BODY
    assert read(io.BytesIO(pa.compress(BODY, "zstd", asbytes=True))) == (BODY, None)


def test_a_little_that_stands_for_very_much_is_read_over_the_end_of_its_frame():
    """256 MiB of zeros are 8 KiB of zstd."""
    packed = zstandard.ZstdCompressor().compress(SYNC + bytes(1 << 28))
    frames = packed + zstandard.ZstdCompressor().compress(b"end")
    stream = ByteStream(io.BytesIO(frames))
    view, n = memoryview(bytearray(1 << 20)), 0
    while got := stream.readinto(view):
        n += got
        last = bytes(view[got - 3 : got])
    assert stream.problem is None
    assert n == (1 << 28) + 4 + 3
    assert last == b"end"


def zstd_frame(content, **options):
    return zstandard.ZstdCompressor(**options).compress(content)


def skippable(content):
    return b"\x50\x2a\x4d\x18" + len(content).to_bytes(4, "little") + content


@pytest.mark.parametrize(
    ("before", "between", "after"),
    [
        (b"", zstd_frame(b""), b""),
        (b"", 5000 * zstd_frame(b"", write_checksum=True), b""),
        (zstd_frame(b""), b"", zstd_frame(b"")),
        (skippable(b"1234"), skippable(b"") + skippable(bytes(20)), skippable(b"end")),
        (b"", skippable(bytes(2 * streams.READ)), b""),
    ],
    ids=["empty", "many empty", "empty ends", "skippable", "long skippable"],
)
def test_frames_without_content_do_not_end_a_zstd_stream(before, between, after):
    """A read that gives nothing would look like the end of the file."""
    first, second = SYNC + bytes(range(256)) * 500, b"B" * 300_000
    packed = before + zstd_frame(first) + between + zstd_frame(second) + after
    stream = ByteStream(io.BytesIO(packed))
    view = memoryview(bytearray(1 << 20))
    assert stream.readinto(view) == len(first) + len(second)
    assert bytes(view[: len(first) + len(second)]) == first + second
    assert stream.problem is None


def test_many_small_frames_are_read_in_linear_time():
    content = SYNC + b"012345"
    stream = ByteStream(io.BytesIO(20_000 * zstandard.ZstdCompressor().compress(content)))
    view = memoryview(bytearray(1 << 20))
    assert stream.readinto(view) == 200_000
    assert bytes(view[:200_000]) == 20_000 * content
    assert stream.problem is None
