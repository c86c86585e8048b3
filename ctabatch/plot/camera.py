"""Camera images: pixels in their true shape, cleaning contour and Hillas ellipse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry

from .style import NO_VALUE, PURPLE, VERMILION, axes_or_new, halo

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Half axes of the ellipse in standard deviations of the image.
N_SIGMA = 2
CONTOUR = "cleaned pixels"


def pixel_outlines(geometry: CameraGeometry) -> NDArray[np.float64]:
    """Corners of every pixel in the field of view, (n_pixels, n_corners, 2), deg.

    The axes are (fov_lon, fov_lat). Pixels have the area of the geometry: a hexagon of area A has
    the circumradius sqrt(2 A / (3 sqrt 3)), a square sqrt(A / 2). Edges face the neighbours; where
    there are none, pixels have the rotation of the geometry.
    """
    area = geometry.area_deg2
    if geometry.pixel_shape == "square":
        n_corners, radius, first = 4, np.sqrt(area / 2), 45.0
    elif geometry.pixel_shape == "hexagon":
        n_corners, radius, first = 6, np.sqrt(2 * area / (3 * np.sqrt(3))), 90.0
    else:
        n_corners, radius, first = 24, np.sqrt(area / np.pi), 0.0
    # corners in the camera frame; the field of view has its axes swapped
    turn = _edge_direction(geometry, n_corners)
    begin = (
        np.radians(first + geometry.pixel_rotation) if turn is None else turn + np.pi / n_corners
    )
    angle = begin + np.arange(n_corners) * 2 * np.pi / n_corners
    lon = geometry.fov_lon[:, None] + radius[:, None] * np.sin(angle)
    lat = geometry.fov_lat[:, None] + radius[:, None] * np.cos(angle)
    return np.stack([lon, lat], axis=-1)


def _edge_direction(geometry: CameraGeometry, n_corners: int) -> float | None:
    """Direction in the camera frame, rad, of the neighbours of a pixel, one of `n_corners`.

    Files with camera settings older than version 4 do not tell how pixels are turned. The mean of
    exp(i n phi) over the directions phi to all neighbours does (Nelson & Halperin, Phys. Rev. B 19,
    2457, 1979, eq. 2.4), None if the pixels are no regular grid.
    """
    indptr, indices = geometry.neighbors
    if geometry.pixel_shape == "circle" or not len(indices):
        return None
    pixel = np.repeat(np.arange(geometry.n_pixels), np.diff(indptr))
    x, y = geometry.pixel_x, geometry.pixel_y
    direction = np.arctan2(y[indices] - y[pixel], x[indices] - x[pixel])
    order = np.exp(1j * n_corners * direction).mean()
    return float(np.angle(order)) / n_corners if abs(order) > 0.9 else None


def mask_contour(geometry: CameraGeometry, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Edges around groups of pixels, (n_edges, 2, 2): ends in (fov_lon, fov_lat), deg.

    An edge that a pixel shares with a neighbour in the mask is no part of the contour: of each pair
    the edge that looks most in the direction of the other pixel.
    """
    outlines = pixel_outlines(geometry)
    edges = np.stack([outlines, np.roll(outlines, -1, axis=1)], axis=2)
    outer = np.repeat(mask[:, None], edges.shape[1], axis=1)
    if geometry.pixel_shape != "circle":
        indptr, indices = geometry.neighbors
        pixel = np.repeat(np.arange(len(mask)), np.diff(indptr))
        inside = mask[pixel] & mask[indices]
        one, other = pixel[inside], indices[inside]
        center = np.column_stack([geometry.fov_lon, geometry.fov_lat])
        outward = edges[one].mean(axis=2) - center[one][:, None]
        facing = np.einsum("pec,pc->pe", outward, center[other] - center[one])
        outer[one, facing.argmax(axis=1)] = False
    return edges[outer]


