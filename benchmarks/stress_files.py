"""Files for stress: sim_telarray files of any size, and files that are broken in named ways.

    python benchmarks/stress_files.py large out.simtel.zst --gigabytes 10
    python benchmarks/stress_files.py broken example:sst1m broken/ --seed 1
    python benchmarks/stress_files.py broken gammas.simtel.zst broken/ --how cut-in-event

`large` streams simulated showers, so memory does not grow with the size (of the file before
compression). `broken` writes one file per way to break it.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path

from ctabatch.errors import CtabatchError, OptionError
from ctabatch.io import examples
from ctabatch.io.simtel_writer.writer import SimtelWriter
from ctabatch.io.streams import ByteStream
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.options import SimulationOptions
from ctabatch.simulate.run import run_content, simulate

SYNC = b"\x37\x8a\x1f\xd4"
ARRAY_EVENT, MONITORING, DESCRIPTION = 2010, 2022, 2002
#: Showers of one pass of the simulation; passes differ in their seed and go on counting.
_SHOWERS = 2_000_000


def write_large(target: Path, n_bytes: int, *, array: str = "alpha-north", seed: int = 0) -> int:
    """Write a file of at least `n_bytes` before compression; returns its telescope events."""
    options = SimulationOptions(
        n_showers=_SHOWERS,
        array=load_array(array),
        seed=seed,
        energy_range=(0.1, 50.0),
        max_core_distance=250.0,
    )
    with SimtelWriter(target, run_content(options), overwrite=True) as writer:
        for events in simulate(options):
            writer.write(events)
            print(f"\r{writer.n_bytes / 1e9:.2f} GB", end="", file=sys.stderr)
            if writer.n_bytes >= n_bytes:
                break
    print(file=sys.stderr)
    return writer.n_telescope_events


def objects(data: bytes) -> list[tuple[int, int, int]]:
    """Start, type and end of every top-level object."""
    found, position = [], 0
    while position + 16 <= len(data):
        kind, _, length = struct.unpack_from("<3I", data, position + 4)
        head = 16
        size = length & 0x3FFFFFFF
        if kind >> 17 & 1:
            size |= (struct.unpack_from("<I", data, position + 16)[0] & 0xFFF) << 30
            head = 20
        found.append((position, kind & 0xFFFF, position + head + size))
        position = found[-1][2]
    return found


def _middle(data: bytes, kind: int) -> tuple[int, int]:
    """Start and end of the middle one of all objects of a type."""
    of_kind = [(start, end) for start, found, end in objects(data) if found == kind]
    if not of_kind:
        raise OptionError(f"the file holds no object of type {kind}")
    return of_kind[len(of_kind) // 2]


def _replace(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


def cut_in_event(data: bytes, _: random.Random) -> bytes:
    """End in the middle of the middle array event."""
    start, end = _middle(data, ARRAY_EVENT)
    return data[: (start + end) // 2]


def cut_between(data: bytes, _: random.Random) -> bytes:
    """End exactly behind an array event: events and histograms are missing."""
    return data[: _middle(data, ARRAY_EVENT)[1]]


def cut_in_header(data: bytes, _: random.Random) -> bytes:
    """End inside the description of a telescope."""
    start, end = _middle(data, DESCRIPTION)
    return data[: (start + end) // 2]


def wrong_sync(data: bytes, _: random.Random) -> bytes:
    """One sync marker is wrong."""
    return _replace(data, _middle(data, ARRAY_EVENT)[0], b"\0\0\0\0")


def wrong_length(data: bytes, random_: random.Random) -> bytes:
    """The length of an array event is wrong."""
    start, _ = _middle(data, ARRAY_EVENT)
    return _replace(data, start + 12, struct.pack("<I", random_.getrandbits(30) | 1 << 30))


def wrong_payload(data: bytes, random_: random.Random) -> bytes:
    """64 bytes in the middle of an array event are random."""
    start, end = _middle(data, ARRAY_EVENT)
    return _replace(data, (start + end) // 2, random_.randbytes(64))


def zeros(data: bytes, _: random.Random) -> bytes:
    """A disk block of 4096 zeros."""
    return _replace(data, _middle(data, ARRAY_EVENT)[0] + 1000, bytes(4096))


def lost_block(data: bytes, _: random.Random) -> bytes:
    """4096 bytes are missing."""
    start, _ = _middle(data, ARRAY_EVENT)
    return data[: start + 1000] + data[start + 5096 :]


def garbage_between(data: bytes, random_: random.Random) -> bytes:
    """1000 random bytes between two objects."""
    _, end = _middle(data, ARRAY_EVENT)
    return data[:end] + random_.randbytes(1000) + data[end:]


def no_monitoring(data: bytes, _: random.Random) -> bytes:
    """The pedestals of one telescope are missing."""
    start, end = _middle(data, MONITORING)
    return data[:start] + data[end:]


def unknown_object(data: bytes, _: random.Random) -> bytes:
    """An object of a type that nobody knows."""
    _, end = _middle(data, ARRAY_EVENT)
    return data[:end] + SYNC + struct.pack("<3I", 9999, 1, 4) + b"abcd" + data[end:]


def swapped(data: bytes, _: random.Random) -> bytes:
    """Written on a big-endian machine."""
    return SYNC[::-1] + data[4:]


def empty(_: bytes, __: random.Random) -> bytes:
    """No bytes at all."""
    return b""


BREAKS: dict[str, Callable[[bytes, random.Random], bytes]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        cut_in_event,
        cut_between,
        cut_in_header,
        wrong_sync,
        wrong_length,
        wrong_payload,
        zeros,
        lost_block,
        garbage_between,
        no_monitoring,
        unknown_object,
        swapped,
        empty,
    )
}


def read_decompressed(source: Path) -> bytes:
    """All bytes of a file, decompressed."""
    stream = ByteStream(source)
    parts = []
    for _ in count():
        view = memoryview(bytearray(1 << 22))
        n = stream.readinto(view)
        if n == 0:
            break
        parts.append(bytes(view[:n]))
    stream.close()
    return b"".join(parts)


def break_file(source: Path, how: str, seed: int = 0) -> bytes:
    """Bytes of a file (decompressed), broken in a named way."""
    if how not in BREAKS:
        raise OptionError.unknown_name("way to break a file", how, BREAKS)
    return BREAKS[how](read_decompressed(source), random.Random(seed))


def main() -> None:
    """Write what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    sub = parser.add_subparsers(dest="what", required=True)
    large = sub.add_parser("large", help="a file of any size")
    large.add_argument("target", type=Path)
    large.add_argument("--gigabytes", type=float, default=10.0, help="before compression")
    large.add_argument("--array", default="alpha-north")
    large.add_argument("--seed", type=int, default=0)
    broken = sub.add_parser("broken", help="a file broken in named ways")
    broken.add_argument("source")
    broken.add_argument("folder", type=Path)
    broken.add_argument("--how", choices=sorted(BREAKS), help="only this one")
    broken.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if args.what == "large":
        n = write_large(args.target, int(args.gigabytes * 1e9), array=args.array, seed=args.seed)
        print(f"{args.target}: {n:,} telescope events")
        return
    source = examples.resolve(args.source) or Path(args.source)
    args.folder.mkdir(parents=True, exist_ok=True)
    for how in [args.how] if args.how else BREAKS:
        target = args.folder / f"{how}.simtel"
        target.write_bytes(break_file(source, how, args.seed))
        print(f"{target}: {(BREAKS[how].__doc__ or '').strip()}")


if __name__ == "__main__":
    try:
        main()
    except CtabatchError as error:
        sys.exit(f"error: {error}")
