"""Optics of a telescope: mirror and focal lengths."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .names import TelescopeNames

FocalLengthKind = Literal["effective", "equivalent"]


@dataclass(frozen=True)
class OpticsDescription:
    """Mirror of one telescope type.

    Attributes
    ----------
    name : str
        Name of the optics.
    size_type : str
        SST, MST or LST.
    reflector_shape : str
        PARABOLIC, DAVIES_COTTON, HYBRID, SCHWARZSCHILD_COUDER or UNKNOWN.
    mirror_area : float
        Reflecting area in m2.
    n_mirrors : int
        Number of reflections, -1 if unknown.
    n_mirror_tiles : int
        Number of mirror facets.
    equivalent_focal_length : float
        Nominal focal length, for two mirrors that of the equivalent thin lens, in m.
    effective_focal_length : float or None
        Focal length in m from ray tracing, which includes the mean effect of coma; None if the
        file does not have it (camera settings older than version 5).
    """

    name: str
    size_type: str
    reflector_shape: str
    mirror_area: float
    n_mirrors: int
    n_mirror_tiles: int
    equivalent_focal_length: float
    effective_focal_length: float | None

    @classmethod
    def from_simtel(
        cls, camera_settings: Mapping[str, Any], names: TelescopeNames
    ) -> OpticsDescription:
        """Optics from the camera settings (EventIO 2002) as eventio parses them."""
        effective = float(camera_settings.get("effective_focal_length", math.nan))
        return cls(
            name=names.optics_name,
            size_type=names.size_type,
            reflector_shape=names.reflector_shape,
            mirror_area=float(camera_settings["mirror_area"]),
            n_mirrors=names.n_mirrors,
            n_mirror_tiles=int(camera_settings["n_mirrors"]),
            equivalent_focal_length=float(camera_settings["focal_length"]),
            effective_focal_length=effective if 0 < effective < math.inf else None,
        )

    def focal_length(self, kind: FocalLengthKind) -> tuple[float, FocalLengthKind]:
        """Focal length in m of the kind asked for, else the equivalent one; and which it is."""
        if kind == "effective" and self.effective_focal_length is not None:
            return self.effective_focal_length, "effective"
        return self.equivalent_focal_length, "equivalent"
