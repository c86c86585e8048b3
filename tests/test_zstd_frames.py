"""Frames of zstd streams: where they end is known at every byte, whoever wrote them."""

from __future__ import annotations

import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.io.zstd_frames import ZstdFrames

#: What a frame holds: nothing, noise, many equal bytes, more than a block.
CONTENT = st.one_of(
    st.binary(max_size=400),
    st.builds(lambda byte, n: bytes([byte]) * n, st.integers(0, 255), st.integers(0, 300_000)),
    st.builds(lambda seed, n: (seed * n)[:n], st.binary(min_size=1, max_size=9), st.just(200_000)),
)


@st.composite
def frames(draw):
    """A frame, compressed or skippable."""
    if draw(st.integers(0, 5)) == 0:
        content = draw(st.binary(max_size=50))
        kind = 0x184D2A50 + draw(st.integers(0, 15))
        return kind.to_bytes(4, "little") + len(content).to_bytes(4, "little") + content
    content = draw(CONTENT)
    compressor = zstandard.ZstdCompressor(
        level=draw(st.sampled_from([-5, 1, 3, 12])),
        write_checksum=draw(st.booleans()),
        write_content_size=draw(st.booleans()),
    )
    if draw(st.booleans()):
        return compressor.compress(content)
    sink = io.BytesIO()
    with compressor.stream_writer(sink, closefd=False) as out:
        half = len(content) // 2
        out.write(content[:half])
        if draw(st.booleans()):
            out.flush(zstandard.FLUSH_BLOCK)
        out.write(content[half:])
    return sink.getvalue()


@given(st.lists(frames(), max_size=4), st.integers(1, 70_000), st.data())
def test_whether_a_stream_ends_inside_a_frame_is_known_at_every_byte(parts, step, data):
    whole = b"".join(parts)
    ends = {0}
    for part in parts:
        ends.add(max(ends) + len(part))
    cut = data.draw(st.integers(0, len(whole)) | st.sampled_from(sorted(ends)))
    followed = ZstdFrames(io.BytesIO(whole[:cut]))
    pieces = []
    while piece := followed.read(step):
        pieces.append(piece)
    assert b"".join(pieces) == whole[:cut]
    assert followed.inside == (cut not in ends)


@given(st.binary(max_size=100))
def test_what_is_no_frame_counts_as_inside_of_one(noise):
    followed = ZstdFrames(io.BytesIO(b"\x00" + noise))
    while followed.read(7):
        pass
    assert followed.inside


@pytest.mark.parametrize("n", range(1, 20))
def test_headers_of_all_kinds_are_followed(n):
    """Of every size of the content field, in one piece and byte by byte."""
    content = bytes(range(256)) * (1 << n >> 4)
    whole = zstandard.ZstdCompressor().compress(content)
    for step in (1, len(whole)):
        followed = ZstdFrames(io.BytesIO(whole))
        seen = []
        while followed.read(step):
            seen.append(followed.inside)
        assert seen == [True] * (len(seen) - 1) + [False]
