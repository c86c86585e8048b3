"""Geometry of a camera: where its pixels are, which ones touch, which ones form its border."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from ctabatch.errors import InputError
from ctabatch.kernels.neighbors import HEXAGON_COUNT, find_neighbors

T = TypeVar("T", bound=np.generic)
PixelShape = Literal["hexagon", "square", "circle"]
#: Compressed rows: neighbours of pixel i are ``indices[indptr[i]:indptr[i + 1]]``.
Neighbors = tuple[NDArray[np.int32], NDArray[np.int32]]

#: EventIO 2002: code of the pixel shape -> shape, rotation of the pixel in degrees.
SIMTEL_PIXEL_SHAPES: dict[int, tuple[PixelShape, float]] = {
    0: ("circle", 0.0),
    1: ("hexagon", 0.0),
    2: ("square", 0.0),
    3: ("hexagon", 30.0),
}


@dataclass(frozen=True, eq=False)
class CameraGeometry:
    """Pixels of one camera; pixel number i is row i of every array.

    Attributes
    ----------
    name : str
        Camera name.
    pixel_x, pixel_y : (n_pixels,) float64
        Pixel centres in the camera frame in m, the rotation of the camera already applied.
    pixel_area : (n_pixels,) float64
        Pixel area in m2.
    pixel_shape : {"hexagon", "square", "circle"}
        One shape for all pixels.
    pixel_rotation : float
        Rotation of each pixel about its own centre in deg, after rotating the camera.
    camera_rotation : float
        Rotation in deg that was applied to the positions in the file.
    focal_length : float
        Focal length in m that turns positions into angles.
    """

    name: str
    pixel_x: NDArray[np.float64]
    pixel_y: NDArray[np.float64]
    pixel_area: NDArray[np.float64]
    pixel_shape: PixelShape
    pixel_rotation: float
    camera_rotation: float
    focal_length: float

    def __post_init__(self) -> None:
        """Keep own read-only copies: one geometry is shared by many telescopes."""
        for field in ("pixel_x", "pixel_y", "pixel_area"):
            values = np.array(getattr(self, field), dtype=np.float64, order="C")
            object.__setattr__(self, field, _frozen(values))
        arrays = (self.pixel_x, self.pixel_y, self.pixel_area)
        if {values.shape for values in arrays} != {(self.n_pixels,)}:
            raise InputError(f"camera {self.name!r}: pixel arrays differ in shape")
        if self.pixel_shape not in ("hexagon", "square", "circle"):
            raise InputError(f"camera {self.name!r}: unknown pixel shape {self.pixel_shape!r}")
        if not (np.isfinite(self.focal_length) and self.focal_length > 0):
            raise InputError(f"camera {self.name!r}: focal length {self.focal_length} m")

    @classmethod
    def from_simtel(
        cls, camera_settings: Mapping[str, Any], name: str, focal_length: float
    ) -> CameraGeometry:
        """Geometry from the camera settings (EventIO 2002) as eventio parses them.

        Parameters
        ----------
        camera_settings : mapping
            Content of the CameraSettings object.
        name : str
            Camera name.
        focal_length : float
            Focal length in m to use for angles.

        Notes
        -----
        Source: ctapipe. Files with camera settings older than version 4 do not tell the
        shape of the pixels; there the positions decide between squares and hexagons.
        """
        rotation = float(camera_settings["cam_rot"])
        # A matrix product and not two sums: it may round differently in the last bit, and the
        # positions are to be the same numbers as ctapipe's.
        cos, sin = np.cos(-rotation), np.sin(-rotation)
        matrix = np.array([[cos, -sin], [sin, cos]])
        positions = np.array([camera_settings["pixel_x"], camera_settings["pixel_y"]])
        pixel_x, pixel_y = np.dot(matrix.T, positions)

        codes = np.atleast_1d(camera_settings["pixel_shape"])
        code = int(codes[0]) if len(codes) else -1
        shape, pixel_rotation = SIMTEL_PIXEL_SHAPES.get(code, (None, 0.0))
        return cls(
            name=name,
            pixel_x=pixel_x,
            pixel_y=pixel_y,
            pixel_area=camera_settings["pixel_area"],
            pixel_shape=shape or shape_from_positions(pixel_x, pixel_y),
            pixel_rotation=pixel_rotation + float(np.rad2deg(rotation)),
            camera_rotation=float(np.rad2deg(rotation)),
            focal_length=float(focal_length),
        )

    @property
    def n_pixels(self) -> int:
        """Number of pixels."""
        return len(self.pixel_x)

    @cached_property
    def fov_lon(self) -> NDArray[np.float64]:
        """Longitude of the pixels in the telescope frame, (n_pixels,) deg: along camera y."""
        return _frozen(np.rad2deg(self.pixel_y / self.focal_length))

    @cached_property
    def fov_lat(self) -> NDArray[np.float64]:
        """Latitude of the pixels in the telescope frame, (n_pixels,) deg: along camera x."""
        return _frozen(np.rad2deg(self.pixel_x / self.focal_length))

    @cached_property
    def area_deg2(self) -> NDArray[np.float64]:
        """Solid angle of the pixels, (n_pixels,) deg2."""
        return _frozen(self.pixel_area * np.rad2deg(1 / self.focal_length) ** 2)

    @cached_property
    def pixel_width_deg(self) -> NDArray[np.float64]:
        """Width of the pixels from their area, (n_pixels,) deg.

        Diameter of the inscribed circle of hexagons, edge of squares, diameter of circles.
        """
        return _frozen(_width(self.area_deg2, self.pixel_shape))

    @cached_property
    def pixel_width(self) -> NDArray[np.float64]:
        """Width of the pixels in the camera frame, (n_pixels,) m, as `pixel_width_deg`."""
        return _frozen(_width(self.pixel_area, self.pixel_shape))

    @cached_property
    def neighbors(self) -> Neighbors:
        """Neighbours by positions in the camera frame: for extraction and cleaning."""
        return _neighbors(self.pixel_x, self.pixel_y, self.pixel_shape)

    @cached_property
    def neighbors_telescope_frame(self) -> Neighbors:
        """Neighbours by positions in the telescope frame: for leakage and islands.

        The same as in the camera frame except where rounding decides.
        """
        return _neighbors(self.fov_lon, self.fov_lat, self.pixel_shape)

    @cached_property
    def neighbor_table(self) -> NDArray[np.uint32]:
        """Camera-frame neighbours as (n_pixels, 6) uint32, also for squares, which have 4.

        Empty places hold `n_pixels`, one past the last pixel.
        """
        indptr, indices = self.neighbors
        table = np.full((self.n_pixels, HEXAGON_COUNT), self.n_pixels, np.uint32)
        table[np.arange(HEXAGON_COUNT) < np.diff(indptr)[:, np.newaxis]] = indices
        return _frozen(table)

    @cached_property
    def border1(self) -> NDArray[np.bool_]:
        """Pixels at the border or at a hole of the camera, (n_pixels,)."""
        return _frozen(_outermost(self.neighbors_telescope_frame))

    @cached_property
    def border2(self) -> NDArray[np.bool_]:
        """Pixels that have a neighbour in `border1`, (n_pixels,).

        A border pixel without a neighbour in the border is not among them (ctapipe's definition).
        """
        return _frozen(_touching(self.border1, self.neighbors_telescope_frame))

    @cached_property
    def borders_camera_frame(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """`border1` and `border2` by the neighbours in the camera frame."""
        border = _outermost(self.neighbors)
        return _frozen(border), _frozen(_touching(border, self.neighbors))

    @cached_property
    def radius_deg(self) -> float:
        """Mean distance of border pixels (camera frame) from the mean pixel position, deg.

        NaN for a camera all of whose pixels have equally many neighbours.
        """
        border, _ = self.borders_camera_frame
        if not border.any():
            return float("nan")
        dx = self.pixel_x[border] - self.pixel_x.mean()
        dy = self.pixel_y[border] - self.pixel_y.mean()
        return float(np.rad2deg(np.sqrt(dx**2 + dy**2).mean() / self.focal_length))


def shape_from_positions(
    pixel_x: NDArray[np.floating], pixel_y: NDArray[np.floating]
) -> Literal["hexagon", "square"]:
    """Tell a square from a hexagonal grid of pixels by the directions to neighbours.

    Compares the bond-orientational order of fourfold and sixfold symmetry, the length of the mean
    of exp(4 i phi) and exp(6 i phi) over the directions phi to all neighbours (Nelson & Halperin,
    Phys. Rev. B 19, 2457, 1979, eq. 2.4). It depends neither on the rotation of the grid nor on
    gaps between modules.
    """
    indptr, indices = find_neighbors(pixel_x, pixel_y, square=False)
    pixel = np.repeat(np.arange(len(pixel_x)), np.diff(indptr))
    direction = np.arctan2(pixel_y[indices] - pixel_y[pixel], pixel_x[indices] - pixel_x[pixel])
    fourfold, sixfold = (abs(np.exp(1j * n * direction).sum()) for n in (4, 6))
    return "square" if fourfold > sixfold else "hexagon"


def _neighbors(
    x: NDArray[np.float64], y: NDArray[np.float64], pixel_shape: PixelShape
) -> Neighbors:
    indptr, indices = find_neighbors(x, y, square=pixel_shape == "square")
    return _frozen(indptr), _frozen(indices)


def _outermost(neighbors: Neighbors) -> NDArray[np.bool_]:
    """Pixels that are a neighbour of fewer pixels than others (ctapipe's definition)."""
    indptr, indices = neighbors
    counts = np.bincount(indices, minlength=len(indptr) - 1)
    return np.asarray(counts < counts.max(initial=0))


def _touching(border: NDArray[np.bool_], neighbors: Neighbors) -> NDArray[np.bool_]:
    """Pixels that have a neighbour in `border`."""
    indptr, indices = neighbors
    pixel = np.repeat(np.arange(len(border)), np.diff(indptr))
    touches = np.zeros(len(border), np.bool_)
    touches[pixel[border[indices]]] = True
    return touches


def _width(area: NDArray[np.float64], shape: PixelShape) -> NDArray[np.float64]:
    """Width of pixels of a shape from their area."""
    if shape == "square":
        return np.asarray(np.sqrt(area))
    return np.asarray(2 * np.sqrt(area / (2 * np.sqrt(3) if shape == "hexagon" else np.pi)))


def _frozen(values: NDArray[T]) -> NDArray[T]:
    values.setflags(write=False)
    return values
