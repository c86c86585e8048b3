"""Islands of one image by merging sets."""

import numpy as np


def morphology(pixels, neighbors):
    """Neighbours are a list with the list of neighbours of every pixel, symmetric."""
    if len(pixels) < 2:
        return np.full(5, -1)
    islands = []
    for pixel in pixels:
        touching = [island for island in islands if island & set(neighbors[pixel])]
        islands = [island for island in islands if island not in touching]
        islands.append({pixel}.union(*touching))
    sizes = np.array([len(island) for island in islands])
    return np.array(
        [
            len(pixels),
            len(sizes),
            (sizes <= 2).sum(),
            ((sizes > 2) & (sizes <= 50)).sum(),
            (sizes > 50).sum(),
        ]
    )
