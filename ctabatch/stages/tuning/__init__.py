"""Simulations made more like what was observed: a worse point spread, more night-sky light."""

from .image_modifier import ImageModifier
from .waveform_modifier import WaveformModifier

__all__ = ["ImageModifier", "WaveformModifier"]
