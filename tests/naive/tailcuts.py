"""Two-threshold cleaning of one image with sets of pixels."""

import numpy as np


def tailcuts(image, neighbors, picture, boundary, min_picture_neighbors, keep_isolated):
    """Neighbours are a list with the list of neighbours of every pixel."""
    picture, boundary = np.float32(picture), np.float32(boundary)
    bright = {p for p, q in enumerate(image) if q >= picture}
    above = {p for p, q in enumerate(image) if q >= boundary}
    kept = set(bright)
    if not keep_isolated:
        kept = {
            p for p in bright if sum(n in bright for n in neighbors[p]) >= min_picture_neighbors
        }
    selected = {p for p in above if any(n in kept for n in neighbors[p])}
    selected |= {p for p in kept if keep_isolated or any(n in above for n in neighbors[p])}
    return np.array([p in selected for p in range(len(image))], dtype=bool)
