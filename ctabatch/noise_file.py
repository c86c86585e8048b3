"""Files with events of noise alone, whose waveforms are added to those of showers."""

from __future__ import annotations

import threading
import warnings
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.input_digest import InputDigest
from ctabatch.io.location import Location, location
from ctabatch.io.simtel.batches import raw_batches
from ctabatch.io.simtel.source import SimtelReader
from ctabatch.stages.dl1 import Dl1Options
from ctabatch.stages.gain_selection import calibrate_both_gains
from ctabatch.stages.tuning.recorded_noise import RecordedNoise, centred

#: A file is read once, however many threads want it.
_READING = threading.Lock()


def with_recorded_noise(options: Dl1Options) -> Dl1Options:
    """The options with the noise of the file that they name; else as they are.

    Raises
    ------
    InputError
        The file cannot be read, or has no such events.
    """
    modifier = options.waveforms.modifier
    if not modifier.nsb_file:
        return options
    path = location(modifier.nsb_file)
    with _READING:
        try:
            noise = _kept(path, _written(path), modifier.nsb_event_type)
        except InputError as error:
            raise InputError(f"tuning.WaveformModifier.nsb_file: {error}") from error
    if noise.n_losses:
        warnings.warn(
            f"tuning.WaveformModifier.nsb_file {path}: {noise.n_losses} losses while it was read "
            "(ctabatch info tells them); the noise is of what could be read",
            stacklevel=2,
        )
    return replace(options, waveforms=replace(options.waveforms, recorded=noise))


def _written(path: Location) -> tuple[int, float]:
    """What another version of a file differs in."""
    try:
        facts = path.stat()
    except OSError:  # reading it says why
        return 0, 0.0
    return facts.st_size, facts.st_mtime


@lru_cache(maxsize=4)
def _kept(path: Location, _version: tuple[int, float], event_type: int) -> RecordedNoise:
    digest = InputDigest(path)
    try:
        noise = read_noise(path, event_type)
        sha256, size = digest.result()
    finally:
        digest.cancel()
    return replace(noise, sha256=sha256, size=size)


def read_noise(path: Location, event_type: int) -> RecordedNoise:
    """Calibrated waveforms of all gains of the events of one type in a file.

    Parameters
    ----------
    path : Path or StorePath
        A sim_telarray file.
    event_type : int

    Raises
    ------
    InputError
        The file cannot be read, or has no such event.
    """
    found: dict[int, list[NDArray[np.float32]]] = {}
    # no calibration depends on the focal length, so none is missed
    with SimtelReader(path, focal_length="equivalent") as reader:
        for events in reader:
            for raw in raw_batches(events, reader.account):
                chosen = raw.take(
                    (events.event_type[raw.event] == event_type) & (raw.calibration_row >= 0)
                )
                if len(chosen) == 0:
                    continue
                waveforms = calibrate_both_gains(
                    chosen.waveform, chosen.calibration_row, chosen.calibration
                )
                for k, tel_id in enumerate(chosen.tel_id):
                    found.setdefault(int(tel_id), []).append(waveforms[k])
    if not found:
        raise InputError(
            f"{path}: no event of type {event_type} with calibrated waveforms: no noise to add "
            "(tuning.WaveformModifier.nsb_event_type)"
        )
    return RecordedNoise(
        str(path),
        {tel_id: centred(_stacked(path, tel_id, all_)) for tel_id, all_ in found.items()},
        n_losses=reader.account.n_losses,
    )


def _stacked(
    path: Location, tel_id: int, waveforms: list[NDArray[np.float32]]
) -> NDArray[np.float32]:
    if len({one.shape for one in waveforms}) > 1:
        raise InputError(
            f"{path}: the events of telescope {tel_id} have waveforms of several shapes"
        )
    return np.stack(waveforms)


__all__ = ["read_noise", "with_recorded_noise"]
