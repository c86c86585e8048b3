"""Raw data of telescope events: ADC samples [2013] and ADC sums [2012] into one tensor per batch.

Object id: zero-suppression mode (bits 0-4), data reduction mode (5-9), "pixel list known" (10),
telescope (12-27). Content: number of pixels (i32), gains (i16), for samples also slices (i16), then
one array of differences per gain and pixel (samples) or per gain (sums).
Source: sim_telarray io_hess format, ``write_hess_teladc_samples`` / ``write_hess_teladc_sums``.
"""

from __future__ import annotations

import numpy as np

from .bytes import i16, i32, u16
from .jit import kernel
from .varint import read_differences, read_signed
from .varint_lanes import read_arrays

#: Result of decoding one object.
OK, MALFORMED, UNSUPPORTED = 0, 1, 2

SUMS, SAMPLES = 2012, 2013

#: Columns of the table of shapes.
N_GAINS, N_PIXELS, N_SAMPLES, ZERO_SUPPRESSION, STATUS = range(5)

REDUCED_WIDTH, NO_LOW_GAIN, PIXEL_BITS = 0x4000, 0x2000, 0x1FFF

#: Objects are padded to whole words: more bytes left over mean that the dimensions are wrong.
MAX_PADDING = 3


@kernel
def _verdict(pos: int, end: int) -> int:
    return OK if pos >= 0 and end - pos <= MAX_PADDING else MALFORMED


@kernel
def adc_shapes(
    data: np.ndarray,
    types: np.ndarray,
    versions: np.ndarray,
    ids: np.ndarray,
    offsets: np.ndarray,
    sizes: np.ndarray,
    out: np.ndarray,
) -> None:
    """Read the dimensions in front of each raw-data object.

    Parameters
    ----------
    data : uint8 (n,)
    types, versions, ids, offsets, sizes : int64 (n_events,)
        Header fields and content position of the objects.
    out : int64 (n_events, 5)
        Written: gains, pixels, samples (1 for sums), zero-suppression mode, status.

    Notes
    -----
    Every sample takes at least one byte: dimensions that the object is too short for are
    MALFORMED, so nobody allocates by them. With zero suppression the caller must compare with the
    telescope's description.
    """
    for k in range(types.shape[0]):
        head = 8 if types[k] == SAMPLES else 6
        out[k, :] = 0
        out[k, STATUS] = MALFORMED
        if versions[k] != 3 or (ids[k] >> 5) & 0x1F or (ids[k] >> 10) & 1:
            out[k, STATUS] = UNSUPPORTED
            continue
        if sizes[k] < head:
            continue
        pos = offsets[k]
        n_pixels, n_gains, n_samples = i32(data, pos), i16(data, pos + 4), np.int64(1)
        if types[k] == SAMPLES:
            n_samples = i16(data, pos + 6)
        mode = ids[k] & 0x1F
        if n_pixels < 1 or n_gains < 1 or n_gains > 2 or n_samples < 1:
            continue
        if mode == 0 and n_pixels * n_gains * n_samples > sizes[k] - head:
            continue
        if mode > (1 if types[k] == SAMPLES else 2):
            out[k, STATUS] = UNSUPPORTED
            continue
        out[k, N_GAINS], out[k, N_PIXELS], out[k, N_SAMPLES] = n_gains, n_pixels, n_samples
        out[k, ZERO_SUPPRESSION] = mode
        out[k, STATUS] = OK


@kernel
def _suppressed_samples(
    data: np.ndarray,
    pos: int,
    end: int,
    waveform: np.ndarray,
    n_gains: int,
    n_pixels: int,
    n_samples: int,
    read_out: np.ndarray,
) -> int:
    """Mode 1: list of pixel ranges, then for each gain the listed pixels."""
    n_ranges, pos = read_signed(data, pos, end)
    if pos < 0 or n_ranges < 0:
        return MALFORMED
    lists = pos
    n_listed = np.int64(0)
    for _ in range(n_ranges):
        first, pos = read_signed(data, pos, end)
        last = first
        if first < 0:
            first = last = -first - 1
        elif pos >= 0:
            last, pos = read_signed(data, pos, end)
        if pos < 0 or first >= n_pixels or last >= n_pixels or last < first:
            return MALFORMED
        n_listed += last - first + 1
        if n_listed > n_pixels:
            return MALFORMED
        for pixel in range(first, last + 1):
            read_out[pixel] = True
    for gain in range(n_gains):
        again = lists
        for _ in range(n_ranges):
            first, again = read_signed(data, again, end)
            last = first
            if first < 0:
                first = last = -first - 1
            else:
                last, again = read_signed(data, again, end)
            for pixel in range(first, last + 1):
                begin = (gain * n_pixels + pixel) * n_samples
                pos = read_differences(data, pos, end, n_samples, waveform, begin)
                if pos < 0:
                    return MALFORMED
    return _verdict(pos, end)


