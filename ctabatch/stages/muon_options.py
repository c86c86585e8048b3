"""Options of the muon analysis: apart, so that a run without muons loads none of its kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .component import option


@dataclass(frozen=True)
class MuonOptions:
    """Options of the muon analysis; the defaults are ctapipe's."""

    fit_method: Literal["kundu_chaudhuri", "taubin", "kundu_chaudhuri_taubin"] = option(
        "kundu_chaudhuri_taubin", "Circle fit; taubin gives all pixels the same weight"
    )
    min_pixels: float = option(100.0, "Images with more pixels after cleaning are analysed", ge=0)
    min_intensity: float = option(
        500.0, "Images with more charge after cleaning are analysed", unit="p.e."
    )
    completeness_threshold: float = option(
        30.0, "A sector of the ring counts as complete with more charge", unit="p.e."
    )
    ratio_width: float = option(1.5, "Width of the band of intensity_ratio, in pixels", ge=0)
    ring_integration_width: float = option(0.25, "Half width of the ring, in its radii", ge=0)
    outer_ring_width: float = option(
        0.2, "Width of the bands on both sides of the ring, in its radii", ge=0
    )
    min_ring_pixels: float = option(
        50.0, "Rings with more pixels near them get an efficiency, lit or not", ge=0
    )
    min_containment: float = option(
        0.5, "Rings of which a larger part is in the camera get an efficiency", ge=0, le=1
    )
    pedestal: float = option(1.1, "Standard deviation of noise in a pixel", unit="p.e.", gt=0)
    spe_width: float = option(
        0.5, "Standard deviation of the charge of a photo-electron", unit="p.e.", ge=0
    )
    min_lambda: float = option(300e-9, "Shortest wavelength of Cherenkov light", unit="m", gt=0)
    max_lambda: float = option(600e-9, "Longest wavelength of Cherenkov light", unit="m", gt=0)
    hole_radius_lst: float = option(0.74, "Radius of the hole in an LST mirror", unit="m", ge=0)
    hole_radius_mst: float = option(0.59, "Radius of the hole in an MST mirror", unit="m", ge=0)
    hole_radius_sst: float = option(0.38, "Radius of the hole in an SST mirror", unit="m", ge=0)
    oversampling: int = option(3, "Directions per pixel on the ring", ge=1)

    def hole_radius(self, size_type: str) -> float:
        """Radius of the mirror's hole (m) for a size class; 0 for an unknown one."""
        return float(getattr(self, f"hole_radius_{size_type.lower()}", 0.0))


__all__ = ["MuonOptions"]
