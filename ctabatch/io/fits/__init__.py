"""FITS files of the open gamma-ray data formats (GADF) v0.3: responses, event lists, index tables.

Arrays and headers only: nothing here knows how the numbers were made. Facts follow
https://gamma-astro-data-formats.readthedocs.io at the tag v0.3.
"""
