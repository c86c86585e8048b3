"""Components by name: those of this package, and those that other packages add as entry points.

A component is a frozen dataclass of options with a method that works on a batch. A package adds one
with an entry point in the group ``ctabatch.extractors``, ``ctabatch.cleaners`` or the like, whose
name is the name of the component and whose object is the class.
"""

from __future__ import annotations

import dataclasses
import importlib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ctabatch.errors import OptionError

_STAGES = "ctabatch.stages"
#: Kind -> name -> module:class, imported when it is used.
BUILT_IN: dict[str, dict[str, str]] = {
    "extractor": {
        "NeighborPeakWindowSum": f"{_STAGES}.extractors.neighbor_peak",
        "LocalPeakWindowSum": f"{_STAGES}.extractors.windows",
        "GlobalPeakWindowSum": f"{_STAGES}.extractors.windows",
        "FixedWindowSum": f"{_STAGES}.extractors.windows",
        "SlidingWindowMaxSum": f"{_STAGES}.extractors.windows",
        "FullWaveformSum": f"{_STAGES}.extractors.windows",
        "BaselineSubtractedNeighborPeakWindowSum": f"{_STAGES}.extractors.neighbor_peak",
        "TwoPassWindowSum": f"{_STAGES}.extractors.two_pass",
        "FlashCamExtractor": f"{_STAGES}.extractors.flashcam",
        "VarianceExtractor": f"{_STAGES}.extractors.variance",
    },
    "cleaner": {
        "TailcutsImageCleaner": f"{_STAGES}.cleaners.tailcuts",
        "MARSImageCleaner": f"{_STAGES}.cleaners.mars",
        "FACTImageCleaner": f"{_STAGES}.cleaners.fact",
        "TimeConstrainedImageCleaner": f"{_STAGES}.cleaners.time_constrained",
        "NSBImageCleaner": f"{_STAGES}.cleaners.nsb",
    },
    "gain_selector": {
        "ThresholdGainSelector": f"{_STAGES}.gain_selection",
        "ManualGainSelector": f"{_STAGES}.gain_selection",
    },
    "modifier": {
        "WaveformModifier": f"{_STAGES}.tuning.waveform_modifier",
        "ImageModifier": f"{_STAGES}.tuning.image_modifier",
    },
    "muon_analysis": {
        "MuonOptions": f"{_STAGES}.muon_options",
    },
    "pixel_flags": {
        "SaturationFlags": f"{_STAGES}.saturation",
    },
    "reducer": {
        "NullDataVolumeReducer": f"{_STAGES}.reducers",
        "TailCutsDataVolumeReducer": f"{_STAGES}.reducers",
    },
}
#: Kinds whose components are not chosen but always there: other packages cannot add one.
ALWAYS_THERE = frozenset({"modifier", "muon_analysis", "pixel_flags"})
#: What a component of each kind must be able to do.
METHODS = {
    "extractor": ("extract", "extract_raw"),
    "cleaner": ("clean",),
    "reducer": ("select_pixels",),
    "gain_selector": ("gain_threshold",),
}


def component(kind: str, name: str) -> type[Any]:
    """The class of a component.

    Raises
    ------
    OptionError
        There is none of this name, or its package is broken.
    """
    if name in BUILT_IN[kind]:
        found: type[Any] = getattr(importlib.import_module(BUILT_IN[kind][name]), name)
        return found
    return _added_class(kind, name)


@cache
def _added_class(kind: str, name: str) -> type[Any]:
    added = _added(kind)
    if name not in added:
        raise OptionError.unknown_name(kind, name, names(kind))
    entry = added[name]
    package = f"{entry.value} of the package {entry.dist.name if entry.dist else 'unknown'}"
    try:
        found = entry.load()
    except Exception as error:
        raise OptionError(f"{kind} {name}: {package} cannot be imported: {error}") from error
    usable = isinstance(found, type) and dataclasses.is_dataclass(found)
    if not usable or not any(hasattr(found, method) for method in METHODS[kind]):
        needs = " or ".join(METHODS[kind])
        raise OptionError(
            f"{kind} {name}: {package} is no dataclass with a method {needs}: it cannot be used"
        )
    own: type[Any] = found
    return own


def names(kind: str) -> list[str]:
    """Names of all components of a kind, our own first."""
    return [*BUILT_IN[kind], *(name for name in _added(kind) if name not in BUILT_IN[kind])]


@cache
def _added(kind: str) -> dict[str, EntryPoint]:
    if kind in ALWAYS_THERE:
        return {}
    return {
        entry.name: entry for entry in _all_entry_points() if entry.group == f"ctabatch.{kind}s"
    }


@cache
def _all_entry_points() -> tuple[EntryPoint, ...]:
    found = entry_points()  # looks through all installed packages: once for all kinds
    return tuple(entry for group in found.groups for entry in found.select(group=group))


__all__ = ["BUILT_IN", "component", "names"]
