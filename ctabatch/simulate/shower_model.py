"""Showers and their light at telescopes. A toy: see the kernels for each formula and its source.

`ctabatch.kernels.cascade_parts` splits a shower into electromagnetic cascades,
`ctabatch.kernels.cascade_light` gives each its longitudinal profile and light,
`ctabatch.kernels.telescope_light` projects that into the field of view of a telescope and
`ctabatch.kernels.muon_light` does the same for rings of single muons.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctabatch.kernels import cascade_parts as columns
from ctabatch.kernels.atmosphere import height_at
from ctabatch.kernels.cascade_light import N_SLICES, slice_parts
from ctabatch.kernels.cascade_parts import MAX_PARTS, N_COLUMNS, draw_parts
from ctabatch.kernels.muon_light import count_ring, draw_ring
from ctabatch.kernels.slice_weights import count_photo_electrons
from ctabatch.kernels.telescope_light import draw_photo_electrons

from .cameras import TelescopeKind, telescope_kind
from .options import SimulationOptions
from .primaries import Primaries

#: Slices of cascades that are so far beyond the edge of the camera are left out, deg.
MARGIN = 1.5
#: Photo-electrons that all uses of a shower may have in all telescopes: their lists are in memory
#: at once. See `cut_to_fit`.
MAX_SHOWER_PE = 8_000_000


@dataclass(frozen=True, eq=False)
class ArrivingLight:
    """Photo-electrons of telescope events before the camera.

    Attributes
    ----------
    offsets : (n + 1,) int64
        Telescope event k owns entries ``offsets[k]`` to ``offsets[k + 1]`` of:
    lon, lat : (n_pe,) float32, rad
        Direction relative to the pointing, along rising azimuth and rising altitude.
    time : (n_pe,) float64, ns
        After the shower front reaches the core.
    """

    offsets: NDArray[np.int64]
    lon: NDArray[np.float32]
    lat: NDArray[np.float32]
    time: NDArray[np.float64]


def pointing_basis(altitude: float, azimuth: float) -> NDArray[np.float64]:
    """Unit vectors (3, 3): ahead, along rising azimuth, along rising altitude.

    Ground coordinates: x north, y west, z up; azimuth from north over east.
    """
    ca, sa, cz, sz = np.cos(altitude), np.sin(altitude), np.cos(azimuth), np.sin(azimuth)
    return np.array([[ca * cz, -ca * sz, sa], [-sz, -cz, 0.0], [-sa * cz, sa * sz, ca]])


def _edge(kind: TelescopeKind) -> float:
    """Cosine of the angle beyond which a telescope cannot see a slice."""
    return float(np.cos(np.deg2rad(kind.radius + MARGIN)))


def cut_to_fit(count: NDArray[np.int64], most: int) -> None:
    """Cut the brightest entries of `count` to one value, so that the sum is at most `most`.

    Only showers of tens of TeV that are used many times close to large telescopes are affected;
    their brightest images, which are saturated anyway, come out fainter than they should.
    """
    if count.sum() <= most:
        return
    ascending = np.sort(count, axis=None)
    below = np.concatenate([[0], np.cumsum(ascending)[:-1]])
    left = len(ascending) - np.arange(len(ascending))
    # the first entry from which on all share what the fainter ones leave
    first = np.argmax(below + left * ascending > most)
    np.minimum(count, (most - below[first]) // left[first], out=count)


class Showers:
    """Consecutive showers, ready to be looked at by telescopes.

    Attributes
    ----------
    primaries : Primaries
    count : (n_events, n_telescopes) int64
        Photo-electrons that reach the focal plane of each telescope.
    expected : (n_events, n_telescopes) float64
        Their mean.
    starting_grammage, x_max : (n_showers,) float64, g/cm2
        Slant depth where the primary starts, and of the maximum, averaged over cascades by energy.
    h_first_int, h_max : (n_showers,) float64, m
        Heights above sea level of the first interaction and of the maximum.
    """

    def __init__(self, options: SimulationOptions, primaries: Primaries) -> None:
        self.options, self.primaries = options, primaries
        kinds = [telescope_kind(place.kind) for place in options.array.places]
        self._position = np.array([[p.x, p.y, p.z] for p in options.array.places])
        self._radius = np.array([kind.mirror_radius for kind in kinds])
        efficiency = np.array([kind.efficiency for kind in kinds])
        self._energy = np.ascontiguousarray(primaries.showers[:, 0])
        self._axes = np.ascontiguousarray(primaries.showers[:, 1:])
        shape = (len(primaries.core), len(kinds))
        self.expected, self.count = np.empty(shape), np.empty(shape, np.int64)
        self._key = (options.seed, primaries.first, primaries.reuse)
        start = self._draw_cascades()
        if options.primary == "muon":
            self._impact = np.empty((*shape, 2))
            count_ring(
                *self._key, self._energy, self._axes, options.height, primaries.core,
                self._position, self._radius, efficiency, self._impact, self.expected, self.count,
            )  # fmt: skip
        else:
            collecting = efficiency * [kind.content.mirror_area for kind in kinds]
            count_photo_electrons(
                *self._key, self._offsets, self._direction, self._edges, self._slices,
                primaries.core, self._position, collecting, pointing_basis(*options.pointing)[0],
                np.array([_edge(kind) for kind in kinds]), self.expected, self.count,
            )  # fmt: skip
        for shower in self.count.reshape(len(start), -1):
            cut_to_fit(shower, MAX_SHOWER_PE)
        self.starting_grammage = np.zeros(len(start))
        upright = np.sin(self._axes[:, 0])
        self.h_first_int = np.array([height_at(depth) for depth in start * upright])
        self.h_max = np.array([height_at(depth) for depth in self.x_max * upright])

    def _draw_cascades(self) -> NDArray[np.float64]:
        n = len(self._energy)
        self._offsets = np.empty(n + 1, np.int64)
        parts, start = np.empty((n * MAX_PARTS, N_COLUMNS)), np.empty(n)
        seed, first, _ = self._key
        draw_parts(seed, first, self.options.primary_id, self._energy, self._offsets, parts, start)
        parts = parts[: self._offsets[-1]].copy()
        self._direction = np.empty((len(parts), 3))
        self._edges = np.empty((len(parts), N_SLICES + 1, 6))
        self._slices = np.empty((len(parts), N_SLICES, 4))
        slice_parts(
            self._offsets, parts, self._axes, self.options.height,
            self._direction, self._edges, self._slices,
        )  # fmt: skip
        shower = np.repeat(np.arange(n), np.diff(self._offsets))
        weight = parts[:, columns.ENERGY] * parts[:, columns.LIGHT]
        depth = parts[:, columns.START] + parts[:, columns.RISE]
        total = np.bincount(shower, weight, n)
        summed = np.bincount(shower, weight * depth, n)
        self.x_max = np.divide(summed, total, out=start.copy(), where=total > 0)
        return start

    def light(
        self, kind: TelescopeKind, event: NDArray[np.int64], tel: NDArray[np.int64]
    ) -> ArrivingLight:
        """Draw the photo-electrons of telescope events.

        Parameters
        ----------
        kind : TelescopeKind
            Of all these telescopes.
        event, tel : (n,) int64
            Rows of the events and of the telescopes.
        """
        offsets = np.zeros(len(event) + 1, np.int64)
        np.cumsum(self.count[event, tel], out=offsets[1:])
        n_pe = int(offsets[-1])
        out = np.empty(n_pe, np.float32), np.empty(n_pe, np.float32), np.empty(n_pe)
        basis = pointing_basis(*self.options.pointing)
        blur = float(np.deg2rad(kind.blur))
        if self.options.primary == "muon":
            draw_ring(
                *self._key, self._energy, self._axes, self.options.height, self._impact,
                self._radius, event, tel, basis, blur, kind.jitter, offsets, *out,
            )  # fmt: skip
        else:
            draw_photo_electrons(
                *self._key, self._offsets, self._direction, self._edges, self._slices,
                self.primaries.core, self._position, event, tel, basis, _edge(kind), blur,
                kind.jitter, offsets, *out,
            )  # fmt: skip
        return ArrivingLight(offsets, *out)
