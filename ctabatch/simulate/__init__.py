"""Toy showers and cameras: simulated events in the real file format, or as datasets."""
