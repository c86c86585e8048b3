"""Camera images: pixels in their true shape, cleaning contour and Hillas ellipse."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.camera import CameraGeometry

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def pixel_outlines(geometry: CameraGeometry) -> NDArray[np.float64]:
    """Corners of every pixel in the field of view, (n_pixels, n_corners, 2), deg.

    The axes are (fov_lon, fov_lat). Pixels have the area of the geometry and touch: a hexagon of
    area A has the circumradius sqrt(2 A / (3 sqrt 3)), a square sqrt(A / 2).
    """
    area = geometry.area_deg2
    if geometry.pixel_shape == "square":
        n_corners, radius, first = 4, np.sqrt(area / 2), 45.0
    elif geometry.pixel_shape == "hexagon":
        n_corners, radius, first = 6, np.sqrt(2 * area / (3 * np.sqrt(3))), 90.0
    else:
        n_corners, radius, first = 24, np.sqrt(area / np.pi), 0.0
    # corners in the camera frame; the field of view has its axes swapped
    angle = np.radians(first + geometry.pixel_rotation + np.arange(n_corners) * 360 / n_corners)
    lon = geometry.fov_lon[:, None] + radius[:, None] * np.sin(angle)
    lat = geometry.fov_lat[:, None] + radius[:, None] * np.cos(angle)
    return np.stack([lon, lat], axis=-1)


def camera_image(
    ax: Axes,
    geometry: CameraGeometry,
    image: NDArray[Any],
    *,
    mask: NDArray[np.bool_] | None = None,
    parameters: Mapping[str, float] | None = None,
    source: tuple[float, float] | None = None,
    label: str = "charge / p.e.",
    title: str = "",
) -> Axes:
    """Draw one camera image in the field of view.

    Parameters
    ----------
    ax : Axes
    geometry : CameraGeometry
    image : (n_pixels,) array
    mask : (n_pixels,) bool, optional
        Pixels that survived cleaning; outlined.
    parameters : mapping, optional
        A row of dl1/parameters: its Hillas ellipse and axis are drawn.
    source : tuple of float, optional
        Direction of the shower in the field of view, (fov_lon, fov_lat) in deg.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Ellipse

    outlines = pixel_outlines(geometry)
    pixels = PolyCollection(list(outlines), array=np.asarray(image, float), cmap="viridis", lw=0)
    pixels.set_edgecolor("face")
    ax.add_collection(pixels)
    ax.figure.colorbar(pixels, ax=ax, label=label, shrink=0.8)
    if mask is not None and mask.any():
        ax.add_collection(
            PolyCollection(list(outlines[mask]), facecolor="none", edgecolor="white", lw=0.5)
        )
    if parameters is not None and np.isfinite(parameters["hillas_length"]):
        center = parameters["hillas_fov_lon"], parameters["hillas_fov_lat"]
        length, width = parameters["hillas_length"], parameters["hillas_width"]
        psi = parameters["hillas_psi"]
        ax.add_patch(
            Ellipse(center, 4 * length, 4 * width, angle=psi, fill=False, color="tab:red", lw=1.5)
        )
        ax.axline(center, slope=np.tan(np.radians(psi)), color="tab:red", lw=0.6, ls="--")
    if source is not None:
        ax.plot(*source, "*", color="magenta", ms=9, mec="white", mew=0.5)
    reach = 1.03 * max(np.abs(outlines).max(), 0.1)
    ax.set(
        xlim=(-reach, reach),
        ylim=(-reach, reach),
        aspect="equal",
        xlabel="fov_lon / deg",
        ylabel="fov_lat / deg",
        title=title,
    )
    return ax
