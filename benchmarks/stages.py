"""CPU time of each stage of `ctabatch process`, one thread, beside the limit of that stage.

The stages run one after the other on the same file, each with its input in memory. Times are CPU
seconds of the process, the smallest of several rounds, and microseconds per telescope event.

Limits: what the kernels are to reach per core (decoding 3 Gsamples/s, calibration with extraction
1 Gsamples/s, cleaning with parameters 20 000 images of 1855 pixels per second), decompression
alone, and for writing the charges and times alone as flat columns, encoded as in the dataset.

    python benchmarks/stages.py FILE.simtel.zst
    python benchmarks/stages.py --example sst1m --times 40 --rounds 5 --json stages.json
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent))

from repeat_events import repeat_events

from ctabatch.cli.lean_imports import collect_seldom
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.input_digest import InputDigest
from ctabatch.io import examples
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles
from ctabatch.io.simtel.batches import batch_plans
from ctabatch.io.simtel.blocks import BlockReader
from ctabatch.io.simtel.losses import Account
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.streams import ByteStream
from ctabatch.part_writer import BatchRows, Parametrised, PartWriter
from ctabatch.source import calibrated, telescope_events
from ctabatch.sources.simtel import SimtelSource, event_block
from ctabatch.stages import dl1
from ctabatch.stages.extract import extract

STAGES = ("decompress", "scan", "index events", "plan batches", "decode", "describe", "extract",
          "clean", "image rows", "parameters", "geometry and tables", "digest")  # fmt: skip


class Clock:
    """CPU seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        begin = time.process_time()
        yield
        self.seconds[stage] += time.process_time() - begin

    def timed(self, stage: str, items: Iterator) -> Iterator:
        """Items of an iterator, whose own work counts for a stage."""
        while True:
            with self(stage):
                item = next(items, None)
            if item is None:
                return
            yield item


@dataclass
class Amount:
    """What was worked on."""

    events: int = 0
    samples: int = 0
    pixels: int = 0


def one_round(path: Path, scratch: Path, config: ProcessConfig) -> tuple[dict[str, float], Amount]:
    """CPU seconds of all stages."""
    clock, amount = Clock(), Amount()
    buffer = memoryview(bytearray(8 << 20))
    with clock("decompress"):
        stream = ByteStream(path)
        while stream.readinto(buffer):
            pass
        stream.close()
    with clock("decompress and scan"):
        stream = ByteStream(path)
        for _ in BlockReader(stream, Account()):
            pass
        stream.close()
    with clock("digest"):
        InputDigest(path).result()
    shutil.rmtree(scratch, ignore_errors=True)
    folder = DatasetFolder(scratch)
    folder.create()
    files = PartFiles(folder.root, "bench", own_thread=False)
    writer = PartWriter(folder, files, config)
    with SimtelReader(path, ahead=False) as reader:
        for events in clock.timed("read", iter(reader)):
            with clock("plan batches"):
                block = event_block(events, reader.account)
                writer.plan(block)
                plans = list(batch_plans(events, reader.account))
            rows = []
            for plan in plans:
                with clock("decode"):
                    raw = plan.decode()
                amount.events += len(raw)
                amount.samples += raw.waveform.size
                amount.pixels += len(raw) * raw.geometry.n_pixels
                with clock("describe"):
                    raw = calibrated(raw, reader.account)
                    telescopes = telescope_events(raw)
                    options = writer.options(raw.tel_type, int(raw.tel_id[0]))
                with clock("extract"):
                    charges = extract(
                        telescopes.waveform, telescopes.calibration_row, telescopes.read_out,
                        telescopes.calibration, telescopes.geometry, options.extraction,
                    )  # fmt: skip
                with clock("clean"):
                    mask = options.cleaner.clean(
                        charges.image, charges.peak_time, telescopes.geometry
                    )
                with clock("image rows"):
                    images = dl1.image_rows(telescopes, charges, mask)
                with clock("parameters"):
                    parameters = dl1.parameter_rows(telescopes, charges, mask)
                with clock("flat columns"):
                    flat_columns(images)
                tables = [("dl1/images", images), ("dl1/parameters", parameters)]
                rows.append(
                    BatchRows(
                        raw.tel_type, len(raw), tables,
                        Parametrised(telescopes.without_waveforms(), parameters, raw.event),
                    )
                )  # fmt: skip
            with clock("geometry and tables"):
                writer.take(block, rows)
        with clock("geometry and tables"):
            writer.finish(SimtelSource(reader, 0))
            files.publish()
    seconds = clock.seconds
    seconds["scan"] = max(seconds.pop("decompress and scan") - seconds["decompress"], 0.0)
    read = seconds.pop("read")
    seconds["index events"] = max(read - seconds["decompress"] - seconds["scan"], 0.0)
    seconds["plan batches"] /= 2  # it was done twice
    return {stage: seconds[stage] for stage in (*STAGES, "flat columns")}, amount


