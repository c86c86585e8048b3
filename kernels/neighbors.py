"""Which pixels touch which: neighbour search on pixel positions, for any camera layout."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .jit import kernel

#: Of how many nearest pixels neighbours are chosen, and how much farther than the nearest one
#: they may be, for pixels on a hexagonal grid (L2 distance). The second ring starts at 1.73.
HEXAGON_COUNT, HEXAGON_RATIO = 6, 1.4
#: The same for square pixels (L1 distance). Diagonal pixels are at 2; cameras built of modules
#: have wider gaps between modules, so the ratio is half-way.
SQUARE_COUNT, SQUARE_RATIO = 4, 1.5


@kernel
def nearest_pixels(
    pixel_x: NDArray[np.float64],
    pixel_y: NDArray[np.float64],
    by_x: NDArray[np.int64],
    ratio: float,
    manhattan: bool,
    neighbors: NDArray[np.int32],
    counts: NDArray[np.int32],
) -> None:
    """Choose the neighbours of every pixel among its nearest pixels.

    Parameters
    ----------
    pixel_x, pixel_y : (n_pixels,) float64
        Pixel positions, any unit of length or angle.
    by_x : (n_pixels,) int64
        Pixel numbers sorted by `pixel_x`.
    ratio : float
        A neighbour is closer than `ratio` times the distance of the nearest pixel.
    manhattan : bool
        Measure |dx| + |dy| instead of the Euclidean distance.
    neighbors : (n_pixels, n_nearest) int32
        Out: row i starts with the neighbours of pixel i in ascending order; the rest is unchanged.
        Of pixels at equal distance those of lower number are the nearer ones.
    counts : (n_pixels,) int32
        Out: number of neighbours. A pixel without finite position, or at the very place of another
        pixel, has none.

    Notes
    -----
    Source: ctapipe's definition of neighbours.
    """
    n_pixels, n_nearest = neighbors.shape
    distance = np.empty(n_nearest)
    nearest = np.empty(n_nearest, np.int64)
    for place in range(n_pixels):
        pixel = by_x[place]
        distance[:] = np.inf
        nearest[:] = n_pixels
        for direction in (1, -1):
            other_place = place + direction
            # the distance cannot be smaller than its x component, so the search ends where that
            # alone exceeds the worst candidate
            while 0 <= other_place < n_pixels:
                other = by_x[other_place]
                other_place += direction
                dx = abs(pixel_x[other] - pixel_x[pixel])
                dy = abs(pixel_y[other] - pixel_y[pixel])
                if not dx <= distance[n_nearest - 1]:
                    break
                d = dx + dy if manhattan else np.sqrt(dx * dx + dy * dy)
                slot = n_nearest
                while slot > 0 and (
                    d < distance[slot - 1]
                    or (d == distance[slot - 1] and other < nearest[slot - 1])
                ):
                    slot -= 1
                if slot == n_nearest:
                    continue
                for k in range(n_nearest - 1, slot, -1):
                    distance[k] = distance[k - 1]
                    nearest[k] = nearest[k - 1]
                distance[slot] = d
                nearest[slot] = other
        count = 0
        for k in range(n_nearest):
            if distance[k] < ratio * distance[0]:
                slot = count
                while slot > 0 and neighbors[pixel, slot - 1] > nearest[k]:
                    neighbors[pixel, slot] = neighbors[pixel, slot - 1]
                    slot -= 1
                neighbors[pixel, slot] = nearest[k]
                count += 1
        counts[pixel] = count


def find_neighbors(
    pixel_x: NDArray[np.floating], pixel_y: NDArray[np.floating], square: bool
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Neighbours of all pixels in compressed rows.

    Parameters
    ----------
    pixel_x, pixel_y : (n_pixels,) floating
        Pixel positions, any unit of length or angle.
    square : bool
        Square pixels (up to 4 neighbours) or else hexagons and circles (up to 6).

    Returns
    -------
    indptr : (n_pixels + 1,) int32
        The neighbours of pixel i are ``indices[indptr[i]:indptr[i + 1]]``.
    indices : (n_neighbors,) int32
        Pixel numbers, ascending within a pixel. Not necessarily symmetric in irregular cameras.

    Notes
    -----
    Source: ctapipe's definition. A lone pixel has no neighbours.

    Examples
    --------
    >>> indptr, indices = find_neighbors(np.array([0.0, 1.0, 2.0]), np.zeros(3), square=True)
    >>> indptr.tolist(), indices.tolist()
    ([0, 1, 3, 4], [1, 0, 2, 1])
    """
    x = np.ascontiguousarray(pixel_x, dtype=np.float64)
    y = np.ascontiguousarray(pixel_y, dtype=np.float64)
    n_nearest = SQUARE_COUNT if square else HEXAGON_COUNT
    neighbors = np.empty((len(x), n_nearest), np.int32)
    counts = np.zeros(len(x), np.int32)
    by_x = np.argsort(x, kind="stable")
    nearest_pixels(x, y, by_x, SQUARE_RATIO if square else HEXAGON_RATIO, square, neighbors, counts)
    indptr = np.zeros(len(x) + 1, np.int32)
    np.cumsum(counts, out=indptr[1:])
    return indptr, neighbors[np.arange(n_nearest) < counts[:, np.newaxis]]
