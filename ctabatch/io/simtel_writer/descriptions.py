"""What a file says once, in front of the events: history, run, simulation and every telescope.

Versions are those that all readers know: a file of these reads like one of sim_telarray.
Source: sim_telarray io_hess format, ``write_hess_runheader`` and its neighbours; EventIO types 70
to 75 (``history.c``, metadata) and 1212 (CORSIKA IACT extension, input card).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ctabatch.errors import OptionError

from .content import CameraContent, RunContent, TelescopeContent
from .framing import (
    Object,
    array,
    container,
    f32,
    i16,
    i32,
    leaf,
    signed,
    string,
    unsigned,
    variable_string,
)

PIXELS_PER_DRAWER = 7
#: Run type of simulations in the run header.
MONTE_CARLO = -1
PEDESTALS = 0x04

#: Words of the MC run header in their order: name -> (type, count).
MC_RUN_WORDS: dict[str, tuple[str, int]] = {
    "shower_prog_id": ("<i4", 1),
    "shower_prog_vers": ("<i4", 1),
    "shower_prog_start": ("<i4", 1),
    "detector_prog_id": ("<i4", 1),
    "detector_prog_vers": ("<i4", 1),
    "detector_prog_start": ("<i4", 1),
    "obsheight": ("<f4", 1),
    "n_showers": ("<i4", 1),
    "n_use": ("<i4", 1),
    "core_pos_mode": ("<i4", 1),
    "core_range": ("<f4", 2),
    "alt_range": ("<f4", 2),
    "az_range": ("<f4", 2),
    "diffuse": ("<i4", 1),
    "viewcone": ("<f4", 2),
    "E_range": ("<f4", 2),
    "spectral_index": ("<f4", 1),
    "B_total": ("<f4", 1),
    "B_inclination": ("<f4", 1),
    "B_declination": ("<f4", 1),
    "injection_height": ("<f4", 1),
    "atmosphere": ("<i4", 1),
    "corsika_iact_options": ("<i4", 1),
    "corsika_low_E_model": ("<i4", 1),
    "corsika_high_E_model": ("<i4", 1),
    "corsika_bunchsize": ("<f4", 1),
    "corsika_wlen_min": ("<f4", 1),
    "corsika_wlen_max": ("<f4", 1),
    "corsika_low_E_detail": ("<i4", 1),
    "corsika_high_E_detail": ("<i4", 1),
}


def descriptions(run: RunContent, program: str, zero_suppression: bool) -> list[Object]:
    """All objects in front of the events, in the order of the format.

    Parameters
    ----------
    run : RunContent
    program : str
        What wrote the file, with its version.
    zero_suppression : bool
    """
    objects = [_history(run, program), _metadata(-1, _global_metadata(run, program))]
    objects += [_metadata(t.tel_id, _telescope_metadata(t.camera)) for t in run.telescopes]
    objects += [_run_header(run, program), _mc_run_header(run), _input_card(run.input_card)]
    for telescope in run.telescopes:
        camera, ident = telescope.camera, telescope.tel_id
        disabled = array(telescope.disabled_pixels, "<i4")
        n_disabled = i32(len(telescope.disabled_pixels))
        objects += [
            leaf(2002, _camera_settings(camera), version=5, ident=ident),
            leaf(2003, _camera_organization(camera), version=2, ident=ident),
            leaf(2004, _pixel_settings(camera), version=3, ident=ident),
            leaf(2005, 2 * (n_disabled + disabled), ident=ident),  # for the trigger, and off
            leaf(2006, i32(*[0] * 5, int(zero_suppression), *[0] * 10), ident=ident),
            leaf(2008, _drive_settings(), ident=ident),
            leaf(2007, i32(0, 0), ident=ident),  # no pointing correction
        ]
    return objects


def monitoring(run: RunContent) -> list[Object]:
    """Pedestals and photo-electron factors of every telescope, as they stand before the events."""
    objects = []
    for telescope in run.telescopes:
        objects += [_pedestals(telescope, run.start_time), _laser_calibration(telescope)]
    return objects


def _history(run: RunContent, program: str) -> Object:
    """Command and settings. Readers look at ``store_photoelectrons`` for true images."""
    lines = [f"# {program}", f"array {run.array_name}", "store_photoelectrons 1"]
    children = leaf(71, i32(run.start_time) + string(program), version=1, ident=1)
    for line in lines:
        children += leaf(72, i32(run.start_time) + string(line), version=1, ident=1)
    return container(70, children, version=1, ident=1)


def _metadata(ident: int, items: dict[str, str]) -> Object:
    content = unsigned(len(items))
    for name, value in items.items():
        content += variable_string(name) + variable_string(value)
    return leaf(75, content, ident=ident)


def _global_metadata(run: RunContent, program: str) -> dict[str, str]:
    return {
        "ALTITUDE": f"{run.altitude:.10g}",
        "*LONGITUDE": f"{run.longitude:.10g}",
        "*LATITUDE": f"{run.latitude:.10g}",
        "ARRAY_CONFIG_NAME": run.array_name,
        "SIMTEL_VERSION": program,
    }


def _telescope_metadata(camera: CameraContent) -> dict[str, str]:
    # the dish is as curved as its focal length asks for: readers take that for Davies-Cotton
    focal_length = f"{100 * camera.focal_length:.8g}"
    return {
        "MIRROR_CLASS": str(camera.mirror_class),
        "OPTICS_CONFIG_NAME": camera.optics_name,
        "CAMERA_CONFIG_NAME": camera.camera_name,
        "FOCAL_Length": focal_length,
        "DISH_SHAPE_Length": focal_length,
        "EFFECTIVE_FOCAL_Length": f"{100 * camera.effective_focal_length:.8g} 0 0 0 0",
        "MIRROR_AREA": f"{camera.mirror_area:.8g} m^2",
    }


def _run_header(run: RunContent, program: str) -> Object:
    n = len(run.telescopes)
    content = i32(run.obs_id, run.start_time, MONTE_CARLO, 0, 0)  # fixed azimuth and altitude
    content += f32(run.pointing_azimuth, run.pointing_altitude)
    content += f32(0, 0, 0, 0, 0) + i32(n)  # no offset, parallel pointing
    content += array([t.tel_id for t in run.telescopes], "<i2")
    content += array([t.position for t in run.telescopes], "<f4")
    content += i32(0, 1) + string(program) + string("")
    return leaf(2000, content, version=2, ident=run.obs_id)


def _mc_run_header(run: RunContent) -> Object:
    for name in run.simulation:
        if name not in MC_RUN_WORDS:
            raise OptionError.unknown_name("word of the MC run header", name, MC_RUN_WORDS)
    words: dict[str, Any] = {
        "obsheight": run.altitude,
        "shower_prog_start": run.start_time,
        "detector_prog_start": run.start_time,
        **run.simulation,
    }
    content = b""
    for name, (dtype, count) in MC_RUN_WORDS.items():
        values = np.ravel(np.asarray(words.get(name, [0] * count), dtype))
        if len(values) != count:
            raise OptionError(f"MC run header: {name} has {len(values)} values, not {count}")
        content += values.tobytes()
    return leaf(2001, content, version=4, ident=-1)


def _input_card(text: str) -> Object:
    lines = text.splitlines()
    return leaf(1212, i32(len(lines)) + b"".join(map(string, lines)))


def _camera_settings(camera: CameraContent) -> bytes:
    content = i32(camera.n_pixels) + f32(camera.focal_length, camera.effective_focal_length)
    content += array(camera.pixel_x, "<f4") + array(camera.pixel_y, "<f4")
    # flat, all pixels look ahead, and they have one shape
    content += signed(0, 1, 1, camera.pixel_shape) + f32(camera.pixel_area, camera.pixel_size)
    content += i32(camera.n_mirror_tiles) + f32(camera.mirror_area, camera.camera_rotation)
    return content


def _n_drawers(camera: CameraContent) -> int:
    return -(-camera.n_pixels // PIXELS_PER_DRAWER)


def _camera_organization(camera: CameraContent) -> bytes:
    """Modules of seven neighbours in number; no trigger sectors."""
    n, per_gain = camera.n_pixels, camera.n_pixels * camera.n_gains
    channels = [p % PIXELS_PER_DRAWER for p in range(n) for _ in range(camera.n_gains)]
    content = i32(n, _n_drawers(camera), camera.n_gains, 0)
    content += signed(*(p // PIXELS_PER_DRAWER for p in range(n)))
    content += bytes(per_gain) + bytes(per_gain) + signed(*channels)  # card, chip, channel
    return content + bytes(n)  # sectors of each pixel


def _pixel_settings(camera: CameraContent) -> bytes:
    pulse = np.atleast_2d(camera.reference_pulse)
    if len(pulse) < camera.n_gains:  # readers want a pulse for every gain
        pulse = np.repeat(pulse[:1], camera.n_gains, axis=0)
    n_drawers = _n_drawers(camera)
    content = i32(0, 0, 3, camera.n_pixels) + bytes(4 * camera.n_pixels)
    content += i32(n_drawers) + bytes(4 * n_drawers) + i32(n_drawers)
    content += bytes(2 * n_drawers) + i16(*[camera.n_samples] * n_drawers)  # first sample, number
    content += f32(camera.time_slice) + i32(camera.n_samples)
    content += signed(*pulse.shape) + f32(camera.reference_step) + array(pulse, "<f2")
    return content + i32(0)


def _drive_settings() -> bytes:
    zero_point, sign, resolution = (0.0, 0.0), (1.0, 1.0), (0.0, 0.0)
    low, high, park = (0.0, 0.0), (2 * np.pi, np.pi), (0.0, 0.0)
    return i16(0, 0) + f32(*zero_point, *sign, *resolution, *low, *high, *park)


def monitoring_ident(tel_id: int, what: int) -> int:
    """Id of monitoring: telescope in bits 0-7 and 24-29, what is in it in bits 8-23."""
    return tel_id & 0xFF | (tel_id & 0x3F00) << 16 | what << 8


def _pedestals(telescope: TelescopeContent, time: int) -> Object:
    camera = telescope.camera
    content = i16(PEDESTALS, PEDESTALS) + i32(0, time, 0)
    content += signed(0, camera.n_pixels, _n_drawers(camera), camera.n_gains)
    content += i32(time, 0) + i16(1)  # pedestals of one sample
    content += array(telescope.pedestal, "<f4") + array(telescope.pedestal_noise, "<f4")
    return leaf(2022, content, version=1, ident=monitoring_ident(telescope.tel_id, PEDESTALS))


def _laser_calibration(telescope: TelescopeContent) -> Object:
    camera = telescope.camera
    content = array(camera.n_pixels, "<u2") + i16(camera.n_gains) + i32(1)
    content += array(telescope.dc_to_pe, "<f4") + bytes(8 * camera.n_gains)
    content += array(telescope.time_shift, "<f4")
    content += array(np.ones_like(telescope.dc_to_pe), "<f4")  # flat-fielding is in the factors
    return leaf(2023, content, version=3, ident=telescope.tel_id)
