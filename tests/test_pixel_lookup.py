"""Pixels of points in the focal plane, for each generated camera."""

import numpy as np
import pytest

from ctabatch.errors import OptionError
from ctabatch.kernels.pixel_lookup import MAX_CANDIDATES, fill_cells, find_pixels
from ctabatch.kernels.pixel_sort import count_inside, sort_by_pixel
from ctabatch.simulate.cameras import KIND_NAMES, hexagonal_camera, telescope_kind
from tests.naive import simulation as naive
from tests.simulated_telescopes import geometry_of
from tests.toy_images import read_only


def found(kind, lon, lat, find=find_pixels):
    out = np.empty(len(lon), np.int32)
    content = kind.content
    find(
        read_only(lon, np.float32), read_only(lat, np.float32), *kind.pixel_positions, *kind.cells,
        content.pixel_size, kind.lookup_shape, content.effective_focal_length,
        content.camera_rotation, out,
    )  # fmt: skip
    return out


@pytest.mark.parametrize("find", [find_pixels, find_pixels.py_func])
@pytest.mark.parametrize("name", KIND_NAMES)
def test_lookup_finds_the_pixel_that_holds_the_point(name, find):
    kind = telescope_kind(name)
    content = kind.content
    rng = np.random.default_rng(1)
    reach = np.deg2rad(kind.radius) * 1.1
    lon, lat = rng.uniform(-reach, reach, (2, 800)).astype(np.float32).astype(float)
    x, y = content.effective_focal_length * lat, content.effective_focal_length * lon
    cosine, sine = np.cos(content.camera_rotation), np.sin(content.camera_rotation)
    x, y = x * cosine + y * sine, y * cosine - x * sine
    expected = [
        naive.find_pixel(a, b, *kind.pixel_positions, content.pixel_size, content.pixel_shape == 2)
        for a, b in zip(x, y, strict=True)
    ]
    np.testing.assert_array_equal(found(kind, lon, lat, find), expected)
    assert 0.4 < np.mean(np.array(expected) >= 0) < 0.95


@pytest.mark.parametrize("name", KIND_NAMES)
def test_the_middle_of_a_pixel_in_the_telescope_frame_is_in_that_pixel(name):
    kind = telescope_kind(name)
    geometry = geometry_of(kind.content)
    pixels = found(kind, np.deg2rad(geometry.fov_lon), np.deg2rad(geometry.fov_lat))
    np.testing.assert_array_equal(pixels, np.arange(kind.content.n_pixels))


def test_points_that_are_not_finite_are_in_no_pixel():
    far = np.array([np.nan, np.inf, -np.inf, 1e30, 0.0])
    assert found(telescope_kind("lst"), far, np.zeros(5)).tolist()[:4] == [-1] * 4


@pytest.mark.parametrize("fill", [fill_cells, fill_cells.py_func])
def test_cells_say_when_pixels_do_not_fit(fill):
    cells = np.empty((3, 3, MAX_CANDIDATES), np.int32)
    middle = np.full(MAX_CANDIDATES, 1.5)
    assert fill(middle, middle, 1.0, 0.0, 0.0, cells)
    assert cells[1, 1].tolist() == list(range(MAX_CANDIDATES))
    assert not fill(np.full(MAX_CANDIDATES + 1, 1.5), np.full(MAX_CANDIDATES + 1, 1.5), 1.0, 0.0,
                    0.0, cells)  # fmt: skip
    assert not fill(np.array([0.1]), np.array([1.5]), 1.0, 0.0, 0.0, cells)


@pytest.mark.parametrize(
    ("name", "n_pixels", "most"), [("lst", 1855, 6), ("mst", 1764, 6), ("sst", 2048, 4)]
)
def test_generated_cameras_are_grids_cut_round(name, n_pixels, most):
    kind = telescope_kind(name)
    geometry = geometry_of(kind.content)
    assert geometry.n_pixels == n_pixels
    counts = np.diff(kind.neighbors[0])
    assert counts.max() == most
    assert np.mean(counts == most) > 0.85
    assert counts.min() >= 2
    border = np.hypot(geometry.fov_lon, geometry.fov_lat)[geometry.border1]
    assert border.max() / border.min() < 1.6
    np.testing.assert_array_equal(kind.neighbors[1], geometry.neighbors[1])


def test_a_hexagonal_camera_of_full_rings_is_a_hexagon_of_unit_pitch():
    centres = hexagonal_camera(7, 2.0)
    np.testing.assert_allclose(np.sort(np.hypot(*centres.T)), [0] + [2] * 6, atol=1e-12)


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(OptionError, match=r"Did you mean .*'lst'"):
        telescope_kind("lsst")


@pytest.mark.parametrize("plain", [False, True])
def test_photo_electrons_are_sorted_by_pixel_and_lost_ones_left_out(plain):
    rng = np.random.default_rng(0)
    offsets = np.cumsum([0, 50, 0, 1, 200])
    pixel = rng.integers(-1, 12, offsets[-1]).astype(np.int32)
    time = rng.normal(size=offsets[-1])
    expected = naive.sort_by_pixel(offsets, pixel, time)
    count, sort = count_inside, sort_by_pixel
    if plain:
        count, sort = count.py_func, sort.py_func
    new_offsets = np.empty(5, np.int64)
    count(read_only(offsets), read_only(pixel), new_offsets)
    new_pixel, new_time = np.empty(new_offsets[-1], np.int32), np.empty(new_offsets[-1])
    sort(offsets, read_only(pixel), read_only(time), 12, new_offsets, new_pixel, new_time)
    for got, want in zip((new_offsets, new_pixel, new_time), expected, strict=True):
        np.testing.assert_array_equal(got, want)
