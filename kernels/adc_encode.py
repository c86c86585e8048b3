"""Raw data of telescope events written: contents of ADC samples [2013] and ADC sums [2012].

The inverse of `ctabatch.kernels.adc`. Each content is filled up to whole words of four bytes.
Source: sim_telarray io_hess format, ``write_hess_teladc_samples`` / ``write_hess_teladc_sums``.
"""

from __future__ import annotations

import numpy as np

from .jit import kernel
from .varint_encode import (
    WIDEST_U16,
    WIDEST_U32,
    put_i16,
    put_i32,
    write_differences,
    write_signed,
)

SAMPLES_HEAD, SUMS_HEAD = 8, 6


@kernel
def samples_bound(n_gains: int, n_pixels: int, n_samples: int) -> int:
    """Most bytes that the samples of one telescope event can take, with or without suppression."""
    # a list of single pixels has at most n_pixels entries, a pair of range ends counts two pixels
    lists = 5 * (n_pixels + 1)
    return SAMPLES_HEAD + lists + WIDEST_U16 * n_gains * n_pixels * n_samples + 3


@kernel
def sums_bound(n_gains: int, n_pixels: int) -> int:
    """Most bytes that the sums of one telescope event can take."""
    return SUMS_HEAD + WIDEST_U32 * n_gains * n_pixels + 3


@kernel
def pad(out: np.ndarray, begin: int, pos: int) -> int:
    """Fill with zeros up to whole words counted from `begin`; returns the new position."""
    while (pos - begin) & 3:
        out[pos] = 0
        pos += 1
    return pos


@kernel
def _write_ranges(read_out: np.ndarray, out: np.ndarray, pos: int) -> int:
    """List of zero suppression mode 1: number of ranges, then each; -p-1 is pixel p alone."""
    n_pixels = read_out.shape[0]
    n_ranges = 0
    for pixel in range(n_pixels):
        n_ranges += read_out[pixel] and (pixel == 0 or not read_out[pixel - 1])
    pos = write_signed(n_ranges, out, pos)
    first = 0
    for pixel in range(n_pixels):
        if not read_out[pixel]:
            continue
        if pixel == 0 or not read_out[pixel - 1]:
            first = pixel
        if pixel + 1 == n_pixels or not read_out[pixel + 1]:
            if first == pixel:
                pos = write_signed(-pixel - 1, out, pos)
            else:
                pos = write_signed(pixel, out, write_signed(first, out, pos))
    return pos


@kernel
def encode_samples(
    waveform: np.ndarray,
    rows: np.ndarray,
    read_out: np.ndarray,
    suppress: bool,
    out: np.ndarray,
    offsets: np.ndarray,
) -> None:
    """Encode the ADC samples of some telescope events, one behind the other.

    Parameters
    ----------
    waveform : uint16 (n_events, n_gains, n_pixels, n_samples)
        ADC counts; gain 0 is the high gain.
    rows : int64 (n,)
        Events to encode, in this order.
    read_out : bool (n_events, n_pixels)
        Pixels to be written; read only if `suppress`.
    suppress : bool
        Zero suppression mode 1, else mode 0.
    out : uint8 (m,)
        Written; `m` at least ``n * samples_bound(...)``.
    offsets : int64 (n + 1,)
        Written: content k is ``out[offsets[k]:offsets[k + 1]]``.
    """
    n_gains, n_pixels, n_samples = waveform.shape[1:]
    pos = np.int64(0)
    for k in range(rows.shape[0]):
        begin = offsets[k] = pos
        samples = waveform[rows[k]].reshape(-1)
        put_i32(n_pixels, out, pos)
        put_i16(n_gains, out, pos + 4)
        put_i16(n_samples, out, pos + 6)
        pos += SAMPLES_HEAD
        if suppress:
            pos = _write_ranges(read_out[rows[k]], out, pos)
        for gain in range(n_gains):
            for pixel in range(n_pixels):
                if not suppress or read_out[rows[k], pixel]:
                    start = (gain * n_pixels + pixel) * n_samples
                    pos = write_differences(samples, start, start + n_samples, out, pos)
        pos = pad(out, begin, pos)
    offsets[rows.shape[0]] = pos


@kernel
def encode_sums(sums: np.ndarray, rows: np.ndarray, out: np.ndarray, offsets: np.ndarray) -> None:
    """Encode the ADC sums of some telescope events, one behind the other.

    Parameters
    ----------
    sums : uint32 (n_events, n_gains, n_pixels, 1)
    rows : int64 (n,)
        Events to encode, in this order.
    out : uint8 (m,)
        Written; `m` at least ``n * sums_bound(...)``.
    offsets : int64 (n + 1,)
        Written: content k is ``out[offsets[k]:offsets[k + 1]]``.
    """
    n_gains, n_pixels = sums.shape[1:3]
    pos = np.int64(0)
    for k in range(rows.shape[0]):
        begin = offsets[k] = pos
        values = sums[rows[k]].reshape(-1)
        put_i32(n_pixels, out, pos)
        put_i16(n_gains, out, pos + 4)
        pos += SUMS_HEAD
        for gain in range(n_gains):
            pos = write_differences(values, gain * n_pixels, (gain + 1) * n_pixels, out, pos)
        pos = pad(out, begin, pos)
    offsets[rows.shape[0]] = pos
