"""The kernels of the simulator, in the plainest form: Python integers, numpy and loops."""

import math
from itertools import pairwise

import numpy as np

WORD = 2**64 - 1
STEP = 0x9E3779B97F4A7C15


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & WORD
    return z ^ (z >> 31)


def start_stream(*numbers):
    state = 0
    for number in numbers:
        state = mix(((state ^ number) + STEP) & WORD)
    return state


def bits(state, n):
    return [mix(state + STEP * k & WORD) for k in range(1, n + 1)]


def uniforms(state, n):
    return [((b >> 11) + 0.5) / 2**53 for b in bits(state, n)]


def find_pixel(x, y, pixel_x, pixel_y, width, square):
    """Nearest pixel if the point is inside of it, for points not on an edge."""
    nearest = int(np.argmin(np.hypot(pixel_x - x, pixel_y - y)))
    dx, dy = x - pixel_x[nearest], y - pixel_y[nearest]
    angles = np.deg2rad([0, 90] if square else [0, 60, 120])
    inside = np.all(np.abs(dx * np.cos(angles) + dy * np.sin(angles)) <= width / 2)
    return nearest if inside else -1


def sort_by_pixel(offsets, pixel, time):
    events = []
    for begin, end in pairwise(offsets):
        inside = [k for k in range(begin, end) if pixel[k] >= 0]
        events.append(sorted(inside, key=lambda k: pixel[k]))
    order = [k for event in events for k in event]
    new_offsets = np.cumsum([0, *map(len, events)])
    return new_offsets, pixel[order], time[order]


def patch_trigger(pixel, time, neighbors, threshold, window):
    patches = [np.isin(pixel, [p, *touching]) for p, touching in enumerate(neighbors)]
    best = max(patches, key=np.sum)
    times = np.sort(time[best])
    for k in range(threshold - 1, len(times)):
        if times[k] - times[k - threshold + 1] <= window:
            return times[k]
    return math.nan


def waveform(pixels, times, pedestal, per_pe, delay, pulses, first_sample, slice_, highest, n):
    """Noise-free samples (n_gains, n_pixels, n) of one telescope event."""
    signal = np.zeros((pedestal.shape[1], n))
    for p, t in zip(pixels, times, strict=True):
        whole, part = divmod((t + delay[0, p]) / slice_, 1)
        for k, share in enumerate(pulses[int(part * len(pulses))]):
            if 0 <= int(whole) + first_sample + k < n:
                signal[p, int(whole) + first_sample + k] += share
    value = pedestal[:, :, np.newaxis] + per_pe[:, :, np.newaxis] * signal
    return np.clip(np.floor(value + 0.5), 0, highest)


def density(edges, slices, direction, place, ahead, cos_edge):
    """Photons per m2 at a place from the slices of one cascade."""
    middle = (edges[:-1, :3] + edges[1:, :3]) / 2 - place
    distance = np.linalg.norm(middle, axis=1)
    sine = np.linalg.norm(np.cross(middle, direction), axis=1) / distance
    off = sine / slices[:, 3] - 1
    narrow = slices[:, 0] * np.exp(np.where(off > 0, -off / 0.75, off / 2.5))
    wide = slices[:, 1] * np.exp(-sine / slices[:, 2])
    seen = (middle[:, 2] > 50) & (middle @ ahead > cos_edge * distance)
    return ((narrow + wide) / distance**2)[seen].sum()


def chord(impact, radius, azimuth, reach, n=200_000):
    """Length inside the disc, by walking along the line."""
    along = (np.arange(n) + 0.5) * (4 * radius + impact) / n
    x, y = along * math.cos(azimuth) - impact, along * math.sin(azimuth)
    inside = (np.hypot(x, y) < radius) & (along < reach)
    return inside.mean() * (4 * radius + impact)
