"""Contents of raw-data objects and photo-electrons, put together piece by piece."""

import struct
from itertools import groupby

from .varint_encode import differences, signed


def padded(content):
    return content + bytes(-len(content) % 4)


def ranges(read_out):
    """Pixels that were read out as a list of (first, last)."""
    found = []
    for pixel, is_there in enumerate(read_out):
        if not is_there:
            continue
        if found and found[-1][1] == pixel - 1:
            found[-1][1] = pixel
        else:
            found.append([pixel, pixel])
    return found


def samples(waveform, read_out=None):
    n_gains, n_pixels, n_samples = waveform.shape
    content = struct.pack("<ihh", n_pixels, n_gains, n_samples)
    pixels = range(n_pixels)
    if read_out is not None:
        listed = ranges(read_out)
        content += signed(len(listed))
        for first, last in listed:
            content += signed(-first - 1) if first == last else signed(first) + signed(last)
        pixels = [p for first, last in listed for p in range(first, last + 1)]
    for gain in waveform:
        for pixel in pixels:
            content += differences(gain[pixel])
    return padded(content)


def sums(values):
    n_gains, n_pixels = values.shape
    content = struct.pack("<ih", n_pixels, n_gains)
    return padded(content + b"".join(differences(gain) for gain in values))


def photoelectrons(pixel, time, n_pixels, version):
    by_pixel = [
        (p, [t for _, t in g])
        for p, g in groupby(zip(pixel, time, strict=True), key=lambda e: e[0])
    ]
    content = struct.pack("<iihi", len(pixel), n_pixels, 0, len(by_pixel))
    for number, times in by_pixel:
        content += signed(number) if version > 2 else struct.pack("<h", number)
        content += struct.pack(f"<i{len(times)}f", len(times), *times)
    return padded(content)
