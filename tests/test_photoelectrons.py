"""True photo-electrons of all versions, also malformed."""

import warnings

import numpy as np
import pytest
from eventio.iact.objects import PhotoElectrons
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.photoelectrons import MALFORMED, OK, read_pe_sums, read_true_images
from tests import eventio_bytes as eb
from tests.naive import photoelectrons as naive

KERNELS = pytest.mark.parametrize("kernel", [read_true_images, read_true_images.py_func])
N_PIXELS = 50


def content(version, pixels, *, amplitudes=False):
    n_pe = sum(len(times) for times in pixels.values())
    out = eb.pack("ii", n_pe, N_PIXELS)
    out += eb.pack("h", amplitudes) if version > 1 else b""
    out += eb.pack("i", len(pixels))
    for pixel, times in pixels.items():
        out += eb.signed(pixel) if version > 2 else eb.pack("h", pixel)
        out += eb.pack(f"i{len(times)}f", len(times), *times)
        out += eb.pack(f"{len(times)}f", *times) if amplitudes else b""
    return out


def read(kernel, contents, versions):
    sizes = np.array([len(c) for c in contents], np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    data = np.frombuffer(b"".join(contents) + b"\x01" * 16, np.uint8)
    out = np.full((len(contents), N_PIXELS), 99, np.int32)
    status = np.full(len(contents), 99, np.int64)
    kernel(data, np.array(versions, np.int64), offsets, sizes, out, status)
    return out, status


PIXELS = {3: [1.0, 2.0, 2.5], 0: [0.1], 49: [4.0] * 7}


@KERNELS
@pytest.mark.parametrize(("version", "amplitudes"), [(1, 0), (2, 0), (2, 1), (3, 0), (3, 1)])
def test_counts_of_every_version_are_those_of_twin_and_eventio(kernel, version, amplitudes):
    one = content(version, PIXELS, amplitudes=amplitudes)
    images, status = read(kernel, [one, content(version, {})], [version] * 2)
    assert status.tolist() == [OK, OK]
    np.testing.assert_array_equal(images[0], naive.image(one, version))
    assert images[0].sum() == 11
    assert (images[1] == 0).all()
    expected = eb.parse(PhotoElectrons, one, version=version)
    np.testing.assert_array_equal(images[0], expected["photoelectrons"])


@KERNELS
@pytest.mark.parametrize("pixel", [-1, N_PIXELS, 1000])
def test_a_pixel_outside_of_the_camera_spoils_its_image_only(kernel, pixel):
    bad, good = content(2, {pixel: [1.0], 1: [2.0]}), content(2, PIXELS)
    images, status = read(kernel, [good, bad, good], [2, 2, 2])
    assert status.tolist() == [OK, MALFORMED, OK]
    assert (images[1] == -1).all()
    np.testing.assert_array_equal(images[0], images[2])


@KERNELS
def test_an_absent_image_is_minus_one_everywhere(kernel):
    out, status = np.zeros((1, N_PIXELS), np.int32), np.full(1, 9)
    one = np.array([-1])
    kernel(np.zeros(0, np.uint8), one, one, one, out, status)
    assert (out == -1).all()
    assert status[0] == OK


@KERNELS
@given(
    version=st.integers(0, 4),
    flags=st.integers(0, 3),
    n=st.integers(-(1 << 31), (1 << 31) - 1) | st.integers(0, 5),
    rest=st.binary(max_size=60),
)
def test_any_bytes_give_an_image_or_none(kernel, version, flags, n, rest):
    head = eb.pack("ii", 5, N_PIXELS) + (eb.pack("h", flags) if version > 1 else b"")
    images, status = read(kernel, [head + eb.pack("i", n) + rest], [version])
    assert status[0] in (OK, MALFORMED)
    assert (images[0] >= (0 if status[0] == OK else -1)).all()
    again, _ = read(read_true_images, [head + eb.pack("i", n) + rest], [version])
    np.testing.assert_array_equal(images, again)


@pytest.mark.parametrize("kernel", [read_pe_sums, read_pe_sums.py_func])
def test_sums_are_found_by_the_place_of_the_telescope(kernel):
    one = eb.pack("ii3i", 7, 3, 10, 20, 30)
    data = np.frombuffer(one, np.uint8)
    out = np.zeros(5, np.int64)
    kernel(
        data,
        np.array([0, 0, 0, -1, 0]),
        np.array([20, 20, 20, 20, 19]),
        np.array([0, 2, 3, 0, 0]),
        out,
    )
    assert out.tolist() == [10, 30, -1, -1, -1]


@given(data=st.binary(min_size=0, max_size=40), place=st.integers(0, 1 << 30))
def test_sums_of_any_bytes_stay_in_the_object(data, place):
    with warnings.catch_warnings():
        buffer = np.frombuffer(data + b"\x01", np.uint8)
    out = np.zeros(1, np.int64)
    read_pe_sums.py_func(buffer, np.array([0]), np.array([len(data)]), np.array([place]), out)
    again = np.zeros(1, np.int64)
    read_pe_sums(buffer, np.array([0]), np.array([len(data)]), np.array([place]), again)
    assert out[0] == again[0]
