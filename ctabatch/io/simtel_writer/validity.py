"""Whether what shall be written can be: checked before anything is, so that a file never breaks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import OptionError

from .content import RunContent, SimulatedEvents, TelescopeContent, TelescopeData

#: Readers know the types of so many telescopes, and photo-electrons number them below 1000.
MOST_TELESCOPES = 999
MOST_PIXELS = (1 << 16) - 1
MOST_SAMPLES = (1 << 15) - 1
_I32 = 1 << 31


def check_run(run: RunContent) -> None:
    """Raise `OptionError` if a run cannot be described in the format."""
    if not run.telescopes:
        raise OptionError("the array has no telescope")
    ids = [t.tel_id for t in run.telescopes]
    if len(set(ids)) < len(ids):
        raise OptionError(f"telescope numbers are not unique: {sorted(ids)}")
    bad = [i for i in ids if not 1 <= i <= MOST_TELESCOPES]
    if bad:
        raise OptionError(f"telescope numbers must be 1 to {MOST_TELESCOPES}, not {bad}")
    if not 0 <= run.obs_id < _I32 or not 0 <= run.start_time < _I32:
        raise OptionError("obs_id and start_time must be 0 to 2**31 - 1")
    for telescope in run.telescopes:
        _check_telescope(telescope)


def _check_telescope(telescope: TelescopeContent) -> None:
    camera, name = telescope.camera, f"telescope {telescope.tel_id}"
    if not 1 <= camera.n_pixels <= MOST_PIXELS or not 1 <= camera.n_samples <= MOST_SAMPLES:
        raise OptionError(f"{name}: {camera.n_pixels} pixels, {camera.n_samples} samples")
    if camera.n_gains not in (1, 2):
        raise OptionError(f"{name}: {camera.n_gains} gains; cameras have 1 or 2")
    shape = (camera.n_gains, camera.n_pixels)
    for field in ("pedestal", "pedestal_noise", "dc_to_pe", "time_shift"):
        found = np.shape(getattr(telescope, field))
        if found != shape:
            raise OptionError(f"{name}: {field} has shape {found}, not {shape}")
    if np.shape(telescope.position) != (3,) or not np.isfinite(telescope.position).all():
        raise OptionError(f"{name}: position must be three finite numbers")
    disabled = np.asarray(telescope.disabled_pixels)
    if len(disabled) and not 0 <= disabled.min() <= disabled.max() < camera.n_pixels:
        raise OptionError(f"{name}: disabled pixels that the camera does not have")


def check_events(run: RunContent, events: SimulatedEvents) -> None:
    """Raise `OptionError` if a batch does not fit its run or is not consistent."""
    n_showers, n_events = len(events.shower_id), len(events.event_id)
    for field in (
        "primary_id", "energy", "azimuth", "altitude", "starting_grammage", "x_max", "h_first_int",
        "h_max",
    ):  # fmt: skip
        _check_length(field, getattr(events, field), n_showers)
    for field in ("shower", "core_x", "core_y", "seconds", "nanoseconds", "triggered"):
        _check_length(field, getattr(events, field), n_events)
    if not (events.energy > 0).all():
        raise OptionError("energies must be positive")
    shower = events.shower
    if n_events and (shower[0] < 0 or shower[-1] >= n_showers or (np.diff(shower) < 0).any()):
        raise OptionError("shower must be ascending rows of the showers")
    for field in ("shower_id", "event_id", "seconds", "nanoseconds"):
        values = getattr(events, field)
        if len(values) and (values.min() < 0 or values.max() >= _I32):
            raise OptionError(f"{field} must be 0 to 2**31 - 1")
    sums = events.pe_sums
    if len(sums) and sums.shape != (n_events, len(run.telescopes)):
        raise OptionError(f"pe_sums has shape {sums.shape}: it needs a row per event")
    seen: list[NDArray[np.int64]] = []
    for data in events.telescopes:
        _check_data(run, events, data)
        seen.append(data.event * (MOST_TELESCOPES + 1) + data.tel_id)
    if seen and len(np.unique(np.concatenate(seen))) < sum(map(len, seen)):
        raise OptionError("a telescope has data twice in one event")


def _check_length(field: str, values: NDArray[np.generic], n: int) -> None:
    if np.shape(values) != (n,):
        raise OptionError(f"{field} has shape {np.shape(values)}, not ({n},)")


def _check_data(run: RunContent, events: SimulatedEvents, data: TelescopeData) -> None:
    n, waveform = len(data.event), data.waveform
    _check_length("tel_id", data.tel_id, n)
    _check_length("trigger_time", data.trigger_time, n)
    _check_length("pe_offsets", data.pe_offsets, n + 1)
    if n == 0:
        return
    if data.event.min() < 0 or data.event.max() >= len(events.event_id):
        raise OptionError("telescope data of events that do not exist")
    if not events.triggered[data.event].all():
        raise OptionError("telescope data of events that did not trigger")
    if waveform.dtype not in (np.uint16, np.uint32):
        raise OptionError(f"waveforms must be uint16, or uint32 for sums, not {waveform.dtype}")
    telescopes = {t.tel_id: t for t in run.telescopes}
    for tel_id in np.unique(data.tel_id).tolist():
        if tel_id not in telescopes:
            raise OptionError(f"data of telescope {tel_id}, which is not in the run")
        camera = telescopes[tel_id].camera
        n_samples = 1 if waveform.dtype == np.uint32 else camera.n_samples
        shape = (n, camera.n_gains, camera.n_pixels, n_samples)
        if waveform.shape != shape:
            raise OptionError(f"telescope {tel_id}: waveforms {waveform.shape}, not {shape}")
    n_pixels = waveform.shape[2]
    if data.read_out is not None and data.read_out.shape != (n, n_pixels):
        raise OptionError(f"read_out has shape {data.read_out.shape}, not {(n, n_pixels)}")
    offsets, pixel = data.pe_offsets, data.pe_pixel
    if offsets[0] < 0 or (np.diff(offsets) < 0).any() or offsets[-1] > len(pixel):
        raise OptionError("pe_offsets must ascend within the photo-electrons")
    if len(data.pe_time) != len(pixel):
        raise OptionError(f"{len(pixel)} photo-electrons, {len(data.pe_time)} times")
    if len(pixel) and (pixel.min() < 0 or pixel.max() >= n_pixels):
        raise OptionError("photo-electrons in pixels that the camera does not have")
    falls = np.flatnonzero(np.diff(pixel) < 0) + 1
    if not np.isin(falls[(falls > offsets[0]) & (falls < offsets[-1])], offsets).all():
        raise OptionError("photo-electrons must be sorted by pixel within each event")
