"""Histograms at the end of a file: simulated and triggered showers by distance and energy.

Source: EventIO type 100 version 2, ``write_histograms`` of the hessio library; numbers and titles
as sim_telarray books them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from .content import RunContent, SimulatedEvents
from .framing import Object, array, f32, i16, i32, leaf

#: Bins of distance; bins per decade of energy.
N_DISTANCES, BINS_PER_DECADE = 200, 20

#: id -> (title, distance in space rather than on the ground, only triggered events).
BOOKED = {
    1: ("Events, without weights (Ra, log10(E))", False, False),
    2: ("Array triggered, without weights (Ra, log10(E))", False, True),
    6: ("Events, without weights (Ra3d, log10(E))", True, False),
    7: ("Array triggered, without weights (Ra3d, log10(E))", True, True),
}


def axis_distance(
    core_x: NDArray[np.float64],
    core_y: NDArray[np.float64],
    azimuth: NDArray[np.float64],
    altitude: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Distance of the centre of the array from the shower axis, m.

    The axis goes through (core_x, core_y, 0) along (cos alt cos az, -cos alt sin az, sin alt).
    """
    along = np.cos(altitude) * (core_x * np.cos(azimuth) - core_y * np.sin(azimuth))
    return np.sqrt(np.maximum(core_x**2 + core_y**2 - along**2, 0))


@dataclass(eq=False)
class Histogram:
    """Counts by distance (x, m) and log10 energy (y, TeV).

    Attributes
    ----------
    counts : (n_y + 2, n_x + 2) int64
        With a margin for what lies outside.
    sums : (2, 2) float64
        Sum of x and y, over all entries and over those inside.
    """

    ident: int
    title: str
    lower: tuple[float, float]
    upper: tuple[float, float]
    n_bins: tuple[int, int]
    counts: NDArray[np.int64] = field(init=False)
    sums: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = np.zeros((self.n_bins[1] + 2, self.n_bins[0] + 2), np.int64)
        self.sums = np.zeros((2, 2))

    def fill(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        """Add entries."""
        index = []
        for values, low, high, n in zip((x, y), self.lower, self.upper, self.n_bins, strict=True):
            scaled = np.floor((values - low) / (high - low) * n)
            index.append(np.clip(scaled, -1, n).astype(np.int64) + 1)
        np.add.at(self.counts, (index[1], index[0]), 1)
        inside = np.ones(len(x), bool)
        for k, n in zip(index, self.n_bins, strict=True):
            inside &= (k > 0) & (k <= n)
        self.sums[0] += x.sum(), y.sum()
        self.sums[1] += x[inside].sum(), y[inside].sum()

    def content(self) -> bytes:
        """The histogram as bytes."""
        inner = self.counts[1:-1, 1:-1]
        entries, inside = int(self.counts.sum()), int(inner.sum())
        title = self.title.encode()
        head = b"F" + i16(len(title)) + title + bytes(len(title) % 2 == 0)
        head += i32(self.ident) + i16(*self.n_bins) + i32(entries, inside)
        for k, margin in enumerate((self.counts.sum(axis=0), self.counts.sum(axis=1))):
            head += i32(int(margin[0]), int(margin[-1]))
            head += f32(self.lower[k], self.upper[k], *self.sums[:, k])
        outside = np.array(
            [block.sum() for block in _margins(self.counts)], np.float64
        )  # row by row around the inside
        head += f32(entries, inside) + array(outside, "<f4")
        return head + (array(inner, "<f4") if inside else b"")


def _margins(counts: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    cuts = (slice(0, 1), slice(1, -1), slice(-1, None))
    return [counts[y, x] for y in cuts for x in cuts if y != cuts[1] or x != cuts[1]]


class ShowerHistograms:
    """The histograms of a run, filled as its events are written.

    Parameters
    ----------
    run : RunContent
        Its ranges of core distance and energy are covered: at least 0 to 1 km and 1 GeV to 1 PeV.
    """

    def __init__(self, run: RunContent) -> None:
        core, energy = (
            np.ravel(run.simulation.get(name, 0.0)) for name in ("core_range", "E_range")
        )
        far = max(1000.0, 100 * math.ceil(float(core.max()) / 100))
        logs = np.log10(energy[energy > 0]) if (energy > 0).any() else np.zeros(1)
        low = min(-3, math.floor(logs.min() - 1e-6))
        high = max(3, math.ceil(logs.max() + 1e-6))
        bins = (N_DISTANCES, BINS_PER_DECADE * (high - low))
        self.histograms = {
            ident: Histogram(ident, title, (0.0, low), (far, high), bins)
            for ident, (title, _, _) in BOOKED.items()
        }

    def fill(self, events: SimulatedEvents, part: slice) -> None:
        """Count some uses of showers of a batch."""
        shower, triggered = events.shower[part], events.triggered[part]
        core_x, core_y = events.core_x[part], events.core_y[part]
        log_energy = np.log10(events.energy[shower])
        azimuth, altitude = events.azimuth[shower], events.altitude[shower]
        ground = np.hypot(core_x, core_y)
        space = axis_distance(core_x, core_y, azimuth, altitude)
        for ident, (_, in_space, only_triggered) in BOOKED.items():
            keep = triggered if only_triggered else slice(None)
            distance = space if in_space else ground
            self.histograms[ident].fill(distance[keep], log_energy[keep])

    def object(self) -> Object:
        """All histograms as the object that ends the file."""
        content = i16(len(self.histograms))
        content += b"".join(h.content() for h in self.histograms.values())
        return leaf(100, content, version=2, ident=1)
