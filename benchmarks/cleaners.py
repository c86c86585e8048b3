"""Every cleaner and reducer against ctapipe's on the same images, one core.

    python benchmarks/cleaners.py [IMAGES]

Showers of Poisson light on noise in a camera of 1855 pixels; images per
second of processor time, the best of three.
"""

from __future__ import annotations

import os

os.environ.setdefault("NUMBA_NUM_THREADS", "1")

import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from ctapipe.image import number_of_islands
from ctapipe.image.cleaning import ImageCleaner
from ctapipe.image.cleaning import dilate as their_dilate
from ctapipe.io import EventSource

import ctabatch
from ctabatch.config.registry import BUILT_IN
from ctabatch.config.registry import component as our_class
from ctabatch.io import examples
from ctabatch.stages.islands import islands
from ctabatch.stages.reducers import TailCutsDataVolumeReducer

EXAMPLE, CAMERA = "gamma-test", "LSTCam"


def showers(geometry: Any, n: int) -> tuple[Any, Any]:
    """Charges and times."""
    rng = np.random.default_rng(1)
    x, y = geometry.pixel_x, geometry.pixel_y
    image, when = rng.normal(0, 1.5, (n, len(x))), rng.uniform(0, 30, (n, len(x)))
    psi = rng.uniform(-np.pi, np.pi, n)[:, None]
    dx, dy = (v - rng.uniform(-0.6, 0.6, n)[:, None] for v in (x, y))
    along, across = dx * np.cos(psi) + dy * np.sin(psi), dy * np.cos(psi) - dx * np.sin(psi)
    light = np.exp(-((along / 0.2) ** 2 + (across / 0.07) ** 2) / 2)
    image += rng.poisson(light * 10 ** rng.uniform(0.5, 2.5, n)[:, None])
    when = np.where(light > 0.05, 15 + 5 * along + rng.normal(0, 1, image.shape), when)
    return image.astype(np.float32), when.astype(np.float32)


def rate(n: int, work: Callable[[], object], times: int = 3) -> float:
    """Images per second of the best of several runs."""
    work()
    best = min(_seconds(work) for _ in range(times))
    return n / best


def _seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


def main() -> None:
    """Print a table."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    few = min(n, 200)
    with EventSource(examples.path(EXAMPLE), focal_length_choice="EQUIVALENT") as source:
        subarray = source.subarray
    with ctabatch.open(f"example:{EXAMPLE}") as ours:
        telescope = next(t for t in ours.subarray.telescopes.values() if t.geometry.name == CAMERA)
    geometry, theirs = telescope.geometry, subarray.tel[telescope.tel_id].camera.geometry
    image, when = showers(geometry, n)
    print(f"{n} images of {geometry.n_pixels} pixels; ctapipe on {few}")
    print(f"{'':30} {'images/s':>12} {'ctapipe':>10} {'ratio':>7}")

    def show(name: str, mine: float, other: float) -> None:
        print(f"{name:30} {mine:12,.0f} {other:10,.0f} {mine / other:7.0f}")

    for name in BUILT_IN["cleaner"]:
        cleaner = our_class("cleaner", name)
        component = ImageCleaner.from_name(name, subarray=subarray)

        def them(component: Any = component) -> None:
            for q, t in zip(image[:few], when[:few], strict=True):
                component(telescope.tel_id, q, t)

        mine = rate(n, lambda cleaner=cleaner: cleaner().clean(image, when, geometry))
        show(name, mine, rate(few, them, 1))
    mask = image >= 5
    show("islands and sizes", rate(n, lambda: islands(mask, geometry)),
         rate(few, lambda: [number_of_islands(theirs, m) for m in mask[:few]], 1))  # fmt: skip

    def them_reduced() -> None:
        cleaner = ImageCleaner.from_name("TailcutsImageCleaner", subarray=subarray)
        for q in image[:few]:
            kept, before = cleaner(telescope.tel_id, q), np.array([])
            while not np.array_equal(kept, before):
                before, kept = kept, their_dilate(theirs, kept) & (q >= 5)
            their_dilate(theirs, kept)

    reducer, waveform = TailCutsDataVolumeReducer(), image[..., np.newaxis]
    show("reduction of given images",
         rate(n, lambda: reducer.select_pixels(waveform, image, geometry)),
         rate(few, them_reduced, 1))  # fmt: skip


if __name__ == "__main__":
    main()
