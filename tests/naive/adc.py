"""ADC samples and sums of one object, read in order."""

import struct

import numpy as np

from .varint import read_differences, read_signed


def samples(content, mode):
    """(waveform, pixels read out) or None if malformed."""
    n_pixels, n_gains, n_samples = struct.unpack_from("<ihh", content)
    rest = content[8:]
    listed = list(range(n_pixels))
    if mode == 1:
        n_ranges, rest = read_signed(rest)
        listed = []
        for _ in range(n_ranges):
            first, rest = read_signed(rest)
            if first < 0:
                listed.append(-first - 1)
            else:
                last, rest = read_signed(rest)
                listed += range(first, last + 1)
    out = np.zeros((n_gains, n_pixels, n_samples), np.uint16)
    for gain in range(n_gains):
        for pixel in listed:
            found = read_differences(rest, n_samples)
            if found is None:
                return None
            values, rest = found
            out[gain, pixel] = [value % (1 << 16) for value in values]
    return (out, listed) if len(rest) <= 3 else None


def sums(content):
    """Sums without zero suppression."""
    n_pixels, n_gains = struct.unpack_from("<ih", content)
    rest, rows = content[6:], []
    for _ in range(n_gains):
        found = read_differences(rest, n_pixels)
        if found is None:
            return None
        values, rest = found
        rows.append([value % (1 << 32) for value in values])
    return np.array(rows, np.uint32) if len(rest) <= 3 else None
