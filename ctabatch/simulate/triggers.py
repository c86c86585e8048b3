"""From light to triggered telescopes and events.

Triggers see the photo-electrons of the shower alone: no accidental triggers by the night sky.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.kernels.patch_trigger import patch_trigger
from ctabatch.kernels.pixel_lookup import find_pixels
from ctabatch.kernels.pixel_sort import count_inside, sort_by_pixel

from .cameras import TelescopeKind
from .shower_model import ArrivingLight


@dataclass(frozen=True, eq=False)
class PhotoElectrons:
    """Photo-electrons of telescope events in their camera.

    Attributes
    ----------
    offsets : (n + 1,) int64
        Telescope event k owns entries ``offsets[k]`` to ``offsets[k + 1]`` of:
    pixel : (n_pe,) int32
        Ascending within a telescope event.
    time : (n_pe,) float64, ns
    """

    offsets: NDArray[np.int64]
    pixel: NDArray[np.int32]
    time: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64]) -> PhotoElectrons:
        """Those of some telescope events."""
        sizes = np.diff(self.offsets)[rows]
        offsets = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(sizes, out=offsets[1:])
        entries = np.arange(offsets[-1]) + np.repeat(self.offsets[rows] - offsets[:-1], sizes)
        return PhotoElectrons(offsets, self.pixel[entries], self.time[entries])


def detect(kind: TelescopeKind, light: ArrivingLight) -> PhotoElectrons:
    """Find the pixel of every photo-electron; those outside of all pixels are lost."""
    content = kind.content
    found = np.empty(len(light.lon), np.int32)
    cells, width, left, bottom = kind.cells
    find_pixels(
        light.lon, light.lat, *kind.pixel_positions, cells, width, left, bottom,
        content.pixel_size, kind.lookup_shape, content.effective_focal_length,
        content.camera_rotation, found,
    )  # fmt: skip
    offsets = np.empty_like(light.offsets)
    count_inside(light.offsets, found, offsets)
    pixel, time = np.empty(offsets[-1], np.int32), np.empty(offsets[-1])
    sort_by_pixel(light.offsets, found, light.time, content.n_pixels, offsets, pixel, time)
    return PhotoElectrons(offsets, pixel, time)


def telescope_triggers(kind: TelescopeKind, pe: PhotoElectrons) -> NDArray[np.float64]:
    """Time (ns) at which each telescope triggers, (n,); NaN where it does not."""
    times = np.empty(len(pe.offsets) - 1)
    patch_trigger(
        pe.offsets, pe.pixel, pe.time, *kind.neighbors, kind.threshold, kind.trigger_window, times
    )
    return times


def array_trigger(
    n_events: int, event: NDArray[np.int64], min_telescopes: int
) -> NDArray[np.bool_]:
    """Events (n_events,) in which at least `min_telescopes` telescopes triggered.

    Parameters
    ----------
    event : (n,) int64
        Event of each telescope that triggered.
    """
    return np.asarray(np.bincount(event, minlength=n_events) >= min_telescopes)
