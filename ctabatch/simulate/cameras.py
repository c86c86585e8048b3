"""Kinds of telescopes that are simulated: toys of three sizes with generated cameras.

Sizes, focal lengths and sampling are those of telescopes of the same class in round numbers (The
CTA Consortium, Astropart. Phys. 43, 3 (2013), table 1); everything else is invented. They are no
model of any real telescope, and their names say so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import OptionError
from ctabatch.instrument.camera import Neighbors
from ctabatch.io.simtel_writer.content import CameraContent
from ctabatch.kernels.neighbors import find_neighbors
from ctabatch.kernels.pixel_lookup import HEXAGON, MAX_CANDIDATES, SQUARE, fill_cells

from .pulses import Pulse


@dataclass(frozen=True, eq=False)
class TelescopeKind:
    """A kind of telescope: what a file says of it, and what the simulation needs besides.

    Attributes
    ----------
    name : str
        Name in array files.
    index : int
        Number that tells its streams of random numbers from those of other kinds.
    content : CameraContent
    pulse : Pulse
    mirror_radius : float, m
    efficiency : float
        Photo-electrons per photon of 300 to 600 nm on the mirror.
    blur : float, deg
        Standard deviation of the mirror's image of a point.
    jitter : float, ns
        Standard deviation of arrival times in mirror and photosensor.
    night_sky : float
        Photo-electrons per ns and pixel of a dark sky.
    counts_per_pe : tuple of float
        ADC counts per photo-electron, summed over the pulse, by gain.
    electronic_noise : tuple of float
        Standard deviation of a sample, ADC counts, by gain.
    pedestal : float
        ADC counts per sample.
    highest : int
        Largest ADC value.
    threshold : int
        Photo-electrons in a pixel and its neighbours for a trigger.
    trigger_window : float, ns
    trigger_delay : float, ns
        From the start of the readout to the trigger.
    """

    name: str
    index: int
    content: CameraContent
    pulse: Pulse
    mirror_radius: float
    efficiency: float
    blur: float
    jitter: float
    night_sky: float
    counts_per_pe: tuple[float, ...]
    electronic_noise: tuple[float, ...]
    pedestal: float
    highest: int
    threshold: int
    trigger_window: float
    trigger_delay: float

    @property
    def bytes_per_event(self) -> int:
        """Size of the waveforms of one telescope event."""
        return 2 * self.content.n_gains * self.content.n_pixels * self.content.n_samples

    @property
    def lookup_shape(self) -> int:
        """Code of the shape of pixels for `find_pixels`."""
        return SQUARE if self.content.pixel_shape == 2 else HEXAGON

    @cached_property
    def pixel_positions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixel centres before the rotation of the camera, m."""
        return self.content.pixel_x.astype(np.float64), self.content.pixel_y.astype(np.float64)

    @cached_property
    def radius(self) -> float:
        """Of the camera to its outermost pixel, deg."""
        farthest = float(np.hypot(*self.pixel_positions).max())
        return math.degrees(farthest / self.content.effective_focal_length)

    @cached_property
    def neighbors(self) -> Neighbors:
        """Neighbours of pixels in compressed rows."""
        return find_neighbors(*self.pixel_positions, square=self.lookup_shape == SQUARE)

    @cached_property
    def cells(self) -> tuple[NDArray[np.int32], float, float, float]:
        """Search grid of `find_pixels`: cells, their width, left and bottom corner (m)."""
        x, y = self.pixel_positions
        width = self.content.pixel_size
        left, bottom = float(x.min() - 2 * width), float(y.min() - 2 * width)
        columns = math.ceil((x.max() + 2 * width - left) / width)
        rows = math.ceil((y.max() + 2 * width - bottom) / width)
        cells = np.empty((rows, columns, MAX_CANDIDATES), np.int32)
        if not fill_cells(x, y, width, left, bottom, cells):
            raise AssertionError(f"pixels of {self.name} overlap")
        return cells, width, left, bottom


def hexagonal_camera(n_pixels: int, pitch: float) -> NDArray[np.float64]:
    """Centres (n_pixels, 2) of the `n_pixels` points of a hexagonal grid nearest to its centre.

    Rows run along x. The order is from row to row, from left to right.
    """
    reach = math.ceil(math.sqrt(n_pixels)) + 2
    steps = np.arange(-reach, reach + 1)
    q, r = np.tile(steps, len(steps)), np.repeat(steps, len(steps))
    squared = q * q + q * r + r * r
    # among equally distant points by direction, so that the cut is the same everywhere
    direction = np.arctan2(math.sqrt(3) * r, 2 * q + r).round(9)
    chosen = np.lexsort((direction, squared))[:n_pixels]
    q, r = q[chosen], r[chosen]
    order = np.lexsort((q, r))
    q, r = q[order], r[order]
    return np.column_stack([(q + 0.5 * r) * pitch, math.sqrt(0.75) * r * pitch])


