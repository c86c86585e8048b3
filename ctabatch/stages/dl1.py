"""The DL1 stage: raw data of a batch of telescope events become rows of images and parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.instrument.calibration import CameraCalibration
from ctabatch.instrument.camera import CameraGeometry
from ctabatch.kernels.core_psi import core_psi
from ctabatch.kernels.impact import impact_distance
from ctabatch.schemas.image_parameters import true_image_parameters
from ctabatch.schemas.images import images
from ctabatch.schemas.parameters import parameters

from .charges import Charges
from .cleaners.tailcuts import TailcutsImageCleaner
from .cleaners.thresholds import ImageCleaner
from .columns import Nullable, record_batch, tensor_array
from .component import as_shaped, guarded
from .extract import ExtractionOptions, extract
from .parametrise import Frame, parametrise
from .saturation import SaturationFlags
from .tuning.image_modifier import ImageModifier


@dataclass(frozen=True)
class Dl1Options:
    """Options of all DL1 steps."""

    extraction: ExtractionOptions = field(default_factory=ExtractionOptions)
    image_modifier: ImageModifier = field(default_factory=ImageModifier)
    saturation: SaturationFlags = field(default_factory=SaturationFlags)
    cleaner: ImageCleaner = field(default_factory=TailcutsImageCleaner)
    frame: Frame = "telescope"


@dataclass(eq=False)
class TelescopeEvents:
    """What the DL1 stage needs to know of a batch of telescope events of one camera.

    Attributes
    ----------
    obs_id : int
    event_id, tel_id : (n,) int64
    waveform : (n, n_gains, n_pixels, n_samples) uint16, uint32 for sums
    read_out : (n, n_pixels) bool or None
        None if all pixels were read out.
    calibration_row : (n,) int64
    calibration : CameraCalibration
    geometry : CameraGeometry
    true_image : (n, n_pixels) int32 or None
        -1 in all pixels where there is none.
    true_image_sum : (n,) int64
        -1 where unknown.
    position : (n, 3) float64, m
        Of the telescopes.
    pointing : (n, 2) float64, rad
        Altitude and azimuth of the telescopes.
    array_pointing : (n, 2) float64, rad
        Altitude and azimuth of the array, NaN where unknown.
    axis : (n, 4) float64
        Simulated shower: altitude, azimuth (rad), core x, y (m); NaN where there is none.
    tel_type : str
    """

    obs_id: int
    event_id: NDArray[np.int64]
    tel_id: NDArray[np.int64]
    waveform: NDArray[Any]
    read_out: NDArray[np.bool_] | None
    calibration_row: NDArray[np.int64]
    calibration: CameraCalibration
    geometry: CameraGeometry
    true_image: NDArray[np.int32] | None
    true_image_sum: NDArray[np.int64]
    position: NDArray[np.float64]
    pointing: NDArray[np.float64]
    array_pointing: NDArray[np.float64]
    axis: NDArray[np.float64]
    tel_type: str = ""

    def __len__(self) -> int:
        return len(self.event_id)

    def without_waveforms(self) -> TelescopeEvents:
        """The same with no samples, which take most of the memory."""
        return replace(
            self, waveform=np.empty((0, 0, 0, 0), np.uint16), read_out=None, true_image=None
        )

    def keys(self) -> dict[str, Any]:
        """Columns that identify the rows."""
        return {
            "obs_id": np.full(len(self), self.obs_id, np.int32),
            "event_id": self.event_id,
            "tel_id": self.tel_id.astype(np.int16),
        }

    def true_image_sums(self) -> Nullable:
        """Photo-electrons of each telescope event, null where unknown."""
        return Nullable(self.true_image_sum.astype(np.int32), self.true_image_sum < 0)


def process(
    events: TelescopeEvents,
    options: Dl1Options,
    *,
    with_parameters: bool = True,
    empty: Callable[..., NDArray[Any]] = np.empty,
) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
    """Extract, clean and parametrise a batch.

    Parameters
    ----------
    events : TelescopeEvents
    options : Dl1Options
    with_parameters : bool
        Otherwise images alone.
    empty : callable
        Makes the arrays of the images, as `numpy.empty` does.

    Returns
    -------
    images : pyarrow.RecordBatch
        Rows of the table dl1/images.
    parameters : pyarrow.RecordBatch or None
        Rows of the table dl1/parameters; None unless asked for.
    """
    charges = extract(
        events.waveform,
        events.calibration_row,
        events.read_out,
        events.calibration,
        events.geometry,
        options.extraction,
        empty,
        tel_type=events.tel_type,
    )
    charges = _tuned(events, charges, options)
    cleaner = options.cleaner
    found = guarded(
        cleaner, lambda: cleaner.clean(charges.image, charges.peak_time, events.geometry)
    )
    mask = as_shaped(cleaner, "mask", found, charges.image.shape, np.bool_)
    pictures = image_rows(events, charges, mask, _saturated(events, charges, options))
    if not with_parameters:
        return pictures, None
    return pictures, parameter_rows(events, charges, mask, options.frame)


def _tuned(events: TelescopeEvents, charges: Charges, options: Dl1Options) -> Charges:
    """Charges with the noise and point spread that are asked for."""
    modifier = options.image_modifier
    if not modifier.has_effect:
        return charges
    image = modifier.modify(
        charges.image, events.geometry, events.obs_id, events.event_id, events.tel_id,
        events.read_out,
    )  # fmt: skip
    return replace(charges, image=image)


def _saturated(
    events: TelescopeEvents, charges: Charges, options: Dl1Options
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Saturated pixels, and for which rows that is known; None if for none."""
    if options.saturation.max_signal is None:
        return None
    n_summed = events.calibration.n_summed[events.calibration_row]
    return options.saturation.find(events.waveform, charges.gain, n_summed, events.read_out)


