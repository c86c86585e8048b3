"""What a figure of one array event needs: its telescopes, images, waveforms and truth.

`simtel_events` and `stored_events` make these from files and from datasets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.config import StereoConfig
from ctabatch.errors import OptionError
from ctabatch.geometry import GeometryStep
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.instrument.frames import sky_to_field
from ctabatch.instrument.subarray import SubarrayDescription, TelescopeDescription
from ctabatch.stages.extract import ExtractionOptions
from ctabatch.stages.telescope_groups import PARAMETERS, TelescopeRows
from ctabatch.stages.windows import Windows, integration_windows


@dataclass(frozen=True, eq=False)
class Traces:
    """Waveforms of one telescope event.

    Attributes
    ----------
    r1 : (n_pixels, n_samples) float32
        Photo-electrons per sample of the selected gain.
    raw : (n_gains, n_pixels, n_samples) int or None
        ADC counts.
    gain : (n_pixels,) int8
        Selected gain channel.
    time_shift : (n_pixels,) float32, ns
        Subtracted from sample times to make peak times.
    blank : (n_pixels,) bool
        Invalid pixels, whose charge is the mean of their neighbours, and those without data.
    options : ExtractionOptions
        How the charges were extracted.
    """

    r1: NDArray[np.float32]
    raw: NDArray[Any] | None
    gain: NDArray[np.int8]
    time_shift: NDArray[np.float32]
    blank: NDArray[np.bool_]
    options: ExtractionOptions

    def windows(self, geometry: CameraGeometry) -> Windows | None:
        """Integration windows; None if the extractor has no single window per pixel."""
        return integration_windows(self.r1, geometry, self.options.extractor, self.blank)


@dataclass(frozen=True, eq=False)
class TelescopeImage:
    """One telescope event.

    Attributes
    ----------
    obs_id, event_id : int
    telescope : TelescopeDescription
    columns : mapping
        Columns of dl1/images by name: arrays (n_pixels,), or None where there is no value.
    parameters : mapping or None
        Columns of dl1/parameters.
    pointing : tuple of float
        Altitude and azimuth of the telescope in rad, NaN where unknown.
    traces : Traces or None
    """

    obs_id: int
    event_id: int
    telescope: TelescopeDescription
    columns: Mapping[str, NDArray[Any] | None]
    parameters: Mapping[str, Any] | None
    pointing: tuple[float, float]
    traces: Traces | None = None

    @property
    def tel_id(self) -> int:
        return self.telescope.tel_id

    @property
    def geometry(self) -> CameraGeometry:
        return self.telescope.geometry

    @property
    def title(self) -> str:
        """Telescope and its type, the name of a camera that both have only once."""
        name = f"{self.telescope.type} {self.telescope.optics.name} {self.geometry.name}"
        words = list(dict.fromkeys(name.replace("_", " ").split()))
        return f"telescope {self.tel_id}: {' '.join(words)}"

    @property
    def brightness(self) -> float:
        """Charge of the pixels that survive cleaning, p.e.; without an image, its intensity."""
        image, mask = self.columns.get("image"), self.columns.get("image_mask")
        if image is not None and mask is not None:
            return float(np.nansum(image[mask], dtype=np.float64))
        return float(np.nan_to_num((self.parameters or {}).get("hillas_intensity") or 0.0))

    def pixel_column(self, name: str) -> NDArray[Any]:
        """One value per pixel.

        Raises
        ------
        OptionError
            There is no such column of pixels, or it is empty for this telescope.
        """
        if name not in self.columns:
            raise OptionError.unknown_name("column of dl1/images", name, self.columns)
        values = self.columns[name]
        if values is None:
            raise OptionError(
                f"event {self.event_id}, telescope {self.tel_id}: no values of {name}: the "
                "simulation did not store them"
            )
        return values


@dataclass(frozen=True, eq=False)
class ArrayEvent:
    """One array event.

    Attributes
    ----------
    obs_id, event_id : int
    subarray : SubarrayDescription
    triggered : list of int
    images : list of TelescopeImage
        Brightest first.
    shower : mapping or None
        Simulated shower, by the columns of the table shower.
    array_pointing : tuple of float
        Altitude and azimuth in rad, NaN where unknown.
    stored_geometry : mapping or None
        The row of dl2/geometry, if the input has one.
    quality : mapping
        Criteria for images that a geometry is computed from.
    """

    obs_id: int
    event_id: int
    subarray: SubarrayDescription
    triggered: list[int]
    images: list[TelescopeImage]
    shower: Mapping[str, Any] | None
    array_pointing: tuple[float, float]
    stored_geometry: Mapping[str, Any] | None = None
    quality: Mapping[str, str] = field(default_factory=lambda: StereoConfig().quality)

    def image(self, tel_id: int) -> TelescopeImage:
        """The image of one telescope.

        Raises
        ------
        OptionError
            It has none in this event.
        """
        for one in self.images:
            if one.tel_id == tel_id:
                return one
        there = ", ".join(str(t) for t in sorted(one.tel_id for one in self.images))
        raise OptionError(
            f"event {self.event_id} has no image of telescope {tel_id}; it has those of: {there}"
        )

    def source_position(self, image: TelescopeImage) -> tuple[float, float] | None:
        """Where a telescope saw the simulated shower come from: fov_lon, fov_lat in deg."""
        if self.shower is None:
            return None
        direction = self.shower["true_alt"], self.shower["true_az"]
        alt, az = np.degrees(image.pointing)
        if None in direction or not np.isfinite([*direction, alt, az]).all():
            return None
        lon, lat = sky_to_field(*direction, alt, az)
        return float(lon), float(lat)

    @property
    def true_core(self) -> tuple[float, float] | None:
        """North and west in m."""
        if self.shower is None:
            return None
        core = self.shower["true_core_x"], self.shower["true_core_y"]
        return None if None in core else core

    @property
    def reconstructed_core(self) -> tuple[float, float] | None:
        """North and west in m: as stored, else computed from the images; None without one."""
        geometry = self.stored_geometry or self.computed_geometry
        for name in [key for key in geometry if key.endswith("_is_valid")]:
            prefix = name.removesuffix("is_valid")
            if geometry[name]:
                return geometry[f"{prefix}core_x"], geometry[f"{prefix}core_y"]
        return None

    @cached_property
    def computed_geometry(self) -> dict[str, Any]:
        """A row of dl2/geometry from the image parameters; empty if there are none."""
        images = [one for one in self.images if one.parameters is not None]
        if not images:
            return {}
        step = GeometryStep(StereoConfig(quality=dict(self.quality)))
        rows = TelescopeRows(
            event=np.zeros(len(images), np.int64),
            tel_id=np.array([one.tel_id for one in images]),
            position=np.array([one.telescope.position for one in images]),
            pointing=np.array([one.pointing for one in images], np.float64),
            camera_radius=np.array([one.geometry.radius_deg for one in images]),
            usable=step.usable(_table(images, step.quality.columns)),
            parameters={f"hillas_{name}": _column(images, f"hillas_{name}") for name in PARAMETERS},
        )
        geometry, _ = step.run(
            np.array([self.obs_id], np.int32),
            np.array([self.event_id], np.int64),
            np.array([self.array_pointing], np.float64),
            np.array([self.subarray.reference_location[2]]),
            [rows],
        )
        return dict(geometry.to_pylist()[0])


def _column(images: list[TelescopeImage], name: str) -> NDArray[np.float64]:
    values = [one.parameters[name] for one in images if one.parameters is not None]
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _table(images: list[TelescopeImage], names: Iterable[str]) -> Any:
    import pyarrow as pa

    from ctabatch.schemas.parameters import parameters

    schema = parameters("both")
    fields = [schema.field(name) for name in sorted(names)]
    rows = [dict(one.parameters) for one in images if one.parameters is not None]
    return pa.Table.from_pylist(rows, schema=pa.schema(fields))


@dataclass(frozen=True)
class Wanted:
    """Which array event is meant: the first that has all that is given.

    Attributes
    ----------
    obs_id, event_id, tel_id : int or None
    """

    obs_id: int | None = None
    event_id: int | None = None
    tel_id: int | None = None

    def fits(self, obs_id: int, event_id: int, tel_ids: Iterable[int]) -> bool:
        """Whether an event with these telescopes is meant.

        If the event is named, a telescope that it lacks is told by `ArrayEvent.image`.
        """
        return (
            self.obs_id in (None, obs_id)
            and self.event_id in (None, event_id)
            and (self.tel_id is None or self.event_id is not None or self.tel_id in tel_ids)
        )

    def missing(self, events: Mapping[tuple[int, int], Iterable[int]], where: str) -> OptionError:
        """Error that names the nearest and the first of what is there.

        Parameters
        ----------
        events : mapping
            (obs_id, event_id) -> telescopes, of all events with images.
        where : str
            The input.
        """
        if not events:
            return OptionError(f"{where}: no event with telescope data in it")
        observations = {obs_id for obs_id, _ in events}
        if self.obs_id is not None and self.obs_id not in observations:
            return _absent("observation", self.obs_id, observations, where)
        own = {key: tels for key, tels in events.items() if self.obs_id in (None, key[0])}
        if self.event_id is not None:
            return _absent("event", self.event_id, (key[1] for key in own), where)
        tel_ids = {tel_id for tels in own.values() for tel_id in tels}
        return _absent("image of telescope", self.tel_id or 0, tel_ids, where)


def _absent(what: str, wanted: int, known: Iterable[int], where: str) -> OptionError:
    there = sorted(set(known))
    near = sorted(sorted(there, key=lambda n: abs(n - wanted))[:3])
    first = ", ".join(map(str, there[:5]))
    return OptionError(
        f"{where}: no {what} {wanted} with data. Nearest: {', '.join(map(str, near))}. "
        f"First of {len(there):,}: {first}"
    )


__all__ = ["ArrayEvent", "TelescopeImage", "Traces", "Wanted"]