def square_module_camera(modules: tuple[int, ...], side: int, pitch: float, gap: float
                         ) -> NDArray[np.float64]:  # fmt: skip
    """Centres (n_pixels, 2) of a camera of square modules.

    Parameters
    ----------
    modules : tuple of int
        Modules in each row, rows centred.
    side : int
        Pixels along the edge of a module.
    pitch, gap : float
        Distance of pixels, and what modules are farther apart than that, m.
    """
    step = side * pitch + gap
    inner = (np.arange(side) - (side - 1) / 2) * pitch
    centres = [
        ((column - (n - 1) / 2) * step, (row - (len(modules) - 1) / 2) * step)
        for row, n in enumerate(modules)
        for column in range(n)
    ]
    return np.array([(cx + x, cy + y) for cx, cy in centres for y in inner for x in inner])


def _content(
    name: str,
    centres: NDArray[np.float64],
    pixel_size: float,
    pulse: Pulse,
    *,
    square: bool = False,
    mirror_class: int,
    mirror_area: float,
    n_mirror_tiles: int,
    focal_length: float,
    effective_focal_length: float,
    camera_rotation: float,
    n_gains: int,
    n_samples: int,
) -> CameraContent:
    return CameraContent(
        optics_name=name,
        camera_name=f"{name}Cam",
        mirror_class=mirror_class,
        mirror_area=mirror_area,
        n_mirror_tiles=n_mirror_tiles,
        focal_length=focal_length,
        effective_focal_length=effective_focal_length,
        pixel_x=centres[:, 0].astype(np.float32),
        pixel_y=centres[:, 1].astype(np.float32),
        pixel_area=pixel_size**2 * (1 if square else math.sqrt(0.75)),
        pixel_size=pixel_size,
        pixel_shape=2 if square else 1,
        camera_rotation=camera_rotation,
        n_gains=n_gains,
        n_samples=n_samples,
        time_slice=pulse.time_slice,
        reference_pulse=np.tile(pulse.reference, (n_gains, 1)),
        reference_step=pulse.step,
    )


@cache
def toy_lst() -> TelescopeKind:
    """23 m mirror, 1855 hexagons of 0.1 deg, two gains, samples of 1 ns."""
    pulse = Pulse(rise=1.1, fall=1.7, time_slice=1.0, step=0.25)
    content = _content(
        "ToyLST", hexagonal_camera(1855, 0.050), 0.050, pulse, mirror_class=0, mirror_area=387.0,
        n_mirror_tiles=198, focal_length=28.0, effective_focal_length=29.0,
        camera_rotation=math.radians(10.0), n_gains=2, n_samples=40,
    )  # fmt: skip
    return TelescopeKind(
        "lst", 0, content, pulse, mirror_radius=11.5, efficiency=0.08, blur=0.03, jitter=0.5,
        night_sky=0.25, counts_per_pe=(60.0, 3.75), electronic_noise=(4.0, 1.2), pedestal=400.0,
        highest=4095, threshold=22, trigger_window=6.0, trigger_delay=15.0,
    )  # fmt: skip


@cache
def toy_mst() -> TelescopeKind:
    """12 m mirror, 1764 hexagons of 0.18 deg, one gain, samples of 4 ns."""
    pulse = Pulse(rise=4.0, fall=7.0, time_slice=4.0, step=1.0)
    content = _content(
        "ToyMST", hexagonal_camera(1764, 0.050), 0.050, pulse, mirror_class=0, mirror_area=100.0,
        n_mirror_tiles=86, focal_length=16.0, effective_focal_length=16.4,
        camera_rotation=0.0, n_gains=1, n_samples=32,
    )  # fmt: skip
    return TelescopeKind(
        "mst", 1, content, pulse, mirror_radius=5.75, efficiency=0.08, blur=0.04, jitter=1.0,
        night_sky=0.22, counts_per_pe=(20.0,), electronic_noise=(1.5,), pedestal=300.0,
        highest=16383, threshold=18, trigger_window=10.0, trigger_delay=44.0,
    )  # fmt: skip


@cache
def toy_sst() -> TelescopeKind:
    """4 m mirrors, 2048 squares of 0.16 deg in 32 modules, one gain, samples of 4 ns."""
    pulse = Pulse(rise=4.0, fall=6.0, time_slice=4.0, step=1.0)
    centres = square_module_camera((4, 6, 6, 6, 6, 4), 8, 0.0062, 0.0006)
    content = _content(
        "ToySST", centres, 0.0060, pulse, square=True, mirror_class=2, mirror_area=8.0,
        n_mirror_tiles=18, focal_length=2.15, effective_focal_length=2.20,
        camera_rotation=0.0, n_gains=1, n_samples=32,
    )  # fmt: skip
    return TelescopeKind(
        "sst", 2, content, pulse, mirror_radius=2.0, efficiency=0.10, blur=0.06, jitter=1.0,
        night_sky=0.04, counts_per_pe=(20.0,), electronic_noise=(1.5,), pedestal=200.0,
        highest=16383, threshold=12, trigger_window=12.0, trigger_delay=44.0,
    )  # fmt: skip


_KINDS = {"lst": toy_lst, "mst": toy_mst, "sst": toy_sst}
KIND_NAMES = tuple(_KINDS)


def telescope_kind(name: str) -> TelescopeKind:
    """Kind of telescope of this name; OptionError if there is none."""
    if name not in _KINDS:
        raise OptionError.unknown_name("kind of telescope", name, _KINDS)
    return _KINDS[name]()
