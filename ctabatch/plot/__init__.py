"""Figures: cameras, waveforms, arrays. Every function draws on a matplotlib Axes and returns it."""
