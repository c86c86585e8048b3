"""Waveforms before extraction: noise that is added, and pixels that data reduction drops."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .calibrate import calibrate
from .component import as_shaped, guarded
from .events import TelescopeEvents
from .extract import ExtractionOptions
from .reduced_waveforms import bytes_saved, reduce_waveforms
from .reducers import DataVolumeReducer, NullDataVolumeReducer
from .tuning.recorded_noise import RecordedNoise
from .tuning.waveform_modifier import WaveformModifier
from .waveform_images import waveform_images


@dataclass(frozen=True)
class WaveformOptions:
    """What happens to waveforms before charges are extracted."""

    modifier: WaveformModifier = field(default_factory=WaveformModifier)
    reducer: DataVolumeReducer = field(default_factory=NullDataVolumeReducer)
    #: What is in the file that the modifier names.
    recorded: RecordedNoise | None = None

    @property
    def reduces(self) -> bool:
        """Whether waveforms of pixels may be dropped."""
        return not isinstance(self.reducer, NullDataVolumeReducer)


def with_noise(
    events: TelescopeEvents, options: WaveformOptions, extraction: ExtractionOptions
) -> TelescopeEvents:
    """The events with the noise that is asked for, then calibrated; else as they are."""
    if not options.modifier.has_effect or events.charges is not None:
        return events
    events = calibrated_events(events, extraction)
    samples = options.modifier.modify(
        events.waveform[:, 0], _gain(events), events.calibration_row, events.calibration,
        events.obs_id, events.event_id, events.tel_id, events.read_out, options.recorded,
    )  # fmt: skip
    return replace(events, waveform=samples[:, np.newaxis])


def calibrated_events(events: TelescopeEvents, extraction: ExtractionOptions) -> TelescopeEvents:
    """The events with calibrated waveforms of the selected gain."""
    if events.gain is not None:
        return events
    samples, gain = calibrate(
        events.waveform, events.calibration_row, events.calibration, extraction
    )
    is_sum = events.is_sum or events.waveform.dtype == np.uint32
    return replace(events, waveform=samples[:, np.newaxis], gain=gain, is_sum=is_sum)


@dataclass(frozen=True, eq=False)
class Reduced:
    """Events whose waveforms are zero in the pixels that were dropped.

    Attributes
    ----------
    events : TelescopeEvents
    mask : (n, n_pixels) bool
        Pixels that are kept.
    """

    events: TelescopeEvents
    mask: NDArray[np.bool_]

    def rows(self) -> pa.RecordBatch:
        """Rows of the table dl0."""
        events = self.events
        return reduce_waveforms(
            events.keys(), events.waveform[:, 0], self.mask, _gain(events),
            is_sum=events.is_sum, read_out=events.read_out,
        )  # fmt: skip

    @property
    def bytes_saved(self) -> int:
        """Bytes that dropped pixels would take in memory."""
        return bytes_saved(self.mask, self.events.waveform.shape[3])


def reduced(
    events: TelescopeEvents, options: WaveformOptions, extraction: ExtractionOptions
) -> Reduced:
    """Drop the waveforms of the pixels that the reducer does not select.

    As in ctapipe the samples of the others are zero in all that follows.
    """
    events = calibrated_events(events, extraction)
    samples, gain, reducer = events.waveform[:, 0], _gain(events), options.reducer
    extractor: Any = getattr(reducer, "extractor", None)
    image = None
    if extractor is not None:
        image = waveform_images(
            samples, gain, events.calibration_row, events.calibration, events.geometry, extractor
        )
    found = guarded(reducer, lambda: reducer.select_pixels(samples, image, events.geometry))
    mask = as_shaped(reducer, "mask", found, gain.shape, np.bool_)
    if not mask.all():
        events = replace(
            events, waveform=np.where(mask[..., np.newaxis], samples, np.float32(0))[:, np.newaxis]
        )
    return Reduced(events, mask)


def _gain(events: TelescopeEvents) -> NDArray[np.int8]:
    if events.gain is None:
        raise ValueError("the waveforms are not calibrated")
    return events.gain


__all__ = ["Reduced", "WaveformOptions", "calibrated_events", "reduced", "with_noise"]
