"""Numerical kernels: numpy and numba only, one idea per file, read-only views in, arrays out."""
