"""Objects that occur once per file or telescope, parsed from their bytes.

The definitions are eventio's classes where they are safe to call on damaged content; blocks whose
length fields size an allocation are checked first.
"""

from __future__ import annotations

import struct
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import numpy as np
from eventio.simtel import objects as eventio_objects

from ctabatch.errors import DecodeError

HISTORY, HISTORY_COMMAND, HISTORY_CONFIG, HISTORY_META = 70, 71, 72, 75
HISTOGRAMS, INPUT_CARD, ATMOSPHERE = 100, 1212, 1216
RUN_HEADER, MC_RUN_HEADER = 2000, 2001
CAMERA_SETTINGS, CAMERA_ORGANIZATION, PIXEL_SETTINGS, DISABLED_PIXELS = 2002, 2003, 2004, 2005
SOFTWARE_SETTINGS, POINTING_CORRECTION, DRIVE_SETTINGS = 2006, 2007, 2008
CAMERA_MONITORING, LASER_CALIBRATION, PIXEL_MONITORING = 2022, 2023, 2033

#: Names under which a telescope's description is kept, as in eventio.
DESCRIPTIONS = {
    CAMERA_SETTINGS: "camera_settings",
    CAMERA_ORGANIZATION: "camera_organization",
    PIXEL_SETTINGS: "pixel_settings",
    DISABLED_PIXELS: "disabled_pixels",
    SOFTWARE_SETTINGS: "camera_software_settings",
    POINTING_CORRECTION: "pointing_correction",
    DRIVE_SETTINGS: "drive_settings",
}

_CLASSES = {
    HISTORY_COMMAND: eventio_objects.HistoryCommandLine,
    HISTORY_CONFIG: eventio_objects.HistoryConfig,
    HISTORY_META: eventio_objects.HistoryMeta,
    RUN_HEADER: eventio_objects.RunHeader,
    MC_RUN_HEADER: eventio_objects.MCRunHeader,
    CAMERA_SETTINGS: eventio_objects.CameraSettings,
    PIXEL_SETTINGS: eventio_objects.PixelSettings,
    DISABLED_PIXELS: eventio_objects.DisabledPixels,
    CAMERA_MONITORING: eventio_objects.CameraMonitoring,
    LASER_CALIBRATION: eventio_objects.LaserCalibration,
    PIXEL_MONITORING: eventio_objects.PixelMonitoring,
}

#: Bytes per pixel that the object must at least have, and where the number of pixels stands.
_PIXELS = {
    CAMERA_SETTINGS: ("<i", 0, 8),
    CAMERA_ORGANIZATION: ("<i", 0, 2),
    PIXEL_SETTINGS: ("<i", 12, 2),
    LASER_CALIBRATION: ("<H", 0, 4),
}


def parse(object_type: int, version: int, ident: int, content: bytes, offset: int) -> Any:
    """Parse one object.

    Parameters
    ----------
    object_type, version, ident : int
        From the object's header.
    content : bytes
    offset : int
        Where the content stands in the stream, for the error message.

    Raises
    ------
    DecodeError
        The content does not fit the format of this type and version.
    """
    try:
        if object_type in _PIXELS:
            code, at, per_pixel = _PIXELS[object_type]
            (n_pixels,) = struct.unpack_from(code, content, at)
            if n_pixels < 0 or n_pixels * per_pixel > len(content):
                raise ValueError(f"{n_pixels} pixels do not fit into {len(content)} bytes")
        if object_type == CAMERA_ORGANIZATION:
            return _camera_organization(content)
        if object_type == HISTOGRAMS:
            return shower_histogram(content)
        if object_type in DESCRIPTIONS and object_type not in _CLASSES:
            return {}  # present is all that matters
        header = SimpleNamespace(
            type=object_type,
            version=version,
            id=ident,
            content_address=0,
            content_size=len(content),
            only_subobjects=False,
        )
        return _CLASSES[object_type](header, BytesIO(content)).parse()
    except Exception as error:  # foreign parsers raise anything on damaged content
        what = f"version {version} cannot be read: {type(error).__name__}: {error}"
        raise DecodeError(what, object_type=object_type, offset=offset) from error


def _camera_organization(content: bytes) -> dict[str, int]:
    """Only the dimensions: the wiring behind them is not needed."""
    n_pixels, n_drawers, n_gains, n_sectors = struct.unpack_from("<4i", content)
    if n_gains not in (1, 2):
        raise ValueError(f"{n_gains} gains")
    return {
        "n_pixels": n_pixels,
        "n_drawers": n_drawers,
        "n_gains": n_gains,
        "n_sectors": n_sectors,
    }


SHOWER_HISTOGRAM = 6


def shower_histogram(content: bytes) -> dict[str, Any] | None:
    """Histogram 6 of a histogram block: simulated showers by core distance and log10 energy.

    Returns
    -------
    dict or None
        ``entries``, ``lower_x``, ``upper_x`` (m), ``lower_y``, ``upper_y`` (log10 TeV), ``data``:
        float64 (n_energies, n_distances); None if the block has no such histogram.

    Notes
    -----
    Source: EventIO type 100, ``write_histograms`` of the hessio library.
    """
    (n_histograms,) = struct.unpack_from("<h", content)
    pos = 2
    for _ in range(n_histograms):
        kind = content[pos : pos + 1]
        (n_title,) = struct.unpack_from("<h", content, pos + 1)
        if n_title < 0:
            raise ValueError("negative title length")
        pos += 3 + n_title + (n_title % 2 == 0)
        ident, n_x, n_y, entries, filled = struct.unpack_from("<ihhii", content, pos)
        pos += 16
        if n_x < 0 or n_y < 0:
            raise ValueError("negative number of bins")
        limits = []
        for _axis in range(2 if n_y else 1):
            code = "<2i4f" if kind in b"RrFD" else "<6i"
            limits.append(struct.unpack_from(code, content, pos)[2:4])
            pos += 24
        floating = kind in b"FD"
        pos += 40 if floating else 0
        n_bins = n_x * max(n_y, 1)
        data = None
        if filled > 0:
            data = np.frombuffer(content, "<f4" if floating else "<i4", n_bins, pos)
            pos += 4 * n_bins
        if ident == SHOWER_HISTOGRAM and n_y:
            if data is None:
                if n_bins > 1_000_000:
                    raise ValueError(f"{n_bins} empty bins")
                data = np.zeros(n_bins)
            return {
                "entries": entries,
                "lower_x": limits[0][0],
                "upper_x": limits[0][1],
                "lower_y": limits[1][0],
                "upper_y": limits[1][1],
                "data": data.astype(np.float64).reshape(n_y, n_x),
            }
    return None
