"""Small inputs that unfold without end are refused, or read within the bound on memory.

Each runs in a process of its own that may take 2 GiB of addresses more than it has after its
imports: compiled programs alone take 3 GiB of addresses, of memory some 300 MB.
"""

from __future__ import annotations

import gzip
import json
import struct
import subprocess
import sys
import zlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from ctabatch.errors import InputError
from ctabatch.io.parquet_bounds import MOST_BYTES, bounded_file
from ctabatch.io.simtel.blocks import MAX_OBJECT, MAX_PARTS
from tests import eventio_bytes as eb

GIB, MIB = 1 << 30, 1 << 20
#: The bound of `--memory` by default, and the largest window of a zstd file.
BOUND = (700 + 128) * MIB

_RUN = """
import resource, sys, json
import pyarrow.parquet, numba, zstandard, polars
from pathlib import Path
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (2 << 30),) * 2)
result = Engine(sys.argv[2], ProcessConfig(write=("images",))).run(Path(sys.argv[1]))
losses = [loss["reason"] for loss in result.record.get("losses", [])]
# the largest of this program alone: getrusage counts what the parent had when it forked
lines = Path("/proc/self/status").read_text().splitlines()
peak = next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))
found = {"status": result.status, "error": result.error, "losses": losses, "peak": peak}
print(json.dumps(found))
"""


def processed(path, tmp_path):
    """What becomes of a file, and the memory that it took."""
    words = [sys.executable, "-c", _RUN, str(path), str(tmp_path / "out")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def head(size, kind=2010, nested=False):
    """Header of a top-level object of any length."""
    extended = size >= 1 << 30
    return eb.SYNC + struct.pack(
        "<IiI", kind | (extended << 17), 1, (size & 0x3FFFFFFF) | (nested << 30)
    ) + (struct.pack("<I", size >> 30) if extended else b"")  # fmt: skip


def gzip_of(begin, n_zeros):
    """A gzip file of some bytes and zeros."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(begin)]
    parts += [packer.compress(bytes(MIB)) for _ in range(n_zeros // MIB)]
    return b"".join([*parts, packer.flush()])


def zstd_of(begin, n_zeros):
    packer = zstandard.ZstdCompressor(19).compressobj()
    parts = [packer.compress(begin)]
    parts += [packer.compress(bytes(MIB)) for _ in range(n_zeros // MIB)]
    return b"".join([*parts, packer.flush()])


STREAMS = {
    "an object of 1 GiB": lambda pack: pack(head(GIB), GIB),
    "an object as long as may be": lambda pack: pack(head(MAX_OBJECT - 64), MAX_OBJECT),
    "an object of 8 GiB": lambda pack: pack(head(8 * GIB), GIB),
    "zeros behind an object": lambda pack: pack(head(8, 70) + bytes(8), GIB),
    "an object of endless parts": lambda pack: pack(head(MAX_OBJECT - 64, nested=True), MAX_OBJECT),
}


@pytest.mark.parametrize("pack", [gzip_of, zstd_of], ids=["gzip", "zstd"])
@pytest.mark.parametrize("name", STREAMS)
def test_a_gibibyte_of_zeros_is_refused_within_the_bound_on_memory(name, pack, tmp_path):
    path = tmp_path / "bomb.simtel.gz"
    path.write_bytes(STREAMS[name](pack))
    assert path.stat().st_size < 1_200_000
    found = processed(path, tmp_path)
    assert found["status"] == "failed" or found["losses"]
    assert found["error"] or found["losses"]
    assert found["peak"] < BOUND


def test_more_parts_than_any_event_has_are_refused(tmp_path):
    part = eb.inner(2011, b"")
    content = part * (MAX_PARTS + 10)
    data = eb.top(70, bytes(8)) + head(len(content), 2010, nested=True) + content
    path = tmp_path / "parts.simtel.gz"
    path.write_bytes(gzip.compress(data + eb.top(70, bytes(8)), 6))
    found = processed(path, tmp_path)
    assert any("parts" in text for text in found["losses"]) or "parts" in found["error"] or (
        found["status"] == "failed"
    )  # fmt: skip
    assert found["peak"] < BOUND


_READ = """
import sys, zstandard
from pathlib import Path
from ctabatch.io.streams import ByteStream
def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(name))
view = memoryview(bytearray(1 << 20))
view[:] = bytes(1 << 20)
before, stream, n = status("VmRSS"), ByteStream(sys.argv[1]), 0
while got := stream.readinto(view):
    n += got