def image_rows(
    events: TelescopeEvents,
    charges: Charges,
    mask: NDArray[np.bool_],
    saturated: tuple[NDArray[np.bool_], NDArray[np.bool_]] | None = None,
) -> pa.RecordBatch:
    """Rows of dl1/images; `saturated` holds the pixels, and the rows where they are known."""
    schema = images(events.geometry.n_pixels)
    true_image, is_saturated = None, None
    if saturated is not None:
        is_saturated = tensor_array(saturated[0], schema.field("is_saturated").type, saturated[1])
    if events.true_image is not None:
        true_image = tensor_array(
            events.true_image, schema.field("true_image").type, _has_truth(events)
        )
    return record_batch(
        schema,
        {
            **events.keys(),
            "image": charges.image,
            "peak_time": charges.peak_time,
            "image_mask": mask,
            "is_valid": np.ones(len(events), bool)
            if charges.is_valid is None
            else charges.is_valid,
            "selected_gain_channel": charges.gain,
            "is_read_out": events.read_out,
            "is_saturated": is_saturated,
            "true_image": true_image,
            "true_image_sum": events.true_image_sums(),
        },
    )


def parameter_rows(
    events: TelescopeEvents,
    charges: Charges,
    mask: NDArray[np.bool_],
    frame: Frame = "telescope",
) -> pa.RecordBatch:
    """Rows of dl1/parameters."""
    columns: dict[str, Any] = events.keys()
    columns |= parametrise(charges.image, charges.peak_time, mask, events.geometry, frame)
    columns["core_psi"] = _core_psi(events, columns)
    columns |= _true_parameters(events, frame)
    columns["true_image_sum"] = events.true_image_sums()
    distance = np.empty(len(events))
    axis = np.ascontiguousarray(events.axis.T)
    impact_distance(events.position, axis[2], axis[3], axis[0], axis[1], distance)
    unknown = ~np.isfinite(distance)
    columns["true_impact_distance"] = Nullable(distance, unknown)
    columns["true_impact_distance_uncert"] = Nullable(np.zeros(len(events)), unknown)
    return record_batch(parameters(frame), columns)


def _core_psi(events: TelescopeEvents, columns: dict[str, Any]) -> NDArray[np.float64]:
    out = np.empty(len(events))
    pointing = np.ascontiguousarray(events.pointing.T)
    array_pointing = np.ascontiguousarray(events.array_pointing.T)
    core_psi(
        columns["hillas_fov_lon"],
        columns["hillas_fov_lat"],
        columns["hillas_psi"],
        pointing[0],
        pointing[1],
        array_pointing[0],
        array_pointing[1],
        events.geometry.radius_deg,
        out,
    )
    return out


def _has_truth(events: TelescopeEvents) -> NDArray[np.bool_]:
    images = events.true_image
    return np.zeros(len(events), bool) if images is None else images[:, 0] >= 0


def _true_parameters(events: TelescopeEvents, frame: Frame) -> dict[str, Any]:
    """Parameters of the simulated images; null where there is none."""
    if events.true_image is None:
        return {field.name: None for field in true_image_parameters(frame)}
    present = _has_truth(events)
    values = parametrise(events.true_image, None, events.true_image > 0, events.geometry, frame)
    absent = ~present
    return {f"true_{name}": Nullable(column, absent) for name, column in values.items()}
