"""Charge extractors that work on calibrated waveforms, by the names of ctapipe's classes."""

from __future__ import annotations

from .flashcam import FlashCamExtractor
from .neighbor_peak import BaselineSubtractedNeighborPeakWindowSum, NeighborPeakWindowSum
from .traces import TraceExtractor, Traces
from .two_pass import TwoPassWindowSum
from .variance import VarianceExtractor

__all__ = [
    "BaselineSubtractedNeighborPeakWindowSum",
    "FlashCamExtractor",
    "NeighborPeakWindowSum",
    "TraceExtractor",
    "Traces",
    "TwoPassWindowSum",
    "VarianceExtractor",
]