assert stream.problem is None, stream.problem
print(n, status("VmHWM") - before)
"""


def test_a_zstd_file_takes_the_memory_of_its_window_whatever_it_becomes(tmp_path):
    path = tmp_path / "bomb.simtel.zst"
    path.write_bytes(zstd_of(head(GIB), GIB))
    assert path.stat().st_size < MIB
    words = [sys.executable, "-c", _READ, str(path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=300)
    n, grown = map(int, done.stdout.split())
    assert n == GIB + len(head(GIB))
    assert grown < 24 * MIB  # the window of level 19 is 8 MiB


def wide(n_rows, **options):
    """A column of one value: a few bytes in the file."""
    zeros = np.zeros(n_rows, np.int64)
    table = pa.table({"obs_id": zeros, "event_id": zeros})
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, row_group_size=n_rows, **options)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("codec", ["zstd", "gzip", "snappy", "brotli"])
@pytest.mark.parametrize("dictionary", [True, False], ids=["runs", "plain"])
def test_a_row_group_that_would_fill_memory_is_refused(tmp_path, codec, dictionary):
    path = tmp_path / "t.parquet"
    n = MOST_BYTES // 16 + 1  # pyarrow writes at most 2**26 rows in a group
    path.write_bytes(wide(n, compression=codec, use_dictionary=dictionary))
    assert path.stat().st_size < 30 * MIB
    before = pa.total_allocated_bytes()
    with pytest.raises(InputError, match=r"row group 0 .* MiB in memory"), \
            bounded_file(path, path) as file:  # fmt: skip
        file.read()
    assert pa.total_allocated_bytes() - before < MIB


def test_usual_row_groups_are_read(tmp_path):
    path = tmp_path / "t.parquet"
    path.write_bytes(wide(100_000))
    with bounded_file(path, path) as file:
        assert file.read().num_rows == 100_000


def test_models_of_endless_nodes_are_refused(tmp_path):
    import hashlib

    from ctabatch.io import model_files
    from tests.test_model_files import write

    write(tmp_path / "m")
    card = json.loads((tmp_path / "m" / "models.json").read_text())
    file = tmp_path / "m" / card["models"][0]["trees"]["file"]
    file.write_bytes(wide(model_files.MOST_NODES + 1, compression="zstd"))
    entry = card["models"][0]
    entry["trees"]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    card["digest"] = model_files._digest(card)
    (tmp_path / "m" / "models.json").write_bytes(model_files._text(card))
    with pytest.raises(InputError, match="nodes"):
        model_files.read_models(tmp_path / "m")


def test_a_piece_of_a_stored_stream_that_claims_too_much_is_refused(tmp_path):
    """The commit record fits, the frame says what the table says, and it is a bomb."""
    from ctabatch.config import ProcessConfig
    from ctabatch.engine import Engine
    from ctabatch.simulate.arrays import load_array
    from ctabatch.simulate.files import simulate_file
    from ctabatch.simulate.options import SimulationOptions

    simulate_file(
        SimulationOptions(n_showers=5, array=load_array("lst4")), tmp_path / "a.simtel.zst"
    )
    Engine(tmp_path / "set", ProcessConfig(write=("r0",))).run(tmp_path / "a.simtel.zst")
    (stream,) = (tmp_path / "set" / "r0_stream").glob("*.parquet")
    table = pq.read_table(stream)
    bomb = zstandard.ZstdCompressor(19).compress(bytes(GIB))
    columns = {
        "offset": pa.array([0], table.schema.field("offset").type),
        "size": pa.array([GIB], table.schema.field("size").type),
        "frame": pa.array([bomb], table.schema.field("frame").type),
    }
    made = pa.table([columns[name] for name in table.schema.names], schema=table.schema)
    pq.write_table(made, stream)
    (record,) = (tmp_path / "set" / "parts").glob("*.json")
    content = json.loads(record.read_text())
    content["tables"][f"r0_stream/{stream.name}"]["rows"] = 1
    record.write_text(json.dumps(content))
    assert stream.stat().st_size < MIB
    found = processed(stream, tmp_path)
    assert found["status"] == "failed"
    assert "a piece of" in found["error"]
    assert found["peak"] < BOUND
