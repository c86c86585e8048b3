"""What a file is written from: the run with its telescopes, and batches of simulated events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class CameraContent:
    """Everything a file says about the telescopes of one kind.

    Attributes
    ----------
    optics_name, camera_name : str
    mirror_class : int
        0 segmented, 1 solid parabolic, 2 dual mirror.
    mirror_area : float, m2
    n_mirror_tiles : int
    focal_length, effective_focal_length : float, m
    pixel_x, pixel_y : (n_pixels,) float32, m
    pixel_area : float, m2
    pixel_size : float, m
        Flat-to-flat diameter.
    pixel_shape : int
        0 circle, 1 hexagon, 2 square, 3 hexagon turned by 30 deg.
    camera_rotation : float, rad
    n_gains, n_samples : int
    time_slice : float, ns
    reference_pulse : (n_gains, n_steps) float32
        Pulse shape in steps of `reference_step` ns; at least the first row.
    reference_step : float, ns
    """

    optics_name: str
    camera_name: str
    mirror_class: int
    mirror_area: float
    n_mirror_tiles: int
    focal_length: float
    effective_focal_length: float
    pixel_x: NDArray[np.float32]
    pixel_y: NDArray[np.float32]
    pixel_area: float
    pixel_size: float
    pixel_shape: int
    camera_rotation: float
    n_gains: int
    n_samples: int
    time_slice: float
    reference_pulse: NDArray[np.float32]
    reference_step: float

    @property
    def n_pixels(self) -> int:
        """Number of pixels."""
        return len(self.pixel_x)


@dataclass(frozen=True, eq=False)
class TelescopeContent:
    """One telescope: where it stands and its calibration.

    Attributes
    ----------
    tel_id : int
    position : (3,) float32, m
        x north, y west, z up.
    camera : CameraContent
    pedestal : (n_gains, n_pixels) float32
        ADC counts per sample.
    pedestal_noise : (n_gains, n_pixels) float32
        Standard deviation of one sample, ADC counts.
    dc_to_pe : (n_gains, n_pixels) float32
        Photo-electrons per ADC count.
    time_shift : (n_gains, n_pixels) float32, ns
    disabled_pixels : (k,) int32
    """

    tel_id: int
    position: NDArray[np.float32]
    camera: CameraContent
    pedestal: NDArray[np.float32]
    pedestal_noise: NDArray[np.float32]
    dc_to_pe: NDArray[np.float32]
    time_shift: NDArray[np.float32]
    disabled_pixels: NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class RunContent:
    """One run.

    Attributes
    ----------
    obs_id : int
    array_name : str
    latitude, longitude : float, deg; altitude : float, m
    pointing_azimuth, pointing_altitude : float, rad
    start_time : int
        Unix time.
    simulation : dict
        Words of the MC run header by the names eventio gives them (``n_showers``, ``n_use``,
        ``E_range``, ``core_range``, ``viewcone``, ``alt_range``, ``az_range``, ``spectral_index``,
        ``diffuse``, ``core_pos_mode``, ...); words that are not named become 0.
    input_card : str
    telescopes : tuple of TelescopeContent
    """

    obs_id: int
    array_name: str
    latitude: float
    longitude: float
    altitude: float
    pointing_azimuth: float
    pointing_altitude: float
    start_time: int
    simulation: dict[str, Any]
    input_card: str
    telescopes: tuple[TelescopeContent, ...]


@dataclass(eq=False)
class TelescopeData:
    """Telescope events of one kind of camera in a batch.

    Attributes
    ----------
    event : (n,) int64
        Row in `SimulatedEvents` of the array event.
    tel_id : (n,) int64
    waveform : (n, n_gains, n_pixels, n_samples) uint16
        ADC counts, or (n, n_gains, n_pixels, 1) uint32 for sums.
    trigger_time : (n,) float32, ns
        After the central trigger time.
    pe_offsets : (n + 1,) int64; pe_pixel : (m,) int32; pe_time : (m,) float32, ns
        True photo-electrons of event k: entries ``pe_offsets[k]`` to ``pe_offsets[k + 1]``, sorted
        by pixel.
    read_out : (n, n_pixels) bool, optional
        For zero-suppressed data: pixels to be written.
    """

    event: NDArray[np.int64]
    tel_id: NDArray[np.int64]
    waveform: NDArray[Any]
    trigger_time: NDArray[np.float32]
    pe_offsets: NDArray[np.int64]
    pe_pixel: NDArray[np.int32]
    pe_time: NDArray[np.float32]
    read_out: NDArray[np.bool_] | None = None


@dataclass(eq=False)
class SimulatedEvents:
    """Consecutive showers with all their uses, in the order of the file.

    Attributes
    ----------
    shower_id : (n_showers,) int64
    primary_id : (n_showers,) int64
        0 gamma, 1 electron, 2 muon, 101 proton.
    energy : (n_showers,) float64, TeV
    azimuth, altitude : (n_showers,) float64, rad
        Direction the primary comes from.
    starting_grammage, x_max : (n_showers,) float64, g/cm2
    h_first_int, h_max : (n_showers,) float64, m
    shower : (n_events,) int64
        Row of the shower that each event uses; ascending.
    event_id : (n_events,) int64
    core_x, core_y : (n_events,) float64, m
    seconds, nanoseconds : (n_events,) int64
        Central trigger time, Unix UTC.
    triggered : (n_events,) bool
        Whether the array event is in the file; telescope data belong to these only.
    telescopes : list of TelescopeData
        One per kind of camera that has data.
    pe_sums : (n_events, n_telescopes) int64
        Photo-electrons in every telescope of the run, triggered or not.
    """

    shower_id: NDArray[np.int64]
    primary_id: NDArray[np.int64]
    energy: NDArray[np.float64]
    azimuth: NDArray[np.float64]
    altitude: NDArray[np.float64]
    starting_grammage: NDArray[np.float64]
    x_max: NDArray[np.float64]
    h_first_int: NDArray[np.float64]
    h_max: NDArray[np.float64]
    shower: NDArray[np.int64]
    event_id: NDArray[np.int64]
    core_x: NDArray[np.float64]
    core_y: NDArray[np.float64]
    seconds: NDArray[np.int64]
    nanoseconds: NDArray[np.int64]
    triggered: NDArray[np.bool_]
    telescopes: list[TelescopeData] = field(default_factory=list)
    pe_sums: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))
