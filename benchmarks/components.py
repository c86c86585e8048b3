"""Every extractor and every cleaner beside ctapipe's, from waveforms in memory to image parameters.

Ours: `ctabatch.stages.dl1.process` on batches: extraction, cleaning, all parameters of images and
simulated images, Arrow rows. Theirs: `CameraCalibrator` and `ImageProcessor` on array events. Both
begin with the same waveforms in memory, calibrated and of the selected gain, as ctapipe's event
source gives them; with ``--raw`` ours begins with raw samples and calibrates and selects, too. Both
with their defaults but for the component of the row: extractors with tailcuts, cleaners with
NeighborPeakWindowSum.

One core, one thread; CPU time, medians of several rounds in turn, after one that compiles. The
events of the example files are repeated for ours until there are some hundreds per camera, in
batches as large as those of `ctabatch process`; ctapipe goes through those of the file once per
round, more would change nothing per event.

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
    batches : list of TelescopeEvents
    events : list of ArrayEventContainer
        With the telescopes of this camera alone.
    subarray : SubarrayDescription
        ctapipe's.
    """

    subarray: Any
    batches: list[dl1.TelescopeEvents] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)

    @property
    def n_ours(self) -> int:
        """Telescope events of ours."""
        return sum(map(len, self.batches))

    @property
    def n_theirs(self) -> int:
        """Telescope events of theirs."""
        return sum(len(event.r1.tel) for event in self.events)


def cameras(example: str, n_events: int, n_theirs: int) -> dict[str, Camera]:
    """The cameras of an example, with at least `n_events` telescope events for us."""
    found = _their_cameras(example, n_theirs)
    batches: dict[str, list[RawBatch]] = {name: [] for name in found}
    with SimtelReader(examples.path(example), ahead=False) as reader:
        for events in reader:
            for raw in raw_batches(events, reader.account):
                if raw.geometry.name in found:
                    batches[raw.geometry.name].append(calibrated(raw, reader.account))
    for name, camera in found.items():
        while camera.n_ours < n_events:
            for raw in batches[name]:
                full = raw.take(np.arange(BATCH_SIZE) % len(raw))  # batches are never small
                camera.batches.append(telescope_events(full))
    return found


def _their_cameras(example: str, n_theirs: int) -> dict[str, Camera]:
    from ctapipe.io import EventSource

    with EventSource(examples.path(example), focal_length_choice="EQUIVALENT") as source:
        found = {name: Camera(source.subarray) for name in FILES[example]}
        for event in source:
            for name, camera in found.items():
                chosen = [t for t in event.r1.tel if _camera_of(source.subarray, t) == name]
                if chosen and camera.n_theirs < n_theirs:
                    camera.events.append(deepcopy(event))
                    for tel_id in set(event.r1.tel) - set(chosen):
                        del camera.events[-1].r1.tel[tel_id]
    return found


def _camera_of(subarray: Any, tel_id: int) -> str:
    return str(subarray.tel[tel_id].camera.name)


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
    made = [config.dl1_options(b.tel_type, int(b.tel_id[0])) for b in camera.batches]
    batches = [
        batch if raw else calibrated_events(batch, given.extraction)
        for batch, given in zip(camera.batches, made, strict=True)
    ]

    def work() -> None:
        for batch, given in zip(batches, made, strict=True):
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


def seconds(work: Callable[[], None]) -> float:
    """CPU time of one run."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def compare(camera: Camera, work: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Images per second of both sides and their ratio."""
    samples = defaultdict(list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ctapipe, on images that are not showers
        for index in range(rounds + 1):
            for side, run in work.items():
                taken = seconds(run)
                if index:
                    samples[side].append(taken)
    ours = camera.n_ours / statistics.median(samples["ours"])
    theirs = camera.n_theirs / statistics.median(samples["theirs"])
    return {"ours": ours, "theirs": theirs, "ratio": ours / theirs}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=300, help="per camera, of ours, at least")
    parser.add_argument("--theirs", type=int, default=40, help="per camera, of theirs, at most")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="part of the name of a camera or component")
    parser.add_argument("--raw", action="store_true", help="ours calibrates and selects, too")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: list[dict[str, Any]] = []
    print("| camera | component | images/s | ctapipe | ratio |\n|---|---|---|---|---|")
    for example in FILES:
        for name, camera in cameras(example, options.events, options.theirs).items():
            for label, chosen, given in rows():
                if options.only not in f"{name} {label}":
                    continue
                say(f"{name}: {label}")
                work = {"ours": our_work(camera, chosen, given, options.raw),
                        "theirs": their_work(camera, chosen, given)}  # fmt: skip
                rates = compare(camera, work, options.rounds)
                found.append({"camera": name, "component": label, **rates})
                ours, theirs, ratio = rates.values()
                below = "" if ratio >= GOAL else f" (below {GOAL})"
                print(f"| {name} | {label} | {ours:,.0f} | {theirs:,.0f} | {ratio:.0f}{below} |",
                      flush=True)  # fmt: skip
    say("")
    if options.json:
        options.json.write_text(json.dumps({"machine": machine(), "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
