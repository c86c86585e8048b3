"""Rays, planes and lines of images."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.core_psi import core_psi
from ctabatch.kernels.image_planes import image_planes
from tests.naive import stereo as naive
from tests.stereo_showers import images_of, shower_events
from tests.toy_images import read_only

KERNELS = pytest.mark.parametrize("kernel", [image_planes, image_planes.py_func])


def run(kernel, events):
    n = len(events.tel_id)
    ray, normal, axis = np.zeros((n, 3)), np.zeros((n, 3)), np.zeros((n, 2))
    image = np.column_stack([events.hillas_fov_lon, events.hillas_fov_lat, events.hillas_psi])
    geometry = (events.pointing, events.offsets, events.array_pointing, events.camera_radius)
    kernel(read_only(image), *map(read_only, geometry), ray, normal, axis)
    return ray, normal, axis


@KERNELS
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(0, 4), min_size=1, max_size=4),
    divergence=st.sampled_from([0.0, 3.0]),
)
def test_vectors_of_images_are_those_of_the_twin(kernel, seed, sizes, divergence):
    events = shower_events(seed, sizes, divergence=divergence)
    ray, normal, axis = run(kernel, events)
    for k in range(len(sizes)):
        rows = range(events.offsets[k], events.offsets[k + 1])
        for i, image in zip(rows, images_of(events, k), strict=True):
            first, _, plane = naive.plane(image)
            np.testing.assert_allclose(ray[i], first, atol=1e-12)
            np.testing.assert_allclose(normal[i], plane, atol=1e-12)
            expected = naive.axis(image, events.array_pointing[k])
            np.testing.assert_allclose(axis[i], expected, atol=1e-10)


@KERNELS
def test_the_line_on_the_ground_has_the_angle_core_psi(kernel):
    events = shower_events(4, [5, 5], divergence=2.0)
    _, _, axis = run(kernel, events)
    array = np.repeat(events.array_pointing, 5, axis=0)
    expected = np.empty(10)
    core_psi(
        events.hillas_fov_lon, events.hillas_fov_lat, events.hillas_psi,
        *np.ascontiguousarray(events.pointing.T), *np.ascontiguousarray(array.T),
        events.camera_radius[0], expected,
    )  # fmt: skip
    angle = np.degrees(np.arctan(axis[:, 1] / axis[:, 0]))
    np.testing.assert_allclose(angle, expected, atol=1e-9)


@KERNELS
def test_without_array_pointing_only_the_line_on_the_ground_is_unknown(kernel):
    events = shower_events(4, [3])
    events.array_pointing[:] = np.nan
    ray, normal, axis = run(kernel, events)
    assert np.isfinite(ray).all()
    assert np.isfinite(normal).all()
    assert np.isnan(axis).all()


@KERNELS
def test_a_camera_without_extent_gives_no_plane(kernel):
    events = shower_events(4, [2])
    events.camera_radius[:] = 0
    _, normal, axis = run(kernel, events)
    assert (normal == 0).all()
    assert np.isnan(axis).all()
