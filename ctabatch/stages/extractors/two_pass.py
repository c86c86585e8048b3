"""Two passes: the second looks where the time development of the first says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ctabatch.kernels import hillas, timing
from ctabatch.kernels.brightest_island import keep_brightest_island
from ctabatch.kernels.first_pass import SHIFT, WIDTH, first_pass
from ctabatch.kernels.peak_window import replace_invalid
from ctabatch.kernels.second_pass import (
    FIRST_SHIFT,
    FIRST_WIDTH,
    LAST_SHIFT,
    LAST_WIDTH,
    second_pass,
)
from ctabatch.kernels.selection import selected_pixels, selected_values
from ctabatch.kernels.tailcuts import tailcuts
from ctabatch.stages.charges import Charges
from ctabatch.stages.component import option

from .thresholds import TelescopeValues, values_per_event
from .traces import Traces

#: ctapipe's, by size class: the last entry that fits counts.
CORE_THRESHOLDS: TelescopeValues = (
    ("type", "*", 6.0),
    ("type", "LST*", 6.0),
    ("type", "MST*", 8.0),
    ("type", "SST*", 4.0),
)
#: Pixels of the main island that a line through their times needs.
_LEAST_PIXELS = 3


@dataclass(frozen=True)
class TwoPassWindowSum:
    """Window of 5 samples at the peak of the pixel, then where a line through the times puts it.

    Notes
    -----
    Source: ctapipe; J. Holder et al., Astropart. Phys. 25 (2006) 391. The line is the best
    one of `trimmed_line`, which ctapipe looks for from five random starts. Events without a second
    pass are not valid and keep the first.
    """

    core_threshold: tuple[tuple[str, str | int, float], ...] | float = option(
        CORE_THRESHOLDS,
        "least charge of core pixels of the cleaning between the passes, by telescope; "
        "the boundary threshold is half of it",
        unit="p.e.",
    )
    disable_second_pass: bool = option(False, "only do the first pass")
    apply_integration_correction: bool = option(True, "scale charges to the whole pulse")
    invalid_pixel_handler_type: Literal["NeighborAverage"] | None = option(
        "NeighborAverage", "what replaces invalid pixels between the passes"
    )

    def extract(self, traces: Traces) -> Charges:
        """Charge and peak time of every pixel, and which events had a second pass."""
        if traces.n_samples == 1:
            return traces.sums()
        apply = self.apply_integration_correction
        inside = traces.correction(WIDTH, SHIFT, apply)
        charge = np.empty(traces.samples.shape[:2], np.float64)
        image, time = traces.new_images()
        first_pass(
            traces.samples, traces.rows, traces.broken, traces.gain, inside, traces.sampling_rate,
            charge, time,
        )  # fmt: skip
        if self.disable_second_pass:
            image[:] = charge
            return traces.charges(image, time)
        if self.invalid_pixel_handler_type is not None:
            invalid = traces.calibration.invalid_pixels
            some: NDArray[np.bool_] = np.any(invalid, axis=1)
            for k in np.flatnonzero(some[traces.rows]):
                for values in (charge[k], time[k]):
                    replace_invalid(invalid[traces.rows[k]], *traces.neighbors, values)
        threshold = values_per_event(
            "core_threshold", self.core_threshold, traces.tel_type, traces.tel_id
        )
        island = _main_islands(charge, threshold, traces)
        ellipse, fit = _time_lines(charge, time, island, traces)
        corrections = [
            inside,
            traces.correction(FIRST_WIDTH, FIRST_SHIFT, apply),
            traces.correction(LAST_WIDTH, LAST_SHIFT, apply),
        ]
        peak_time = np.empty_like(time)
        is_valid = np.empty(len(traces), np.bool_)
        second_pass(
            traces.samples, traces.rows, traces.gain, island, charge, time, ellipse, fit,
            traces.geometry.pixel_x, traces.geometry.pixel_y, np.array(corrections),
            traces.sampling_rate, threshold, image, peak_time, is_valid,
        )  # fmt: skip
        return traces.charges(image, peak_time, is_valid)


def _main_islands(
    charge: NDArray[np.float64], threshold: NDArray[np.float64], traces: Traces
) -> NDArray[np.bool_]:
    """The brightest island of every image after a cleaning with one neighbour."""
    island = np.zeros(charge.shape, np.bool_)
    for value in np.unique(threshold):  # one, unless telescopes of a type have their own
        chosen = np.flatnonzero(threshold == value)
        all_of_them = len(chosen) == len(charge)
        images = charge if all_of_them else charge[chosen]
        mask = island if all_of_them else island[chosen]
        tailcuts(images, *traces.neighbors, float(value), float(value) / 2, 1, False, mask)
        keep_brightest_island(images, *traces.neighbors, mask)
        if not all_of_them:
            island[chosen] = mask
    return island


def _time_lines(
    charge: NDArray[np.float64],
    time: NDArray[np.float32],
    island: NDArray[np.bool_],
    traces: Traces,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ellipses (in m) and lines through the times along them; NaN without enough pixels."""
    geometry = traces.geometry
    enough: NDArray[np.bool_] = np.sum(island, axis=1) >= _LEAST_PIXELS
    chosen = island & enough[:, None]
    offsets, pixels = selected_pixels(chosen)
    size, when = np.empty(len(pixels)), np.empty(len(pixels))
    selected_values(charge, offsets, pixels, size)
    selected_values(time, offsets, pixels, when)
    ellipse = np.empty((len(traces), len(hillas.COLUMNS)))
    fit = np.empty((len(traces), len(timing.COLUMNS)))
    x, y = geometry.pixel_x, geometry.pixel_y
    hillas.hillas(offsets, pixels, size, x, y, geometry.pixel_area, ellipse)
    timing.timing(offsets, pixels, when, x, y, ellipse, fit)
    return ellipse, fit


__all__ = ["TwoPassWindowSum"]
