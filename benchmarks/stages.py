"""CPU time of each stage of `ctabatch process`, one thread, beside the limit of that stage.

The stages run one after the other on the same file, each with its input in memory. Times are CPU
seconds of the process, the smallest of several rounds, and microseconds per telescope event.

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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from repeat_events import repeat_events

from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine, file_digest
from ctabatch.io import examples
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.parquet import PartFiles
from ctabatch.io.simtel.batches import batch_plans
from ctabatch.io.simtel.blocks import BlockReader
from ctabatch.io.simtel.losses import Account
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.io.streams import ByteStream
from ctabatch.part_writer import BatchRows, PartWriter
from ctabatch.source import calibrated, telescope_events
from ctabatch.stages import dl1
from ctabatch.stages.clean import clean
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


def one_round(path: Path, scratch: Path, config: ProcessConfig) -> tuple[dict[str, float], int]:
    """CPU seconds of all stages, and the number of telescope events."""
    clock = Clock()
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
        file_digest(path)
    shutil.rmtree(scratch, ignore_errors=True)
    folder = DatasetFolder(scratch)
    folder.create()
    files = PartFiles(folder.root, "bench", own_thread=False)
    writer = PartWriter(folder, files, config)
    n = 0
    with SimtelReader(path, ahead=False) as reader:
        for events in clock.timed("read", iter(reader)):
            with clock("plan batches"):
                block, _ = writer.plan(events, reader.account)
                plans = list(batch_plans(events, reader.account))
            rows = []
            for plan in plans:
                with clock("decode"):
                    raw = plan.decode()
                n += len(raw)
                with clock("describe"):
                    raw = calibrated(raw, reader.account)
                    telescopes = telescope_events(raw)
                with clock("extract"):
                    charges = extract(
                        telescopes.waveform, telescopes.calibration_row, telescopes.read_out,
                        telescopes.calibration, telescopes.geometry, writer.options.extraction,
                    )  # fmt: skip
                with clock("clean"):
                    mask = clean(charges.image, telescopes.geometry, writer.options.cleaning)
                with clock("image rows"):
                    images = dl1.image_rows(telescopes, charges, mask)
                with clock("parameters"):
                    parameters = dl1.parameter_rows(telescopes, charges, mask)
                tables = [("dl1/images", images), ("dl1/parameters", parameters)]
                rows.append(
                    BatchRows(raw.tel_type, len(raw), tables, telescopes.without_waveforms(),
                              parameters, raw.event)
                )  # fmt: skip
            with clock("geometry and tables"):
                writer.take(block, rows)
        with clock("geometry and tables"):
            writer.finish(reader)
            files.publish()
    seconds = clock.seconds
    seconds["scan"] = max(seconds.pop("decompress and scan") - seconds["decompress"], 0.0)
    read = seconds.pop("read")
    seconds["index events"] = max(read - seconds["decompress"] - seconds["scan"], 0.0)
    seconds["plan batches"] /= 2  # it was done twice
    return {stage: seconds[stage] for stage in STAGES}, n


def whole(path: Path, scratch: Path, config: ProcessConfig) -> float:
    """CPU seconds of the engine itself, in one thread."""
    shutil.rmtree(scratch, ignore_errors=True)
    begin = time.process_time()
    Engine(scratch, config, threads=1).run(path)
    return time.process_time() - begin


def smallest(rounds: int, work: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The smallest value of each figure; the first round compiles and does not count."""
    work()
    found = [work() for _ in range(rounds)]
    return {name: min(one[name] for one in found) for name in found[0]}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--example", default="sst1m")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    config = ProcessConfig()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name) / "out"
        path = options.file
        if path is None:
            path = Path(name) / "repeated.simtel.zst"
            repeat_events(examples.path(options.example), path, options.times)
        count = [0]

        def measure() -> dict[str, float]:
            stages, count[0] = one_round(path, scratch, config)
            return {**stages, "whole": whole(path, scratch, config)}

        found = smallest(options.rounds, measure)
    total = found.pop("whole")
    n = count[0]
    print(f"{n} telescope events, one thread, smallest of {options.rounds} rounds")
    for stage in STAGES:
        print(f"{stage:22} {found[stage]:8.3f} CPU s {found[stage] / n * 1e6:9.1f} us per event")
    parts = sum(found.values())
    limit = found["decompress"] + found["decode"] + found["extract"]
    print(f"{'sum':22} {parts:8.3f} CPU s {parts / n * 1e6:9.1f} us per event")
    print(f"{'engine':22} {total:8.3f} CPU s {total / n * 1e6:9.1f} us per event")
    print(f"engine / (decompress + decode + extract) = {total / limit:.2f}")
    if options.json:
        options.json.write_text(json.dumps({"events": n, "stages": found, "engine": total}))


if __name__ == "__main__":
    main()
