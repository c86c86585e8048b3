"""Write a sim_telarray file that holds the events of another one N times under fresh event ids.

Benchmarks need more events than the public example files have. Only bytes are copied: header part,
telescope descriptions and monitoring once, then N times the cycle of showers and events, then the
histogram block. Fresh ids go into every header that carries the event id (objects 2010, 2021, 2026
and 1204, inside 2010 also the trigger block 2009, whose id wins, and the telescope blocks). Shower
numbers stay.

Repeats compress better than real data once a cycle fits the window of the compressor: take a file
whose cycle is larger than 8 MiB, decompressed, where compressed size matters.

    python benchmarks/repeat_events.py example:sst1m out.simtel.zst --times 20
"""

from __future__ import annotations

import argparse
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from ctabatch.errors import CtabatchError, InputError, OptionError
from ctabatch.io import examples

SYNC = b"\x37\x8a\x1f\xd4"
MAGICS = {b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip"}

RUN_HEADER, SHOWER, EVENT, TRIGGER, HISTOGRAMS = 2000, 2020, 2010, 2009, 100
MONITORING = {2022, 2023, 2033}
HAS_EVENT_ID = {1204, 2010, 2021, 2026}
# 2200 + tel_id % 100 + 1000 * (tel_id // 100); 3100 to 3199 are tracking blocks again
TELESCOPE_BLOCKS = frozenset(t for t in range(2200, 33200) if t % 1000 // 100 == 2)

LONGEST_OBJECT = 1 << 31  # bytes; none that sim_telarray writes comes near
LARGEST_ID = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Header:
    """Header of one object, as it stands at `start` of the content it was found in."""

    type: int
    id: int
    length: int
    id_at: int
    """Where the id stands, in bytes from the start of the content."""
    content_at: int


@dataclass
class Parts:
    """A file taken apart."""

    front: bytearray = field(default_factory=bytearray)
    cycle: bytearray = field(default_factory=bytearray)
    back: bytearray = field(default_factory=bytearray)
    ids: list[tuple[int, int]] = field(default_factory=list)
    """(position in the cycle, id) of every header that carries an event id."""
    n_events: int = 0


@dataclass(frozen=True, slots=True)
class Repeated:
    """What was written."""

    path: Path
    times: int
    n_events: int
    cycle_bytes: int


def repeat_events(source: Path, target: Path, times: int, *, cut: bool = False) -> Repeated:
    """Write ``target`` (zstd) with the events of ``source`` repeated ``times`` times.

    One cycle is held in memory, whatever ``times`` is. The file appears under its name when it is
    whole.

    Parameters
    ----------
    source : Path
        sim_telarray file, also compressed, with one run header.
    target : Path
        File to write.
    times : int
        How often the events stand in the result; in the first cycle they keep their ids.
    cut : bool
        Take a file that ends inside an object: whole objects are repeated, the rest is left out.
    """
    if times < 1:
        raise OptionError(f"times is {times}, must be at least 1")
    parts = take_apart(source, cut=cut)
    step = id_step(parts)
    if max(old for _, old in parts.ids) + (times - 1) * step > LARGEST_ID:
        raise OptionError(f"{times} times {step} ids do not fit into 31 bits")
    partial = target.with_name(target.name + ".partial")
    try:
        with pa.CompressedOutputStream(pa.OSFile(str(partial), "wb"), "zstd") as out:
            out.write(parts.front)
            for k in range(times):
                for position, old in parts.ids:
                    struct.pack_into("<i", parts.cycle, position, old + k * step)
                out.write(parts.cycle)
            out.write(parts.back)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Repeated(target, times, times * parts.n_events, len(parts.cycle))


def id_step(parts: Parts) -> int:
    """Distance between the ids of two cycles: full hundreds, as sim_telarray counts showers."""
    return 100 * (max(old for _, old in parts.ids) // 100 + 1)


def take_apart(source: Path, *, cut: bool = False) -> Parts:
    """Sort the top-level objects of a file into front, cycle and back."""
    parts = Parts()
    part = parts.front
    with open_decompressed(source) as stream:
        for header, raw in top_level_objects(stream, source, cut=cut):
            if header.type == SHOWER and part is parts.front:
                part = parts.cycle
            elif header.type == RUN_HEADER and part is parts.cycle:
                raise InputError(f"{source.name} has several run headers; repeat one run only")
            elif header.type == HISTOGRAMS:
                part = parts.back
            if header.type in MONITORING and part is parts.cycle:
                parts.front += raw
                continue
            if part is parts.cycle:
                parts.ids += event_ids(header, raw, len(part))
                parts.n_events += header.type == EVENT
            part += raw
    if not parts.n_events:
        raise InputError(f"{source.name} has no events to repeat")
    return parts


def event_ids(header: Header, raw: bytes, at: int) -> Iterator[tuple[int, int]]:
    """Position and value of the event ids in the headers of one top-level object."""
    if header.type not in HAS_EVENT_ID:
        return
    yield at + header.id_at, header.id
    if header.type == EVENT:
        for inner in sub_objects(raw, header.content_at):
            if inner.type == TRIGGER or inner.type in TELESCOPE_BLOCKS:
                yield at + inner.id_at, inner.id


def sub_objects(raw: bytes, start: int) -> Iterator[Header]:
    """Headers of the objects that follow each other in ``raw[start:]``."""
    while start + 12 <= len(raw):
        header = parse_header(raw, start)
        yield header
        start = header.content_at + header.length


def top_level_objects(
    stream: Any, source: Path, *, cut: bool = False
) -> Iterator[tuple[Header, bytes]]:
    """Header and bytes (sync marker and header included) of each object of the stream."""
    offset = 0
    while raw := stream.read(16):
        if raw[:4] != SYNC:
            raise InputError(f"{source.name} has no sync marker at byte {offset}")
        if len(raw) == 16 and extended(raw, 4):
            raw += stream.read(4)
        header = parse_header(raw, 4) if len(raw) >= 16 else None
        if header is None or header.length > LONGEST_OBJECT:
            raise InputError(f"{source.name} has a broken header at byte {offset}")
        content = stream.read(header.length)
        if len(content) < header.length:
            if cut:
                return
            raise InputError(f"{source.name} is cut in the object at byte {offset}")
        yield header, raw + content
        offset += len(raw) + header.length


def extended(raw: bytes, start: int) -> bool:
    """Whether the header at ``start`` has a fourth word (bit 17 of the first)."""
    return bool(raw[start + 2] & 0x02)


def parse_header(raw: bytes, start: int) -> Header:
    """Read the words of one header: type, id and length (low 30 bits, then 12 more)."""
    word, identifier, length = struct.unpack_from("<IiI", raw, start)
    length &= 0x3FFFFFFF
    content_at = start + 12
    if extended(raw, start):
        length |= (struct.unpack_from("<I", raw, content_at)[0] & 0xFFF) << 30
        content_at += 4
    return Header(word & 0xFFFF, identifier, length, start + 4, content_at)


def open_decompressed(source: Path) -> Any:
    """Open a file; the compression is decided by its first bytes."""
    with source.open("rb") as file:
        start = file.read(4)
    compression = next((name for magic, name in MAGICS.items() if start.startswith(magic)), None)
    return pa.input_stream(str(source), compression=compression)


def main(arguments: list[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("source", help="sim_telarray file, or example:NAME")
    parser.add_argument("target", type=Path, help="file to write, .simtel.zst")
    parser.add_argument("--times", type=int, default=20, help="repeats (default: %(default)s)")
    parser.add_argument("--cut", action="store_true", help="take a file that ends in an object")
    options = parser.parse_args(arguments)
    try:
        source = examples.resolve(options.source) or Path(options.source)
        written = repeat_events(source, options.target, options.times, cut=options.cut)
    except (CtabatchError, OSError) as error:
        print(f"error: {error}")
        return 2
    print(
        f"{written.path}: {written.n_events} events, {written.path.stat().st_size / 1e6:.1f} MB, "
        f"one cycle {written.cycle_bytes / 2**20:.1f} MiB decompressed"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
