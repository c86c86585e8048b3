"""Camera geometry: frames, neighbours, borders, and agreement with ctapipe on real cameras."""

from __future__ import annotations

import numpy as np
import pytest

from ctabatch.errors import InputError
from ctabatch.instrument.camera import CameraGeometry, shape_from_positions
from tests.test_neighbors import hexagonal_grid, square_grid


def camera(x, y, shape="hexagon", focal_length=10.0, **more) -> CameraGeometry:
    return CameraGeometry("camera", x, y, np.ones(len(x)), shape, 0.0, 0.0, focal_length, **more)


def settings(x, y, code: float = 1, rotation: float = 0.0) -> dict[str, object]:
    """Camera settings as eventio parses them."""
    return {
        "n_pixels": len(x),
        "pixel_x": np.asarray(x, np.float32),
        "pixel_y": np.asarray(y, np.float32),
        "pixel_shape": np.full(len(x), code),
        "pixel_area": np.full(len(x), 0.5, np.float32),
        "cam_rot": rotation,
    }


def test_camera_rotation_turns_the_positions_counterclockwise() -> None:
    geometry = CameraGeometry.from_simtel(settings([1, 0], [0, 1], 1, np.pi / 2), "camera", 28.0)
    np.testing.assert_allclose(geometry.pixel_x, [0, -1], atol=1e-15)
    np.testing.assert_allclose(geometry.pixel_y, [1, 0], atol=1e-15)
    assert geometry.camera_rotation == pytest.approx(90)
    assert geometry.pixel_rotation == pytest.approx(90)


def test_longitude_runs_along_camera_y() -> None:
    geometry = camera([1.0, 0.0], [0.0, 2.0])
    np.testing.assert_allclose(geometry.fov_lat, np.rad2deg([0.1, 0.0]))
    np.testing.assert_allclose(geometry.fov_lon, np.rad2deg([0.0, 0.2]))
    np.testing.assert_allclose(geometry.area_deg2, np.rad2deg(0.1) ** 2)


@pytest.mark.parametrize(
    ("shape", "area"),
    [("hexagon", 0.5 * np.sqrt(3) * 4), ("square", 4.0), ("circle", np.pi)],
)
def test_pixel_width_is_that_of_the_shape(shape: str, area: float) -> None:
    geometry = CameraGeometry("c", np.zeros(1), np.zeros(1), [area], shape, 0.0, 0.0, 10.0)
    np.testing.assert_allclose(geometry.pixel_width_deg, np.rad2deg(0.2))


@pytest.mark.parametrize(
    ("code", "shape", "rotation"),
    [(0, "circle", 0), (1, "hexagon", 0), (2, "square", 0), (3, "hexagon", 30)],
)
def test_shape_code_gives_shape_and_rotation(code: int, shape: str, rotation: float) -> None:
    geometry = CameraGeometry.from_simtel(settings(*hexagonal_grid(4), code), "camera", 28.0)
    assert (geometry.pixel_shape, geometry.pixel_rotation) == (shape, rotation)


