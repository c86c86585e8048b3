"""Names of telescopes: from the metadata of the file, else from what is known of its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple


class TelescopeNames(NamedTuple):
    """What a telescope is called and how its mirror is built.

    `size_type` is SST, MST or LST; `n_mirrors` is the number of reflections, -1 if unknown.
    """

    size_type: str
    optics_name: str
    camera_name: str
    n_mirrors: int
    reflector_shape: str


_SC, _DC, _HYBRID, _PARABOLIC = "SCHWARZSCHILD_COUDER", "DAVIES_COTTON", "HYBRID", "PARABOLIC"
_MAGIC_1 = TelescopeNames("LST", "MAGIC-1", "MAGICCam", 1, _PARABOLIC)
_MAGIC_2 = TelescopeNames("LST", "MAGIC-2", "MAGICCam", 1, _PARABOLIC)

#: (pixels, equivalent focal length rounded to cm, in m) -> names.
KNOWN_TELESCOPES: dict[tuple[int, float], TelescopeNames] = {
    (2048, 2.28): TelescopeNames("SST", "GCT", "CHEC", 2, _SC),
    (2368, 2.15): TelescopeNames("SST", "ASTRI", "ASTRICam", 2, _SC),
    (2048, 2.15): TelescopeNames("SST", "ASTRI", "CHEC", 2, _SC),
    (1296, 5.60): TelescopeNames("SST", "1M", "DigiCam", 1, _DC),
    (1764, 16.0): TelescopeNames("MST", "MST", "FlashCam", 1, _HYBRID),
    (1855, 16.0): TelescopeNames("MST", "MST", "NectarCam", 1, _HYBRID),
    (1855, 28.0): TelescopeNames("LST", "LST", "LSTCam", 1, _PARABOLIC),
    (11328, 5.59): TelescopeNames("MST", "SCT", "SCTCam", 1, _SC),
    (960, 15.0): TelescopeNames("MST", "HESS-I", "HESS-I", 1, _DC),
    (2048, 36.0): TelescopeNames("LST", "HESS-II", "HESS-II", 1, _PARABOLIC),
    (1440, 4.89): TelescopeNames("SST", "FACT", "FACT", 1, _HYBRID),
}

#: Telescopes that differ only in the number of mirror tiles.
KNOWN_BY_TILES: dict[tuple[int, float, int], TelescopeNames] = {
    (1039, 16.97, 964): _MAGIC_1,
    (1039, 16.97, 247): _MAGIC_2,
    (1039, 17.0, 964): _MAGIC_1,
    (1039, 17.0, 247): _MAGIC_2,
}


def size_type_of(mirror_area: float) -> str:
    """Size class by the diameter of a disk of the mirror area (m2): SST < 8 m <= MST < 16 m."""
    diameter = 2 * math.sqrt(max(mirror_area, 0.0) / math.pi)
    if diameter < 8:
        return "SST"
    return "MST" if diameter < 16 else "LST"


def name_telescope(
    metadata: Mapping[bytes, bytes],
    n_pixels: int,
    focal_length: float,
    n_mirror_tiles: int,
    mirror_area: float,
) -> TelescopeNames:
    """Name a telescope.

    Parameters
    ----------
    metadata : mapping
        Metadata of the telescope (EventIO 75); may be empty.
    n_pixels : int
        Number of pixels of the camera.
    focal_length : float
        Equivalent focal length in m.
    n_mirror_tiles : int
        Number of mirror tiles.
    mirror_area : float
        Mirror area in m2.

    Notes
    -----
    The names are those that ctapipe's SimTelEventSource gives.
    """
    named = _from_metadata(metadata, mirror_area)
    if named is not None:
        return named
    rounded = round(focal_length, 2)
    known = KNOWN_BY_TILES.get((n_pixels, rounded, n_mirror_tiles))
    known = known or KNOWN_TELESCOPES.get((n_pixels, rounded))
    return known or TelescopeNames(
        size_type_of(mirror_area),
        f"UNKNOWN-{mirror_area:.0f}M2",
        f"UNKNOWN-{n_pixels}PX",
        -1,
        "UNKNOWN",
    )


def _from_metadata(metadata: Mapping[bytes, bytes], mirror_area: float) -> TelescopeNames | None:
    """Names from the metadata, if it has all that is needed.

    MIRROR_CLASS is 0 for a segmented mirror, 1 for a solid paraboloid, 2 for two mirrors.
    """
    try:
        optics_name = metadata[b"OPTICS_CONFIG_NAME"].decode("utf-8")
        camera_name = metadata[b"CAMERA_CONFIG_NAME"].decode("utf-8")
        mirror_class = int(metadata[b"MIRROR_CLASS"])
    except (KeyError, ValueError):
        return None
    shape = "UNKNOWN"
    if mirror_class == 2:
        shape = _SC
    elif mirror_class == 0:
        shape = _segmented_shape(metadata)
    n_mirrors = 2 if mirror_class == 2 else 1
    return TelescopeNames(size_type_of(mirror_area), optics_name, camera_name, n_mirrors, shape)


def _segmented_shape(metadata: Mapping[bytes, bytes]) -> str:
    """Shape of a segmented dish; a dish curved other than by its focal length is a hybrid."""
    if _number(metadata, b"PARABOLIC_DISH") == 1:
        return _PARABOLIC
    same = _number(metadata, b"DISH_SHAPE_Length") == _number(metadata, b"FOCAL_Length")
    return _DC if same else _HYBRID


def _number(metadata: Mapping[bytes, bytes], key: bytes) -> float:
    """Read a number from the metadata, 0 if it is absent or no number."""
    try:
        return float(metadata.get(key, 0))
    except ValueError:
        return 0.0
