"""Short stable names of content, to tell equal arrays and equal cameras."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    from .camera import CameraGeometry
    from .readout import CameraReadout
    from .subarray import TelescopeDescription

#: Lengths, areas and angles count to this precision, far below any tolerance of a camera and far
#: above rounding, which differs between processors.
PRECISION = 1e-7
#: Hexadecimal digits of a digest: 48 bits.
DIGITS = 12


def settings_key(settings: Mapping[str, Any], *more: object) -> str:
    """Key that is equal for byte-identical settings of telescopes of one file.

    The number of the telescope does not count.
    """
    key = hashlib.sha256(repr(more).encode())
    for name in sorted(settings):
        if name != "telescope_id":
            value = np.asarray(settings[name])
            key.update(f"{name} {value.dtype} {value.shape}".encode())
            key.update(str(value).encode() if value.dtype == object else value.tobytes())
    return key.hexdigest()


def digest_of(
    name: str,
    reference_location: tuple[float, float, float],
    telescopes: Iterable[TelescopeDescription],
) -> str:
    """Digest of all that the tables of a subarray hold."""
    digest = hashlib.sha256(repr(name).encode() + _rounded(reference_location))
    known: dict[int, bytes] = {}
    for telescope in telescopes:
        geometry, readout, optics = telescope.geometry, telescope.readout, telescope.optics
        for part in (geometry, readout):
            if id(part) not in known:
                known[id(part)] = _part_digest(part)
        digest.update(
            repr((
                telescope.tel_id, telescope.tel_type, telescope.focal_length_kind, optics.name,
                optics.size_type, optics.reflector_shape, optics.n_mirrors, optics.n_mirror_tiles,
                optics.effective_focal_length is None,
            )).encode()
        )  # fmt: skip
        digest.update(_rounded(telescope.position))
        digest.update(_rounded((
            optics.mirror_area, optics.equivalent_focal_length,
            optics.effective_focal_length or 0.0,
        )))  # fmt: skip
        digest.update(known[id(geometry)] + known[id(readout)])
    return digest.hexdigest()[:DIGITS]


def _part_digest(part: CameraGeometry | CameraReadout) -> bytes:
    """Digest of the fields of a geometry or readout."""
    digest = hashlib.sha256()
    for field in dataclasses.fields(part):
        value = getattr(part, field.name)
        digest.update(field.name.encode())
        if isinstance(value, (str, int)):
            digest.update(repr(value).encode())
        else:
            digest.update(repr(np.shape(value)).encode() + _rounded(value))
    return digest.digest()


def _rounded(values: ArrayLike) -> bytes:
    """Bytes of the values in steps of `PRECISION`; NaN and what is too large keep their bits."""
    steps = np.rint(np.asarray(values, dtype=np.float64) / PRECISION) + 0.0  # no negative zero
    return np.ascontiguousarray(steps, dtype="<f8").tobytes()