@pytest.mark.parametrize("rotation", [0.0, 0.2, 0.8])
@pytest.mark.parametrize("code", [-1.0, 7])
def test_unknown_shape_is_told_from_the_positions(code: float, rotation: float) -> None:
    rng = np.random.default_rng(4)
    x, y = square_grid(16)
    x, y = x + 0.3 * (x // 8), y + 0.2 * (y // 8)  # modules with gaps
    x = x + rng.normal(0, 0.03, x.size)
    square = CameraGeometry.from_simtel(settings(x, y, code, rotation), "camera", 2.0)
    assert square.pixel_shape == "square"
    hexagon = CameraGeometry.from_simtel(
        settings(*hexagonal_grid(16), code, rotation), "camera", 2.0
    )
    assert hexagon.pixel_shape == "hexagon"


def test_shape_of_a_camera_of_one_pixel_is_a_hexagon() -> None:
    assert shape_from_positions(np.zeros(1), np.zeros(1)) == "hexagon"


def test_border_of_a_square_camera_is_its_frame() -> None:
    geometry = camera(*square_grid(6), "square")
    frame = np.ones((6, 6), bool)
    frame[1:-1, 1:-1] = False
    np.testing.assert_array_equal(geometry.border1.reshape(6, 6), frame)
    frame[1:-1, 1:-1] = True
    frame[2:-2, 2:-2] = False
    np.testing.assert_array_equal(geometry.border2.reshape(6, 6), frame)


def test_pixels_around_a_hole_are_border_pixels() -> None:
    x, y = square_grid(7)
    keep = np.arange(49) != 24
    border = np.insert(camera(x[keep], y[keep], "square").border1, 24, False).reshape(7, 7)
    assert np.argwhere(border[1:-1, 1:-1]).tolist() == [[1, 2], [2, 1], [2, 3], [3, 2]]


def test_isolated_border_pixel_is_not_in_the_wide_border() -> None:
    x, y = square_grid(5)
    geometry = camera(np.append(x, 99.0), np.append(y, [99.0]), "square")
    # its nearest pixel is the far corner of the grid, which has nearer ones itself
    assert geometry.border1[25]
    assert geometry.border2[25]
    lonely = camera(np.append(x, np.nan), np.append(y, [np.nan]), "square")
    assert lonely.border1[25]
    assert not lonely.border2[25]


def test_neighbor_table_is_padded_with_the_number_of_pixels() -> None:
    geometry = camera(*square_grid(3), "square")
    assert geometry.neighbor_table.dtype == np.uint32
    assert geometry.neighbor_table.tolist()[:2] == [[1, 3, 9, 9, 9, 9], [0, 2, 4, 9, 9, 9]]
    assert camera(*hexagonal_grid(3)).neighbor_table.shape == (9, 6)


def test_radius_is_the_mean_distance_of_the_border() -> None:
    geometry = camera(*square_grid(3), "square")
    assert geometry.radius_deg == pytest.approx(np.rad2deg((4 + 4 * np.sqrt(2)) / 8 / 10))


def test_camera_without_border_has_no_radius() -> None:
    assert np.isnan(camera(np.zeros(1), np.zeros(1)).radius_deg)


def test_derived_arrays_are_computed_once_and_read_only() -> None:
    geometry = camera(*hexagonal_grid(5))
    assert geometry.neighbors is geometry.neighbors
    for array in (geometry.pixel_x, geometry.fov_lon, geometry.border1, geometry.neighbors[1]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_geometry_keeps_its_own_copy_of_positions() -> None:
    x, y = hexagonal_grid(3)
    geometry = camera(x, y)
    x[:] = 0
    assert geometry.pixel_x.max() > 0


@pytest.mark.parametrize("focal_length", [0.0, -1.0, np.nan, np.inf])
def test_unusable_focal_length_is_refused(focal_length: float) -> None:
    with pytest.raises(InputError, match="focal length"):
        camera(*hexagonal_grid(3), focal_length=focal_length)


def test_arrays_of_different_length_are_refused() -> None:
    with pytest.raises(InputError, match="shape"):
        camera(np.zeros(3), np.zeros(4))


def test_unknown_shape_name_is_refused() -> None:
    with pytest.raises(InputError, match="triangle"):
        camera(np.zeros(3), np.zeros(3), "triangle")


@pytest.mark.filterwarnings("ignore")
def test_geometry_of_a_rotated_camera_agrees_with_ctapipe() -> None:
    """Positions bit by bit, neighbours and borders exactly, angles to 1e-12 deg."""
    pytest.importorskip("ctapipe")
    import astropy.units as u
    from ctapipe.coordinates import CameraFrame, TelescopeFrame
    from ctapipe.instrument import CameraGeometry as Reference

    x, y = hexagonal_grid(40)
    keep = np.hypot(x - 20, y - 17) < 16
    file = settings(0.05 * (x[keep] - 20), 0.05 * (y[keep] - 17), 3, 0.19012)
    geometry = CameraGeometry.from_simtel(file, "camera", 29.3)
    reference = Reference(
        "camera",
        np.arange(keep.sum()),
        u.Quantity(file["pixel_x"], u.m),
        u.Quantity(file["pixel_y"], u.m),
        u.Quantity(file["pixel_area"], u.m**2),
        "hexagon",
        pix_rotation=30 * u.deg,
        cam_rotation=-file["cam_rot"] * u.rad,
        frame=CameraFrame(focal_length=29.3 * u.m),
    )
    assert geometry.pixel_x.tobytes() == reference.pix_x.value.tobytes()
    assert geometry.pixel_y.tobytes() == reference.pix_y.value.tobytes()
    assert geometry.pixel_rotation == pytest.approx(reference.pix_rotation.deg)
    sky = reference.transform_to(TelescopeFrame())
    np.testing.assert_allclose(geometry.fov_lon, sky.pix_x.to_value("deg"), rtol=0, atol=1e-12)
    np.testing.assert_allclose(geometry.fov_lat, sky.pix_y.to_value("deg"), rtol=0, atol=1e-12)
    np.testing.assert_allclose(geometry.area_deg2, sky.pix_area.to_value("deg2"), rtol=1e-6)
    np.testing.assert_allclose(geometry.pixel_width_deg, sky.pixel_width.value, rtol=1e-6)
    for mine, theirs in (
        (geometry.neighbors, reference),
        (geometry.neighbors_telescope_frame, sky),
    ):
        matrix = theirs.neighbor_matrix_sparse.tocsr()
        matrix.sort_indices()
        np.testing.assert_array_equal(mine[0], matrix.indptr)
        np.testing.assert_array_equal(mine[1], matrix.indices)
    np.testing.assert_array_equal(geometry.border1, sky.get_border_pixel_mask(1))
    np.testing.assert_array_equal(geometry.border2, sky.get_border_pixel_mask(2))
    radius = np.rad2deg(reference.guess_radius().value / 29.3)
    assert geometry.radius_deg == pytest.approx(radius, rel=1e-12)
