"""Every extractor and every cleaner beside ctapipe's, from waveforms in memory to image parameters.

Ours: `ctabatch.stages.dl1.process` on batches: extraction, cleaning, all parameters of images and
simulated images, Arrow rows. Theirs: `CameraCalibrator` and `ImageProcessor` on array events. Both
begin with the same waveforms in memory, calibrated and of the selected gain, as ctapipe's event
source gives them; "from raw" is ours beginning with raw samples, which it calibrates and selects,
too. Both with their defaults but for the component of the row: extractors with tailcuts, cleaners
with NeighborPeakWindowSum.

One core, one thread; CPU time, medians of several rounds in turn, after one that compiles. Ours
takes one batch of the size that `ctabatch process` takes, the largest of the camera in the example
file, whose telescope events are repeated until it is full; ctapipe takes the same events, up to
forty. Both repeat that for some tenths of a second: so one finds its waveforms as near to the
processor as the other.

    python benchmarks/components.py
    python benchmarks/components.py --only FlashCam --rounds 5 --json components.json

`benchmarks/cleaners.py` compares the masks alone.
"""

from __future__ import annotations

import os

# before anything loads these libraries
os.environ["NUMBA_NUM_THREADS"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["POLARS_MAX_THREADS"] = "1"

import argparse
import json
import statistics
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from whole_commands import machine, say

from ctabatch.config import ProcessConfig
from ctabatch.config.registry import BUILT_IN
from ctabatch.io import examples
from ctabatch.io.simtel.batches import BATCH_SIZE, RawBatch, raw_batches
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.source import calibrated, telescope_events
from ctabatch.stages import dl1
from ctabatch.stages.events import TelescopeEvents
from ctabatch.stages.waveforms import calibrated_events

#: Example -> its cameras that are measured: one gain; two gains; FlashCam.
FILES = {
    "sst1m": ("DigiCam",),
    "history-meta": ("LSTCam", "NectarCam"),
    "gamma-test-large": ("FlashCam",),
}
#: What the rows of the table vary, and what stays meanwhile.
KINDS = {"extractor": "NeighborPeakWindowSum", "cleaner": "TailcutsImageCleaner"}
#: Extractor -> options that make it another program, in rows of their own.
VARIANTS = {"NeighborPeakWindowSum": ({}, {"local_weight": 1})}
GOAL = 30


@dataclass
class Camera:
    """Telescope events of one camera in the form that each side takes.

    Attributes
    ----------
    batch : TelescopeEvents
    events : list of ArrayEventContainer
        With the telescopes of this camera alone.
    subarray : SubarrayDescription
        ctapipe's.
    """

    batch: TelescopeEvents
    subarray: Any
    events: list[Any] = field(default_factory=list)

    @property
    def n_theirs(self) -> int:
        """Telescope events of theirs."""
        return sum(len(event.r1.tel) for event in self.events)


def cameras(example: str, n_theirs: int) -> dict[str, Camera]:
    """The cameras of an example."""
    from ctapipe.io import EventSource

    with EventSource(examples.path(example), focal_length_choice="EQUIVALENT") as source:
        found = {
            name: Camera(batch, source.subarray) for name, batch in _our_batches(example).items()
        }
        for event in source:
            key = (event.index.obs_id, event.index.event_id)
            for camera in found.values():
                ours = camera.batch
                rows = np.flatnonzero(ours.event_id == key[1])
                if np.all(ours.obs_id != key[0]) or not len(rows) or camera.n_theirs >= n_theirs:
                    continue
                camera.events.append(deepcopy(event))
                for tel_id in set(event.r1.tel) - set(ours.tel_id[rows].tolist()):
                    del camera.events[-1].r1.tel[tel_id]
    return found


def _our_batches(example: str) -> dict[str, TelescopeEvents]:
    """The largest batch of each camera, filled up with its own events."""
    found: dict[str, RawBatch] = {}
    with SimtelReader(examples.path(example), ahead=False) as reader:
        for events in reader:
            for raw in raw_batches(events, reader.account):
                name = raw.geometry.name
                if name in FILES[example] and (name not in found or len(raw) > len(found[name])):
                    found[name] = calibrated(raw, reader.account)
    return {
        name: telescope_events(found[name].take(np.arange(BATCH_SIZE) % len(found[name])))
        for name in FILES[example]
    }


def rows() -> Iterator[tuple[str, dict[str, str], dict[str, Any]]]:
    """Label, component of each kind and options of the extractor, of every row."""
    for kind, usual in KINDS.items():
        for name in BUILT_IN[kind]:
            variants: tuple[dict[str, Any], ...] = ({},)
            if kind == "extractor":
                variants = VARIANTS.get(name, variants)
            elif name == usual:
                continue  # it is in the rows of the extractors
            for options in variants:
                label = " ".join([name, *(f"{key}={value}" for key, value in options.items())])
                yield label, {**KINDS, kind: name}, options


def our_work(
    camera: Camera, chosen: dict[str, str], options: dict[str, Any], raw: bool
) -> Callable[[], None]:
    """From waveforms to rows of images and parameters."""
    config = ProcessConfig(
        extraction={"extractor": chosen["extractor"], chosen["extractor"]: options},
        cleaning={"cleaner": chosen["cleaner"]},
    )
    given = config.dl1_options(camera.batch.tel_type, int(camera.batch.tel_id[0]))
    batch = camera.batch if raw else calibrated_events(camera.batch, given.extraction)

    def work() -> None:
        dl1.process(batch, given)

    return work


def their_work(
    camera: Camera, chosen: dict[str, str], options: dict[str, Any]
) -> Callable[[], None]:
    """`CameraCalibrator` and `ImageProcessor`."""
    from ctapipe.calib import CameraCalibrator
    from ctapipe.image import ImageProcessor
    from traitlets.config import Config

    config = Config({chosen["extractor"]: options})
    calibrate = CameraCalibrator(
        camera.subarray, image_extractor_type=chosen["extractor"], config=config
    )
    parametrise = ImageProcessor(camera.subarray, image_cleaner_type=chosen["cleaner"])

    def work() -> None:
        for event in camera.events:
            calibrate(event)
            for one in event.dl1.tel.values():
                if one.image.ndim == 2:  # VarianceExtractor keeps the axis of the gains
                    one.image = one.image[0]
            parametrise(event)

    return work


def seconds(work: Callable[[], None], at_least: float) -> float:
    """CPU time of one run, the mean over some time."""
    begin, n, taken = time.process_time(), 0, 0.0
    while n == 0 or taken < at_least:
        work()
        n += 1
        taken = time.process_time() - begin
    return taken / n


def compare(
    camera: Camera, work: dict[str, Callable[[], None]], rounds: int, at_least: float
) -> dict[str, float]:
    """Images per second of both sides and their ratios."""
    samples = defaultdict(list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ctapipe, on images that are not showers
        for index in range(rounds + 1):
            for side, run in work.items():
                taken = seconds(run, at_least if index else 0.0)
                if index:
                    samples[side].append(taken)
    theirs = camera.n_theirs / statistics.median(samples["theirs"])
    ours, raw = (len(camera.batch) / statistics.median(samples[side]) for side in ("ours", "raw"))
    return {"ours": ours, "raw": raw, "theirs": theirs, "ratio": ours / theirs,
            "raw ratio": raw / theirs}  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--theirs", type=int, default=40, help="telescope events, about")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.4, help="of each side in each round")
    parser.add_argument("--only", default="", help="part of the name of a camera or component")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: list[dict[str, Any]] = []
    print("| camera | component | images/s | from raw | ctapipe | ratio | from raw |")
    print("|---" * 7 + "|")
    for example in FILES:
        for name, camera in cameras(example, options.theirs).items():
            for label, chosen, given in rows():
                if options.only not in f"{name} {label}":
                    continue
                say(f"{name}: {label}")
                work = {"ours": our_work(camera, chosen, given, raw=False),
                        "raw": our_work(camera, chosen, given, raw=True),
                        "theirs": their_work(camera, chosen, given)}  # fmt: skip
                rates = compare(camera, work, options.rounds, options.seconds)
                found.append({"camera": name, "component": label, **rates})
                values = " | ".join(f"{rate:,.0f}" for rate in rates.values())
                below = "" if rates["ratio"] >= GOAL else f" (below {GOAL})"
                print(f"| {name} | {label} | {values}{below} |", flush=True)
    say("")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
