"""Neighbour search: kernel against its slow twin, and against ctapipe's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctabatch.kernels.neighbors import find_neighbors, nearest_pixels
from tests.naive.neighbors import neighbors as naive_neighbors


def hexagonal_grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of an n x n patch of a hexagonal grid of pitch 1."""
    row, col = np.divmod(np.arange(n * n), n)
    return col + 0.5 * (row % 2), row * np.sqrt(3) / 2


def square_grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions of an n x n square grid of pitch 1."""
    row, col = np.divmod(np.arange(n * n), n)
    return col.astype(float), row.astype(float)


def as_lists(rows: tuple[np.ndarray, np.ndarray]) -> list[list[int]]:
    """Compressed rows as one list per pixel."""
    indptr, indices = rows
    return [part.tolist() for part in np.split(indices, indptr[1:-1])]


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("compiled", [True, False])
def test_nearest_pixels_agrees_with_looking_at_every_pair(square: bool, compiled: bool) -> None:
    rng = np.random.default_rng(1)
    x, y = (square_grid if square else hexagonal_grid)(9)
    x, y = x + rng.normal(0, 0.05, x.size), y + rng.normal(0, 0.05, x.size)
    for array in (x, y):
        array.setflags(write=False)
    table = np.full((x.size, 4 if square else 6), -1, np.int32)
    counts = np.zeros(x.size, np.int32)
    run = nearest_pixels if compiled else nearest_pixels.py_func
    run(x, y, np.argsort(x, kind="stable"), 1.5 if square else 1.4, square, table, counts)
    found = [row[:count].tolist() for row, count in zip(table, counts, strict=True)]
    assert found == naive_neighbors(x.tolist(), y.tolist(), square)
    assert (table[np.arange(table.shape[1]) >= counts[:, np.newaxis]] == -1).all()


coordinate = st.integers(-4, 4).map(float) | st.floats(-5, 5, allow_subnormal=False)


@settings(deadline=None)
@given(st.lists(st.tuples(coordinate, coordinate), max_size=30), st.booleans())
def test_find_neighbors_agrees_with_looking_at_every_pair_anywhere(
    points: list[tuple[float, float]], square: bool
) -> None:
    x, y = np.array(points, dtype=float).reshape(-1, 2).T
    indptr, indices = find_neighbors(x, y, square)
    assert indptr.dtype == indices.dtype == np.int32
    assert len(indptr) == len(points) + 1
    found = as_lists((indptr, indices)) if points else []
    assert found == naive_neighbors(x.tolist(), y.tolist(), square)


def test_inner_pixel_of_a_hexagonal_grid_has_six_neighbors() -> None:
    assert as_lists(find_neighbors(*hexagonal_grid(5), square=False))[12] == [6, 7, 11, 13, 16, 17]


def test_inner_pixel_of_a_square_grid_has_four_neighbors() -> None:
    assert as_lists(find_neighbors(*square_grid(5), square=True))[12] == [7, 11, 13, 17]


def test_a_gap_between_modules_does_not_separate_square_pixels() -> None:
    x, y = square_grid(8)
    x, y = x + 0.3 * (x >= 4), y + 0.3 * (y >= 4)
    counts = np.diff(find_neighbors(x, y, square=True)[0])
    assert counts.reshape(8, 8)[1:-1, 1:-1].min() == 4


def test_a_lone_pixel_has_no_neighbors() -> None:
    indptr, indices = find_neighbors(np.zeros(1), np.zeros(1), square=False)
    assert indptr.tolist() == [0, 0]
    assert len(indices) == 0


def test_no_pixels_give_empty_rows() -> None:
    indptr, indices = find_neighbors(np.empty(0), np.empty(0), square=True)
    assert indptr.tolist() == [0]
    assert len(indices) == 0


def test_pixels_without_finite_position_are_nobodys_neighbors() -> None:
    x, y = square_grid(3)
    x[4], y[8] = np.nan, np.nan
    found = as_lists(find_neighbors(x, y, square=True))
    assert found[4] == found[8] == []
    assert not {4, 8} & {pixel for row in found for pixel in row}


def test_float32_and_strided_positions_are_accepted() -> None:
    x, y = hexagonal_grid(6)
    expected = as_lists(find_neighbors(x, y, square=False))
    strided = np.stack([x, y], axis=1).astype(np.float32)
    assert as_lists(find_neighbors(strided[:, 0], strided[:, 1], square=False)) == expected


@pytest.mark.parametrize("shape", ["hexagon", "square", "circle"])
def test_find_neighbors_agrees_with_ctapipe(shape: str) -> None:
    pytest.importorskip("ctapipe")
    import astropy.units as u
    from ctapipe.instrument import CameraGeometry

    rng = np.random.default_rng(2)
    x, y = (square_grid if shape == "square" else hexagonal_grid)(30)
    x, y = x + rng.normal(0, 0.02, x.size), y + rng.normal(0, 0.02, x.size)
    reference = CameraGeometry(
        "camera", np.arange(x.size), x * u.m, y * u.m, np.ones(x.size) * u.m**2, shape
    )
    matrix = reference.neighbor_matrix_sparse.tocsr()
    matrix.sort_indices()
    indptr, indices = find_neighbors(x, y, square=shape == "square")
    np.testing.assert_array_equal(indptr, matrix.indptr)
    np.testing.assert_array_equal(indices, matrix.indices)
