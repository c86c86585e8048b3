"""The array of telescopes that a file describes."""

from __future__ import annotations

import hashlib
import re
import warnings
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError, OptionError

from .camera import CameraGeometry
from .digest import digest_of, settings_key
from .names import name_telescope
from .optics import FocalLengthKind, OpticsDescription
from .readout import CameraReadout

#: The blocks of a telescope's description (EventIO 2002, 2003, 2004, 2005) that are needed.
REQUIRED_BLOCKS = ("camera_settings", "camera_organization", "pixel_settings", "disabled_pixels")
#: sim_telarray knows a high and a low gain.
MAX_CHANNELS = 2


class MissingEffectiveFocalLengthWarning(UserWarning):
    """A file has no effective focal length; the equivalent one is used."""


@dataclass(frozen=True, eq=False)
class TelescopeDescription:
    """One telescope. Telescopes of equal settings share `geometry` and `readout` objects.

    Attributes
    ----------
    tel_id : int
        Number of the telescope in the array.
    name : str
        Name of the telescope, that of its optics.
    type : str
        Size class SST, MST or LST.
    tel_type : str
        Name of the telescope type as partition of a dataset.
    optics, geometry, readout
        Mirror, pixels and sampling.
    position : (3,) float64
        x (north), y (west), z (up) in m in the array, with the precision of the file (float32).
    disabled_pixels : (n_pixels,) bool
        Pixels without high voltage in this run, in all gains.
    focal_length_kind : {"effective", "equivalent"}
        Which focal length `geometry.focal_length` is.
    """

    tel_id: int
    name: str
    type: str
    tel_type: str
    optics: OpticsDescription
    geometry: CameraGeometry
    readout: CameraReadout
    position: NDArray[np.float64]
    disabled_pixels: NDArray[np.bool_]
    focal_length_kind: FocalLengthKind

    @property
    def description(self) -> str:
        """Size class, optics and camera, as ctapipe spells it."""
        return f"{self.type}_{self.optics.name}_{self.geometry.name}"


@dataclass(frozen=True, eq=False)
class SubarrayDescription:
    """All telescopes of a file, in the order of their descriptions in it.

    Attributes
    ----------
    name : str
        Name of the array.
    telescopes : dict
        Telescope number -> description.
    reference_location : tuple of float
        Latitude (deg), longitude (deg) and height (m) of the origin of positions; latitude and
        longitude are 0 if the file does not tell.
    incomplete : tuple of int
        Telescopes that were left out because parts of their description are missing from the file
        or contradict each other.
    """

    name: str
    telescopes: dict[int, TelescopeDescription]
    reference_location: tuple[float, float, float]
    incomplete: tuple[int, ...] = field(default=())

    @classmethod
    def from_simtel(
        cls,
        run_header: Mapping[str, Any],
        telescope_descriptions: Mapping[int, Mapping[str, Mapping[str, Any]]],
        global_meta: Mapping[bytes, bytes],
        telescope_meta: Mapping[int, Mapping[bytes, bytes]],
        observation_height: float,
        focal_length: FocalLengthKind = "effective",
    ) -> SubarrayDescription:
        """Describe the array of a sim_telarray file from its parsed header objects.

        Parameters
        ----------
        run_header : mapping
            Content of EventIO 2000: `tel_id` (n,), `tel_pos` (n, 3) in m.
        telescope_descriptions : mapping
            Telescope number -> block name -> content of EventIO 2002 to 2005.
        global_meta, telescope_meta : mapping
            Metadata (EventIO 75) of the array and by telescope number; may be empty.
        observation_height : float
            Height of the observation level in m (EventIO 2001), used if the metadata lack the
            location.
        focal_length : {"effective", "equivalent"}
            Focal length for angles. Telescopes without an effective one get the equivalent one,
            with a MissingEffectiveFocalLengthWarning.
        """
        if focal_length not in ("effective", "equivalent"):
            raise OptionError.unknown_name(
                "focal length", focal_length, ("effective", "equivalent")
            )
        cameras: dict[str, CameraGeometry] = {}
        readouts: dict[str, CameraReadout] = {}
        telescopes: dict[int, TelescopeDescription] = {}
        incomplete = []
        positions = dict(zip(map(int, run_header["tel_id"]), run_header["tel_pos"], strict=True))
        # in the order of the descriptions, which is ctapipe's; merged files have another one in
        # the run header
        for tel_id in dict.fromkeys(map(int, (*telescope_descriptions, *positions))):
            blocks = telescope_descriptions.get(tel_id, {})
            if tel_id not in positions or any(name not in blocks for name in REQUIRED_BLOCKS):
                incomplete.append(tel_id)
                continue
            try:
                telescopes[tel_id] = _telescope(
                    tel_id, blocks, telescope_meta.get(tel_id, {}), positions[tel_id],
                    focal_length, cameras, readouts,
                )  # fmt: skip
            except (InputError, KeyError):
                incomplete.append(tel_id)
        if focal_length == "effective":
            warn_of_fallback(telescopes)
        return cls(
            name=global_meta.get(b"ARRAY_CONFIG_NAME", b"MonteCarloArray").decode(errors="replace"),
            telescopes=_with_partition_names(telescopes),
            reference_location=_location(global_meta, observation_height),
            incomplete=tuple(incomplete),
        )

    @property
    def tel_ids(self) -> NDArray[np.int16]:
        """Telescope numbers, (n_telescopes,), in array order."""
        return np.array(list(self.telescopes), dtype=np.int16)

    @property
    def tel_types(self) -> dict[str, list[int]]:
        """Telescope type -> its telescope numbers, in array order."""
        types = defaultdict(list)
        for telescope in self.telescopes.values():
            types[telescope.tel_type].append(telescope.tel_id)
        return dict(types)

    @cached_property
    def _index(self) -> dict[int, int]:
        return {tel_id: index for index, tel_id in enumerate(self.telescopes)}

    def tel_index(self, tel_id: int) -> int:
        """Place of a telescope in array order: its column in telescope masks."""
        if tel_id not in self._index:
            raise OptionError.unknown_name("telescope", str(tel_id), map(str, self._index))
        return self._index[tel_id]

    @cached_property
    def digest(self) -> str:
        """Short name of the content, equal for equal arrays on every machine.

        Disabled pixels do not count: they differ from run to run of one array.
        """
        return digest_of(self.name, self.reference_location, self.telescopes.values())


