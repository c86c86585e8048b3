"""Selection of pixels, one image at a time."""

import numpy as np


def selected_pixels(mask):
    lists = [np.flatnonzero(row) for row in mask]
    offsets = np.cumsum([0] + [len(pixels) for pixels in lists])
    return offsets, np.concatenate([*lists, np.empty(0, dtype=int)])


def selected_values(image, mask):
    return np.concatenate([*(row[m] for row, m in zip(image, mask, strict=True)), np.empty(0)])