@kernel
def _suppressed_sums_groups(
    data: np.ndarray,
    pos: int,
    end: int,
    sums: np.ndarray,
    n_gains: int,
    n_pixels: int,
    read_out: np.ndarray,
    scratch: np.ndarray,
) -> int:
    """Mode 1: groups of 16 pixels with a bit mask; low gain first."""
    for group in range(0, n_pixels, 16):
        if pos + 2 > end:
            return MALFORMED
        bits = u16(data, pos)
        pos += 2
        n_here = 0
        for j in range(min(16, n_pixels - group)):
            n_here += (bits >> j) & 1
        if bits >> min(16, n_pixels - group):
            return MALFORMED
        for gain in range(n_gains - 1, -1, -1):
            pos = read_differences(data, pos, end, n_here, scratch, 0)
            if pos < 0:
                return MALFORMED
            k = 0
            for j in range(min(16, n_pixels - group)):
                if (bits >> j) & 1:
                    sums[gain * n_pixels + group + j] = scratch[k]
                    read_out[group + j] = True
                    k += 1
    return _verdict(pos, end)


@kernel
def _suppressed_sums_list(
    data: np.ndarray,
    pos: int,
    end: int,
    sums: np.ndarray,
    n_gains: int,
    n_pixels: int,
    read_out: np.ndarray,
    scratch: np.ndarray,
) -> int:
    """Mode 2: list of pixels with flags: no low gain, high gain in 8 bits."""
    if pos + 2 > end:
        return MALFORMED
    n_list = i16(data, pos)
    entries = pos + 2
    pos = entries + 2 * n_list
    if n_list < 0 or n_list > n_pixels or pos > end:
        return MALFORMED
    n_low = n_high = n_short = 0
    for k in range(n_list):
        entry = u16(data, entries + 2 * k)
        if entry & PIXEL_BITS >= n_pixels:
            return MALFORMED
        if entry & REDUCED_WIDTH:
            n_short += 1
        else:
            n_high += 1
            if n_gains == 2 and not entry & NO_LOW_GAIN:
                n_low += 1
    # order in the file: low gain, high gain, 8-bit high gain
    pos = read_differences(data, pos, end, n_low, scratch, 0)
    if pos >= 0:
        pos = read_differences(data, pos, end, n_high, scratch, n_pixels)
    if pos < 0 or pos + n_short > end:
        return MALFORMED
    i_low = i_high = i_short = 0
    for k in range(n_list):
        entry = u16(data, entries + 2 * k)
        pixel = entry & PIXEL_BITS
        read_out[pixel] = True
        if entry & REDUCED_WIDTH:
            sums[pixel] = data[pos + i_short]
            i_short += 1
            continue
        sums[pixel] = scratch[n_pixels + i_high]
        i_high += 1
        if n_gains == 2 and not entry & NO_LOW_GAIN:
            sums[n_pixels + pixel] = scratch[i_low]
            i_low += 1
    return _verdict(pos + n_short, end)


@kernel
def decode_samples(
    data: np.ndarray,
    ids: np.ndarray,
    offsets: np.ndarray,
    sizes: np.ndarray,
    out: np.ndarray,
    read_out: np.ndarray,
    status: np.ndarray,
) -> None:
    """Decode ADC samples of events of one shape.

    Parameters
    ----------
    data : uint8 (n,)
    ids, offsets, sizes : int64 (n_events,)
        Object ids, content positions and sizes, whose dimensions `adc_shapes` found OK.
    out : uint16 (n_events, n_gains, n_pixels, n_samples)
        Written; gain 0 is the high gain. Pixels that were not read out stay as they are.
    read_out : bool (n_events, n_pixels)
        Written: whether the pixel is in the file.
    status : int64 (n_events,)
        Written: OK or MALFORMED.
    """
    n_gains, n_pixels, n_samples = out.shape[1:]
    for k in range(offsets.shape[0]):
        waveform = out[k].reshape(-1)
        pos, end = offsets[k] + 8, offsets[k] + sizes[k]
        if ids[k] & 0x1F:
            read_out[k, :] = False
            status[k] = _suppressed_samples(
                data, pos, end, waveform, n_gains, n_pixels, n_samples, read_out[k]
            )
            continue
        read_out[k, :] = True
        pos = read_arrays(data, pos, end, n_gains * n_pixels, n_samples, waveform)
        status[k] = _verdict(pos, end)


@kernel
def decode_sums(
    data: np.ndarray,
    ids: np.ndarray,
    offsets: np.ndarray,
    sizes: np.ndarray,
    out: np.ndarray,
    read_out: np.ndarray,
    status: np.ndarray,
) -> None:
    """Decode ADC sums of events of one shape; as `decode_samples`, `out` uint32 of one sample."""
    n_gains, n_pixels = out.shape[1:3]
    scratch = np.empty(2 * n_pixels, np.uint32)
    for k in range(offsets.shape[0]):
        sums = out[k].reshape(-1)
        pos, end = offsets[k] + 6, offsets[k] + sizes[k]
        mode = ids[k] & 0x1F
        read_out[k, :] = mode == 0
        if mode == 1:
            status[k] = _suppressed_sums_groups(
                data, pos, end, sums, n_gains, n_pixels, read_out[k], scratch
            )
        elif mode == 2:
            status[k] = _suppressed_sums_list(
                data, pos, end, sums, n_gains, n_pixels, read_out[k], scratch
            )
        else:
            for gain in range(n_gains):
                pos = read_differences(data, pos, end, n_pixels, sums, gain * n_pixels)
                if pos < 0:
                    break
            status[k] = _verdict(pos, end)