def flat_columns(images: pa.RecordBatch) -> None:
    """Write the charges and times of a batch into memory, as columns of plain numbers."""
    names = ["image", "peak_time"]
    columns = [images[name].storage.flatten() for name in names]
    pq.write_table(
        pa.table(columns, names), pa.BufferOutputStream(), compression="zstd", compression_level=1,
        use_dictionary=False, write_statistics=False,
        column_encoding=dict.fromkeys(names, "BYTE_STREAM_SPLIT"),
    )  # fmt: skip


def whole(path: Path, scratch: Path, config: ProcessConfig) -> float:
    """CPU seconds of the engine itself, in one thread."""
    shutil.rmtree(scratch, ignore_errors=True)
    begin = time.process_time()
    Engine(scratch, config, threads=1).run(path)
    return time.process_time() - begin


def stages(path: Path, scratch: Path, rounds: int) -> dict[str, Any]:
    """CPU seconds of every stage and of the whole engine, the smallest of several rounds.

    A first round, which compiles, does not count.
    """
    collect_seldom()  # as the command does
    config, amount = ProcessConfig(), Amount()
    found: dict[str, float] = {}
    for index in range(rounds + 1):
        seconds, amount = one_round(path, scratch, config)
        seconds["engine"] = whole(path, scratch, config)
        if index:
            found = {name: min(s, found.get(name, s)) for name, s in seconds.items()}
    return {
        "amount": vars(amount), "seconds": found, "limits": limits(found, amount),
        "rounds": rounds,
    }  # fmt: skip


def limits(seconds: dict[str, float], amount: Amount) -> dict[str, float]:
    """CPU seconds that each stage needs at least, or is to need at most."""
    return {
        "decompress": seconds["decompress"],
        "decode": amount.samples / 3e9,
        "extract": amount.samples / 1e9,
        "clean": amount.pixels / 1855 / 20_000 * 0.25,
        "parameters": amount.pixels / 1855 / 20_000 * 0.75,
        "geometry and tables": seconds["flat columns"],
    }


def stage_table(found: dict[str, Any]) -> str:
    """The stages as Markdown."""
    seconds, bounds, n = found["seconds"], found["limits"], found["amount"]["events"]
    lines = ["| stage | CPU s | us per event | limit, us |", "|---|---|---|---|"]
    for stage in STAGES:
        bound = f"{bounds[stage] / n * 1e6:.1f}" if stage in bounds else ""
        lines.append(
            f"| {stage} | {seconds[stage]:.3f} | {seconds[stage] / n * 1e6:.1f} | {bound} |"
        )
    total = sum(seconds[stage] for stage in STAGES)
    lines.append(f"| sum of the stages | {total:.3f} | {total / n * 1e6:.1f} | |")
    engine = seconds["engine"]
    lines.append(f"| the engine | {engine:.3f} | {engine / n * 1e6:.1f} | |")
    least = sum(seconds[stage] for stage in ("decompress", "decode", "extract"))
    ratio = f"Engine / (decompress + decode + extract): {engine / least:.2f}."
    lines += ["", f"{ratio} {n / engine:,.0f} telescope events per CPU second."]
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--example", default="sst1m")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        path = options.file
        if path is None:
            path = Path(name) / "repeated.simtel.zst"
            repeat_events(examples.path(options.example), path, options.times)
        found = stages(path, Path(name) / "out", options.rounds)
    print(stage_table(found))
    if options.json:
        options.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
