"""Which pixel a point in the focal plane belongs to, for any layout of equal pixels."""

from __future__ import annotations

import math

import numpy as np

from .jit import kernel

#: Most pixels whose bounding squares can overlap one cell of the search grid.
MAX_CANDIDATES = 9
#: How pixels are shaped: codes of EventIO 2002.
HEXAGON, SQUARE = 1, 2


@kernel
def fill_cells(
    pixel_x: np.ndarray,
    pixel_y: np.ndarray,
    width: float,
    left: float,
    bottom: float,
    cells: np.ndarray,
) -> bool:
    """Note for every cell of a square grid which pixels reach into it.

    Parameters
    ----------
    pixel_x, pixel_y : float64 arrays of shape (n_pixels,)
        Centres, m.
    width : float
        Edge of a cell, m; not less than the distance between opposite flats of a pixel.
    left, bottom : float
        Corner of the grid, m.
    cells : int32 array of shape (n_rows, n_columns, MAX_CANDIDATES)
        Written: pixel numbers, then -1.

    Returns
    -------
    bool
        False if a cell has more candidates than fit or a pixel lies outside of the grid.

    Notes
    -----
    Source: the usual cell list. Half the width of a hexagon's bounding square is taken as
    1 / sqrt(3) of its flat-to-flat width, which also covers squares.
    """
    cells[:] = -1
    reach = width / math.sqrt(3.0)
    fits = True
    for p in range(pixel_x.shape[0]):
        for row in range(
            int((pixel_y[p] - reach - bottom) // width),
            int((pixel_y[p] + reach - bottom) // width) + 1,
        ):
            for column in range(
                int((pixel_x[p] - reach - left) // width),
                int((pixel_x[p] + reach - left) // width) + 1,
            ):
                if not (0 <= row < cells.shape[0] and 0 <= column < cells.shape[1]):
                    fits = False
                    continue
                slot = 0
                while slot < MAX_CANDIDATES and cells[row, column, slot] >= 0:
                    slot += 1
                if slot == MAX_CANDIDATES:
                    fits = False
                else:
                    cells[row, column, slot] = p
    return fits


@kernel
def find_pixels(
    lon: np.ndarray,
    lat: np.ndarray,
    pixel_x: np.ndarray,
    pixel_y: np.ndarray,
    cells: np.ndarray,
    width: float,
    left: float,
    bottom: float,
    pixel_width: float,
    shape: int,
    focal_length: float,
    rotation: float,
    out: np.ndarray,
) -> None:
    """Find the pixels that points of the field of view fall on.

    Parameters
    ----------
    lon, lat : float32 arrays of shape (n,)
        Angles along rising azimuth and rising altitude, rad.
    pixel_x, pixel_y, cells, width, left, bottom
        As for `fill_cells`; positions before the rotation of the camera.
    pixel_width : float
        Distance between opposite sides of a pixel, m.
    shape : int
        HEXAGON (rows along x) or SQUARE.
    focal_length : float
        m; positions are angles times it, as in ctapipe's definition: x along lat, y along lon.
    rotation : float
        Rotation of the camera, rad.
    out : int32 array of shape (n,)
        Written: pixel, -1 for points in a gap or outside of the camera or not finite.

    Notes
    -----
    Source: hexagon of rotation 0 in EventIO 2002: two sides are parallel to y.
    """
    half = 0.5 * pixel_width
    cosine, sine = math.cos(rotation), math.sin(rotation)
    for k in range(out.shape[0]):
        out[k] = -1
        a, b = focal_length * lat[k], focal_length * lon[k]
        x, y = a * cosine + b * sine, b * cosine - a * sine
        row, column = math.floor((y - bottom) / width), math.floor((x - left) / width)
        if not (0 <= row < cells.shape[0] and 0 <= column < cells.shape[1]):
            continue
        for slot in range(MAX_CANDIDATES):
            p = cells[int(row), int(column), slot]
            if p < 0:
                break
            dx, dy = abs(x - pixel_x[p]), abs(y - pixel_y[p])
            if shape == HEXAGON:
                inside = dx <= half and 0.5 * dx + 0.5 * math.sqrt(3.0) * dy <= half
            else:
                inside = dx <= half and dy <= half
            if inside:
                out[k] = p
                break
