"""The array from above: telescopes, which of them triggered, and where the shower fell."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ctabatch.instrument.frames import field_to_sky
from ctabatch.instrument.subarray import SubarrayDescription

from .style import BLUE, ORANGE, PURPLE, VERMILION, axes_or_new, halo

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: North and west in m.
Place = tuple[float, float]
#: Distance in deg of the second point on an image axis, from the centroid.
_STEP = 0.1
#: Arrays of more telescopes get the numbers of those that triggered alone.
_NUMBERED = 20


def ground_axis(
    parameters: Mapping[str, Any], pointing: tuple[float, float]
) -> NDArray[np.float64] | None:
    """Direction on the ground of the line on which an image puts the core.

    It is where the plane through the telescope and the image axis meets the horizontal plane
    (T. Gasparetto, PhD thesis (2020), section 7.1.4). The line goes through the telescope.

    Parameters
    ----------
    parameters : mapping
        A row of dl1/parameters.
    pointing : tuple of float
        Altitude and azimuth of the telescope in rad.

    Returns
    -------
    (2,) float64 or None
        Unit vector to the north and west, of any sign; None for images without an axis.
    """
    values = [parameters[f"hillas_{name}"] for name in ("fov_lon", "fov_lat", "psi")]
    lon, lat, psi = (np.nan if value is None else float(value) for value in values)
    if not np.isfinite([lon, lat, psi, *pointing]).all():
        return None
    angle = np.radians(psi)
    field = lon + _STEP * np.array([0, np.cos(angle)]), lat + _STEP * np.array([0, np.sin(angle)])
    alt, az = (np.radians(v) for v in field_to_sky(*field, *np.degrees(pointing)))
    first, second = np.stack(
        [np.cos(alt) * np.cos(az), -np.cos(alt) * np.sin(az), np.sin(alt)], axis=1
    )
    north, west, _ = np.cross(first, second)  # the normal of the plane
    length = np.hypot(north, west)
    return None if length == 0 else np.array([west, -north]) / length


def array_view(
    subarray: SubarrayDescription,
    ax: Axes | None = None,
    *,
    triggered: Collection[int] = (),
    axes: Mapping[int, NDArray[np.float64]] | None = None,
    core: Place | None = None,
    reconstructed: Place | None = None,
    title: str = "",
) -> Axes:
    """Draw telescopes as circles of their mirror's size, doubled, and what is known of a shower.

    The view shows the telescopes that triggered and the cores; all telescopes if none triggered or
    if they are not much wider.

    Parameters
    ----------
    subarray : SubarrayDescription
    ax : Axes, optional
        Of a new figure by default.
    triggered : collection of int
        Telescopes to fill and to number.
    axes : mapping of int to array, optional
        Telescope -> direction of its image axis on the ground, see `ground_axis`.
    core : tuple of float, optional
        True core position, north and west in m.
    reconstructed : tuple of float, optional
        Reconstructed core.
    title : str

    Returns
    -------
    Axes
        East to the right, north up.
    """
    ax = axes_or_new(ax)
    places = {t: scope.position[:2] for t, scope in subarray.telescopes.items()}
    radii = {t: 2 * np.sqrt(scope.optics.mirror_area / np.pi)
             for t, scope in subarray.telescopes.items()}  # fmt: skip
    center, reach = _view(places, triggered, core, reconstructed)
    reach += max(radii.values(), default=0.0)
    for k, (tel_id, direction) in enumerate((axes or {}).items()):
        north, west = places[tel_id]
        far = np.array([-1, 1]) * 4 * (reach + abs(north - center[0]) + abs(west - center[1]))
        ax.plot(-west - far * direction[1], north + far * direction[0], color=BLUE, lw=0.9,
                alpha=0.7, zorder=1, label=None if k else "image axes")  # fmt: skip
    _telescopes(ax, center, places, radii, triggered, reach)
    if core is not None:
        ax.plot(-core[1], core[0], "*", color=PURPLE, ms=14, mec="black", mew=0.7, zorder=5,
                label="true core")  # fmt: skip
    if reconstructed is not None and np.isfinite(reconstructed).all():
        north, west = reconstructed
        inside = max(abs(north - center[0]), abs(west - center[1])) <= reach
        label = "reconstructed core" + ("" if inside else f" (outside: {-west:.0f}, {north:.0f} m)")
        cross = ax.plot(-west, north, "x", color=VERMILION, ms=10, mew=2.5, zorder=6, label=label)
        cross[0].set_path_effects(halo(4.5))
    ax.set(
        xlim=(-center[1] - reach, -center[1] + reach),
        ylim=(center[0] - reach, center[0] + reach),
        aspect="equal",
        xlabel="east / m",
        ylabel="north / m",
    )
    ax.set_title(title, fontsize="medium")
    return ax


def _telescopes(
    ax: Axes,
    center: NDArray[np.float64],
    places: Mapping[int, NDArray[np.float64]],
    radii: Mapping[int, float],
    triggered: Collection[int],
    reach: float,
) -> None:
    from matplotlib.patches import Circle

    styles = {True: {"fc": ORANGE, "ec": "black"}, False: {"fc": "white", "ec": "0.5"}}
    for filled, name in ((True, "triggered"), (False, "other telescopes")):
        if any((t in triggered) == filled and np.abs(place - center).max() <= reach
               for t, place in places.items()):  # fmt: skip
            style: dict[str, Any] = {"mfc": styles[filled]["fc"], "mec": styles[filled]["ec"]}
            ax.plot([], [], "o", ms=8, label=name, **style)  # a circle in legends, too
    for tel_id, (north, west) in places.items():
        filled = tel_id in triggered
        # in a wide view mirrors would be too small to be seen
        radius = max(radii[tel_id], 0.008 * reach)
        ax.add_patch(Circle((-west, north), radius, lw=0.8, zorder=3, **styles[filled]))
        if filled or len(places) <= _NUMBERED:
            text = ax.annotate(
                str(tel_id), (-west, north + radius), (0, 1.5), textcoords="offset points",
                ha="center", va="bottom", fontsize="small", zorder=7, clip_on=True,
                annotation_clip=True, color="black" if filled else "0.4",
            )  # fmt: skip
            text.set_path_effects(halo(2.0))


def _view(
    places: Mapping[int, NDArray[np.float64]],
    triggered: Collection[int],
    core: Place | None,
    reconstructed: Place | None,
) -> tuple[NDArray[np.float64], float]:
    """Middle and half the width of the view, m."""
    everything = np.array([*places.values()]).reshape(-1, 2)
    shown = [places[tel_id] for tel_id in triggered if tel_id in places] or [*everything]
    if core is not None and np.isfinite(core).all():
        shown.append(np.array(core))
    points = np.array(shown).reshape(-1, 2)
    center, reach = _box(points)
    whole_center, whole = _box(np.vstack([points, everything]))
    if whole <= 2 * reach:
        points, center, reach = np.vstack([points, everything]), whole_center, whole
    if reconstructed is not None and np.isfinite(reconstructed).all():
        wide_center, wide = _box(np.vstack([points, reconstructed]))
        # a failed reconstruction, kilometres away, must not make a dot of the array
        if wide <= 2 * max(reach, _box(everything)[1]):
            center, reach = wide_center, wide
    return center, reach


def _box(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    if not len(points):
        return np.zeros(2), 50.0
    low, high = points.min(axis=0), points.max(axis=0)
    return 0.5 * (low + high), max(0.62 * float((high - low).max()), 50.0)


__all__ = ["array_view", "ground_axis"]
