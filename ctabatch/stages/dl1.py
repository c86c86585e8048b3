"""The DL1 stage: raw data of a batch of telescope events become rows of images and parameters."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

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
from .events import TelescopeEvents
from .extract import ExtractionOptions, extract
from .muon_options import MuonOptions
from .parametrise import Frame, parametrise
from .saturation import SaturationFlags
from .tuning.image_modifier import ImageModifier
from .waveforms import WaveformOptions


@dataclass(frozen=True)
class Dl1Options:
    """Options of all DL1 steps."""

    extraction: ExtractionOptions = field(default_factory=ExtractionOptions)
    waveforms: WaveformOptions = field(default_factory=WaveformOptions)
    image_modifier: ImageModifier = field(default_factory=ImageModifier)
    saturation: SaturationFlags = field(default_factory=SaturationFlags)
    cleaner: ImageCleaner = field(default_factory=TailcutsImageCleaner)
    muons: MuonOptions = field(default_factory=MuonOptions)
    frame: Frame = "telescope"


def process(
    events: TelescopeEvents,
    options: Dl1Options,
    *,
    with_parameters: bool = True,
    empty: Callable[..., NDArray[Any]] = np.empty,
) -> tuple[pa.RecordBatch, pa.RecordBatch | None]:
    """Extract (unless that was done before), clean and parametrise a batch.

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
    charges, mask = cleaned(events, options, empty)
    pictures = image_rows(events, charges, mask, saturated_pixels(events, charges, options))
    if not with_parameters:
        return pictures, None
    return pictures, parameter_rows(events, charges, mask, options.frame)


def cleaned(
    events: TelescopeEvents,
    options: Dl1Options,
    empty: Callable[..., NDArray[Any]] = np.empty,
    timed: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> tuple[Charges, NDArray[np.bool_]]:
    """Charges of a batch, and masks of the pixels that belong to the shower.

    Parameters
    ----------
    events : TelescopeEvents
    options : Dl1Options
    empty : callable
        Makes the arrays of the images, as `numpy.empty` does.
    timed : callable
        Given "extract" and "clean": the blocks of that work.
    """
    with timed("extract"):
        charges = events.charges or extract(
            events.waveform,
            events.calibration_row,
            events.read_out,
            events.calibration,
            events.geometry,
            options.extraction,
            empty,
            tel_type=events.tel_type,
            gain=events.gain,
            is_sum=events.is_sum,
        )
        charges = _tuned(events, charges, options)
    cleaner = options.cleaner
    with timed("clean"):
        found = guarded(
            cleaner, lambda: cleaner.clean(charges.image, charges.peak_time, events.geometry)
        )
    return charges, as_shaped(cleaner, "mask", found, charges.image.shape, np.bool_)


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


def saturated_pixels(
    events: TelescopeEvents, charges: Charges, options: Dl1Options
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]] | None:
    """Saturated pixels, and for which rows that is known; None if for none."""
    is_raw = events.gain is None and events.charges is None
    if options.saturation.max_signal is None or not is_raw:
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