def _telescope(
    tel_id: int,
    blocks: Mapping[str, Mapping[str, Any]],
    metadata: Mapping[bytes, bytes],
    position: NDArray[np.floating],
    focal_length: FocalLengthKind,
    cameras: dict[str, CameraGeometry],
    readouts: dict[str, CameraReadout],
) -> TelescopeDescription:
    """Describe one telescope; `cameras` and `readouts` hold what is already known."""
    settings, organization = blocks["camera_settings"], blocks["camera_organization"]
    n_pixels = int(settings["n_pixels"])
    if int(organization["n_pixels"]) != n_pixels:
        raise InputError(f"telescope {tel_id}: its blocks differ in the number of pixels")
    if not 1 <= int(organization["n_gains"]) <= MAX_CHANNELS:
        raise InputError(f"telescope {tel_id}: {organization['n_gains']} gain channels")
    disabled = np.zeros(n_pixels, np.bool_)
    pixel_ids = np.asarray(blocks["disabled_pixels"]["HV_disabled"], dtype=np.int64)
    if ((pixel_ids < 0) | (pixel_ids >= n_pixels)).any():
        raise InputError(f"telescope {tel_id}: disabled pixel that does not exist")
    disabled[pixel_ids] = True
    disabled.setflags(write=False)
    place = np.array(position, dtype=np.float64)
    place.setflags(write=False)

    names = name_telescope(
        metadata, n_pixels, float(settings["focal_length"]), int(settings["n_mirrors"]),
        float(settings["mirror_area"]),
    )  # fmt: skip
    optics = OpticsDescription.from_simtel(settings, names)
    length, kind = optics.focal_length(focal_length)
    camera_key = settings_key(settings, names.camera_name, length)
    if camera_key not in cameras:
        cameras[camera_key] = CameraGeometry.from_simtel(settings, names.camera_name, length)
    pixel_settings = blocks["pixel_settings"]
    readout_key = settings_key(
        {name: pixel_settings.get(name) for name in ("time_slice", "sum_bins", "ref_shape",
                                                     "ref_step")},
        organization["n_gains"], n_pixels,
    )  # fmt: skip
    if readout_key not in readouts:
        readouts[readout_key] = CameraReadout.from_simtel(pixel_settings, organization)
    return TelescopeDescription(
        tel_id=tel_id,
        name=names.optics_name,
        type=names.size_type,
        tel_type="",
        optics=optics,
        geometry=cameras[camera_key],
        readout=readouts[readout_key],
        position=place,
        disabled_pixels=disabled,
        focal_length_kind=kind,
    )


def _with_partition_names(
    telescopes: dict[int, TelescopeDescription],
) -> dict[int, TelescopeDescription]:
    """Fill in `tel_type`; types that share a name but not the number of pixels are told apart."""
    sizes = defaultdict(set)
    for telescope in telescopes.values():
        sizes[_file_name(telescope.description)].add(telescope.geometry.n_pixels)
    named = {}
    for tel_id, telescope in telescopes.items():
        tel_type = _file_name(telescope.description)
        if len(sizes[tel_type]) > 1:
            tel_type += f"-{telescope.geometry.n_pixels}px"
        named[tel_id] = replace(telescope, tel_type=tel_type)
    return named


#: Longest name of a telescope type: it becomes that of a folder.
LONGEST_TYPE = 120


def _file_name(text: str) -> str:
    """A text as the name of a folder; what is too long is told apart by its digest."""
    plain = re.sub(r"[^A-Za-z0-9.+_-]", "-", text)
    if len(plain) <= LONGEST_TYPE:
        return plain
    return f"{plain[:LONGEST_TYPE]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _location(meta: Mapping[bytes, bytes], height: float) -> tuple[float, float, float]:
    """Latitude, longitude (deg) and height (m) of the array, from the metadata if all are there."""
    try:
        latitude, longitude, altitude = (
            float(meta[key]) for key in (b"*LATITUDE", b"*LONGITUDE", b"ALTITUDE")
        )
    except (KeyError, ValueError):
        return 0.0, 0.0, float(height)
    return latitude, longitude, altitude


def warn_of_fallback(telescopes: Mapping[int, TelescopeDescription]) -> None:
    """Warn of telescopes that got the equivalent focal length though the effective was asked."""
    fallen = [t.tel_id for t in telescopes.values() if t.focal_length_kind == "equivalent"]
    if not fallen:
        return
    warnings.warn(
        f"the file has no effective focal length of telescopes {_ranges(fallen)}; their equivalent "
        "focal length is used instead. Ask for it explicitly (focal_length='equivalent', "
        "--focal-length equivalent) to use it for all telescopes without this warning.",
        MissingEffectiveFocalLengthWarning,
        stacklevel=3,
    )


def _ranges(numbers: list[int]) -> str:
    """Write numbers briefly: 1-3, 7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
