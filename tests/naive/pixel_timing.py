"""Pixel timing of one telescope event, read in order with struct."""

import struct

import numpy as np

from .varint import read_signed


def timing(content, n_types_out):
    """(times, local sums, global sums)"""
    n_pixels, n_gains, before, after, kind, size = struct.unpack_from("<6h", content)
    rest = content[12:]
    entries = struct.unpack_from(f"<{kind * size}h", rest)
    rest = rest[2 * kind * size :]
    threshold, n_types = struct.unpack_from("<2h", rest)
    rest = rest[4 + 6 * n_types :]
    (step,), rest = np.frombuffer(rest[:4], "<f4"), rest[8:]
    pixels = list(entries)
    if kind == 2:
        pixels = [p for a, b in zip(*[iter(entries)] * 2, strict=True) for p in range(a, b + 1)]
    times = np.full((n_pixels, n_types_out), np.nan, np.float32)
    sums = np.zeros((2, n_gains, n_pixels), np.int32)
    with_sums = before >= 0 and after >= 0
    for p in pixels:
        for i in range(n_types):
            (value,), rest = struct.unpack_from("<h", rest), rest[2:]
            times[p, i] = np.float32(value) * step
        for which in range((2 if threshold < 0 else 1) if with_sums else 0):
            for gain in range(n_gains):
                sums[which, gain, p], rest = read_signed(rest)
    if with_sums and size > 0 and threshold >= 0:
        for gain in range(n_gains):
            for p in range(n_pixels):
                sums[1, gain, p], rest = read_signed(rest)
    return times, sums[0], sums[1]