def camera_image(
    geometry: CameraGeometry,
    image: NDArray[Any],
    ax: Axes | None = None,
    *,
    mask: NDArray[np.bool_] | None = None,
    parameters: Mapping[str, Any] | None = None,
    source: tuple[float, float] | None = None,
    highlight: Mapping[int, str] | None = None,
    label: str = "charge / p.e.",
    title: str = "",
    cmap: str = "viridis",
    limits: tuple[float, float] | None = None,
) -> Axes:
    """Draw one camera image in the field of view.

    Parameters
    ----------
    geometry : CameraGeometry
    image : (n_pixels,) array
        Pixels that are NaN are grey.
    ax : Axes, optional
        Of a new figure by default.
    mask : (n_pixels,) bool, optional
        Pixels that survived cleaning; the groups of them are outlined.
    parameters : mapping, optional
        A row of dl1/parameters: its Hillas ellipse (2 standard deviations) and axis are drawn.
    source : tuple of float, optional
        Direction of the shower in the field of view, (fov_lon, fov_lat) in deg.
    highlight : mapping of int to str, optional
        Pixels to outline, and the colour of each.
    label : str
        Of the colour bar.
    title, cmap : str
    limits : tuple of float, optional
        Ends of the colour bar.

    Returns
    -------
    Axes
    """
    from matplotlib import colormaps
    from matplotlib.collections import LineCollection, PolyCollection

    ax = axes_or_new(ax)
    outlines = pixel_outlines(geometry)
    values = np.ma.masked_invalid(np.asarray(image, np.float64))
    colours = colormaps[cmap].with_extremes(bad=NO_VALUE)
    # edges in the colour of the pixel close the seams that antialiasing leaves
    pixels = PolyCollection(list(outlines), array=values, cmap=colours, lw=0.4, edgecolor="face")
    pixels.set_clim(*(_limits(values) if limits is None else limits))
    ax.add_collection(pixels)
    # inside the frame of the axes: beside axes of equal scales it would be taller than the camera
    ax.figure.colorbar(pixels, cax=ax.inset_axes((1.02, 0.0, 0.04, 1.0)), label=label)
    if mask is not None and mask.any():
        contour = LineCollection(list(mask_contour(geometry, mask)), colors="white", lw=1.1)
        contour.set_path_effects(halo(2.2, "black"))
        contour.set_capstyle("round")
        ax.add_collection(contour)
        # a legend would leave away the dark rim of the collection, without which it is not seen
        ax.plot([], [], color="white", lw=1.1, path_effects=halo(2.4, "black"), label=CONTOUR)
    for pixel, colour in (highlight or {}).items():
        ring = PolyCollection([outlines[pixel]], facecolor="none", edgecolor=colour, lw=1.1)
        ring.set_path_effects(halo(2.2))
        ax.add_collection(ring)
    reach = 1.03 * max(np.abs(outlines).max(), 0.1)
    ax.set(
        xlim=(-reach, reach),
        ylim=(-reach, reach),
        aspect="equal",
        xlabel="fov_lon / deg",
        ylabel="fov_lat / deg",
    )
    ax.set_title(title, fontsize="medium")
    if parameters is not None:
        hillas_ellipse(parameters, ax)
    if source is not None:
        ax.plot(*source, "*", color=PURPLE, ms=13, mec="white", mew=0.9, label="true direction")
    return ax


def hillas_ellipse(parameters: Mapping[str, Any], ax: Axes) -> Axes:
    """Draw ellipse and axis of an image; nothing if its length is not known.

    Parameters
    ----------
    parameters : mapping
        A row of dl1/parameters.
    ax : Axes
        In (fov_lon, fov_lat), deg.
    """
    from matplotlib.patches import Ellipse

    names = ("fov_lon", "fov_lat", "length", "width", "psi")
    values = [parameters[f"hillas_{name}"] for name in names]
    lon, lat, length, width, psi = (np.nan if value is None else value for value in values)
    if not np.isfinite([lon, lat, length, psi]).all():
        return ax
    size = 2 * N_SIGMA * length, 2 * N_SIGMA * np.nan_to_num(width)
    ellipse = Ellipse((lon, lat), *size, angle=psi, fill=False, color=VERMILION, lw=1.8)
    ellipse.set_path_effects(halo(3.0))
    ellipse.set_label(f"Hillas ellipse ({N_SIGMA} sigma)")
    ax.add_patch(ellipse)
    slope = np.tan(np.radians(psi))
    axis = ax.axline((lon, lat), slope=slope, color=VERMILION, lw=0.9, ls=(0, (6, 4)))
    axis.set_path_effects(halo(1.6))
    return ax


def _limits(values: np.ma.MaskedArray[Any, Any]) -> tuple[float, float]:
    """Ends of the colour scale: those of the values; of nothing, and of one value, some."""
    if values.count() == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


__all__ = ["camera_image", "hillas_ellipse", "mask_contour", "pixel_outlines"]
