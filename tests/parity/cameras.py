"""Events of real files in several cameras, with ctapipe's description of the same telescopes."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import ctabatch
from ctabatch.source import Batch
from tests.parity.ctapipe_oracle import change_shape

#: DigiCam; FlashCam, ASTRI (sums), LST; CHEC, NectarCam, SCT, LST; LST and NectarCam, two gains.
FILES = ("sst1m", "gamma-test-large", "gamma-test", "prod6")


@dataclass
class Camera:
    """Batches of one camera, and ctapipe's array to which its telescopes belong."""

    name: str
    batches: list[Batch]
    subarray: Any

    @property
    def geometry(self) -> Any:
        """Geometry of ours."""
        return self.batches[0].geometry

    def telescope(self) -> int:
        """A telescope of this camera."""
        return int(self.batches[0].tel_id[0])

    def theirs(self) -> Any:
        """ctapipe's geometry."""
        return self.subarray.tel[self.telescope()].camera.geometry


def cameras(path, level, max_events=12) -> dict[str, Camera]:
    """Cameras of a file by name; ctapipe gets our shapes of pixels where it does not know them."""
    from ctapipe.io import EventSource

    found: dict[str, Camera] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with EventSource(path, focal_length_choice="EQUIVALENT") as source:
            subarray = source.subarray
        with ctabatch.open(path, max_events=max_events) as source:
            for batch in source.batches(level):
                name = batch.geometry.name
                camera = found.setdefault(name, Camera(name, [], subarray))
                camera.batches.append(batch)
                for tel_id in set(batch.tel_id.tolist()):
                    geometry = subarray.tel[tel_id].camera.geometry
                    if geometry.pix_type.value != batch.geometry.pixel_shape:
                        change_shape(geometry, batch.geometry.pixel_shape)
    return found
