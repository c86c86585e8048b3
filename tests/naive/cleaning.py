"""Cleaning of one image with sets of pixels; neighbours are a list of lists."""

import numpy as np

from tests.naive.tailcuts import tailcuts


def as_mask(pixels, n_pixels):
    return np.array([p in pixels for p in range(n_pixels)], dtype=bool)


def above(image, threshold):
    return {p for p, q in enumerate(image) if q >= np.float32(threshold)}


def with_neighbors(pixels, neighbors, least):
    return {p for p in pixels if sum(n in pixels for n in neighbors[p]) >= least}


def with_coincidence(pixels, peak_time, neighbors, least, limit):
    def near(p):
        return [
            n for n in neighbors[p]
            if n in pixels and abs(peak_time[p] - peak_time[n]) < np.float32(limit)
        ]  # fmt: skip

    return {p for p in pixels if len(near(p)) >= least}


def touching(pixels, candidates, neighbors):
    return {p for p in candidates if any(n in pixels for n in neighbors[p])}


def mars(image, neighbors, picture, boundary, least, keep_isolated):
    mask = tailcuts(image, neighbors, picture, boundary, least, keep_isolated)
    first, bright = set(np.flatnonzero(mask).tolist()), above(image, boundary)
    kept = first if keep_isolated else touching(bright, first, neighbors)
    return as_mask(kept | touching(first, bright, neighbors), len(image))


def fact(image, peak_time, neighbors, picture, boundary, least, limit):
    pixels = with_neighbors(above(image, picture), neighbors, least)
    bright = above(image, boundary)
    pixels = (pixels & bright) | touching(pixels, bright, neighbors)
    if least > 0:
        pixels = with_coincidence(pixels, peak_time, neighbors, least, limit)
        pixels = with_neighbors(pixels, neighbors, least)
        pixels = with_coincidence(pixels, peak_time, neighbors, least, limit)
    return as_mask(pixels, len(image))


def islands(pixels, neighbors):
    """Islands in the order of their lowest pixel; neighbours are symmetric."""
    rest, found = set(pixels), []
    while rest:
        island = {min(rest)}
        while more := touching(island, rest - island, neighbors):
            island |= more
        found.append(sorted(island))
        rest -= island
    return found


def labels(mask, neighbors):
    out = np.zeros(len(mask), np.int32)
    for number, island in enumerate(islands(np.flatnonzero(mask).tolist(), neighbors), 1):
        out[island] = number
    return out


def brightest(found, image):
    """The first island of the greatest charge; NaN counts as less than any."""
    charges = [sum(float(image[p]) for p in island) for island in found]
    order = [(not np.isnan(c), c, -k) for k, c in enumerate(charges)]
    return found[order.index(max(order))]


def time_constrained(image, peak_time, neighbors, picture, boundary, least, core, limit):
    pixels = with_neighbors(above(image, picture), neighbors, least)
    if not pixels:
        return as_mask(set(), len(image))
    main = brightest(islands(pixels, neighbors), image)
    weight = image[main].astype(float) ** 2
    with np.errstate(all="ignore"):
        mean = np.float32((weight * peak_time[main]).sum() / weight.sum())
        late = {p: float(abs(peak_time[p] - mean)) for p in pixels}
    kept = {p for p in pixels if late[p] < core * (1 + (image[p] >= np.float32(2 * picture)))}
    edge = touching(kept, above(image, boundary) - kept, neighbors)
    near = {
        p for p in edge
        if sum(n in kept and abs(peak_time[p] - peak_time[n]) < np.float32(limit)
               for n in neighbors[p]) >= least
    }  # fmt: skip
    return as_mask(kept | near, len(image))


def coincidence(mask, peak_time, neighbors, least, limit):
    pixels = set(np.flatnonzero(mask).tolist())
    return as_mask(with_coincidence(pixels, peak_time, neighbors, least, limit), len(mask))


def bright(image, threshold, fraction, n_brightest, mask):
    mean = np.mean(sorted((float(q) for q in image if not np.isnan(q)), reverse=True)[:n_brightest])
    if mean < threshold:
        return mask
    return mask & np.array([float(q) >= fraction * mean for q in image])


def grow_above(image, neighbors, threshold, mask):
    pixels, bright = set(np.flatnonzero(mask).tolist()), above(image, threshold)
    while (grown := (pixels & bright) | touching(pixels, bright, neighbors)) != pixels:
        pixels = grown
    return as_mask(pixels, len(image))


def dilate(neighbors, n_times, mask):
    for _ in range(n_times):
        mask = np.array([mask[p] or any(mask[n] for n in near) for p, near in enumerate(neighbors)])
    return mask
