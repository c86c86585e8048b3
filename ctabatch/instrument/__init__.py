"""Geometry that every stage shares: subarray, cameras, neighbours, optics, frames."""
