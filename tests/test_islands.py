"""Islands of selected pixels: labels, sizes, the largest and the brightest."""

import numpy as np
import pytest
from ctapipe.image import brightest_island as their_brightest
from ctapipe.image import largest_island as their_largest
from ctapipe.image import number_of_islands
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ctabatch.errors import InputError, OptionError
from ctabatch.kernels.island_choice import brightest_islands, island_sizes, largest_islands
from ctabatch.kernels.islands import label_islands
from ctabatch.stages.islands import brightest_island, islands, keep_islands, largest_island
from tests.naive import cleaning as naive
from tests.toy_images import masks, read_only, shower_images, toy_camera

CAMERA = toy_camera()
SMALL = toy_camera(rings=2)
CENTRE = int(np.argmin(np.hypot(SMALL.fov_lon, SMALL.fov_lat)))
PLAIN = pytest.mark.parametrize("plain", [False, True], ids=["compiled", "plain"])


def labelled(mask, plain):
    labels, number = np.full(mask.shape, 9, np.int32), np.full(len(mask), 9, np.int32)
    kernel = label_islands.py_func if plain else label_islands
    kernel(read_only(mask), *SMALL.neighbors, labels, number)
    return labels, number


@PLAIN
@given(mask=masks(SMALL.n_pixels))
def test_labels_agree_with_their_twin(plain, mask):
    labels, number = labelled(mask, plain)
    for row, found, n in zip(mask, labels, number, strict=True):
        np.testing.assert_array_equal(found, naive.labels(row, SMALL.neighbor_lists))
        assert n == found.max()


@PLAIN
@given(mask=masks(SMALL.n_pixels), data=st.data())
def test_sizes_and_choices_agree_with_their_twins(plain, mask, data):
    charge = st.sampled_from([-3, 0, 0.1, 5, 7, 1e6, np.nan])
    image = data.draw(arrays(np.float32, mask.shape, elements=charge))
    labels, number = labelled(mask, plain)
    offsets = np.cumsum([0, *number])
    sizes = np.full(offsets[-1], 9, np.int32)
    largest, brightest = np.ones(mask.shape, bool), np.ones(mask.shape, bool)
    kernels = [
        k.py_func if plain else k for k in (island_sizes, largest_islands, brightest_islands)
    ]
    kernels[0](labels, offsets, sizes)
    kernels[1](labels, number, largest)
    kernels[2](image, labels, number, brightest)
    for k, row in enumerate(mask):
        found = naive.islands(np.flatnonzero(row).tolist(), SMALL.neighbor_lists)
        assert sizes[offsets[k] : offsets[k + 1]].tolist() == [len(island) for island in found]
        if found:
            longest = max(found, key=len)
            assert np.flatnonzero(largest[k]).tolist() == longest
            best = naive.brightest(found, image[k])
            assert np.flatnonzero(brightest[k]).tolist() == best
        else:
            assert not largest[k].any()
            assert not brightest[k].any()


@pytest.mark.parametrize("threshold", [0.0, 2.0, 6.0, 1e9])
def test_islands_agree_with_ctapipe(threshold):
    image, _ = shower_images(CAMERA, 40, seed=5)
    mask = image > threshold
    found = islands(mask, CAMERA)
    largest, brightest = largest_island(found), brightest_island(found, image)
    sizes = np.split(found.sizes, found.offsets[1:-1])
    for k in range(len(mask)):
        number, labels = number_of_islands(CAMERA.ctapipe, mask[k])
        assert found.n_islands[k] == number
        np.testing.assert_array_equal(found.labels[k], labels)
        assert sizes[k].tolist() == np.bincount(labels)[1:].tolist()
        np.testing.assert_array_equal(largest[k], their_largest(labels))
        np.testing.assert_array_equal(brightest[k], their_brightest(number, labels, image[k]))


def test_no_images_have_no_islands():
    found = islands(np.empty((0, SMALL.n_pixels), bool), SMALL)
    assert len(found.n_islands) == len(found.labels) == len(found.sizes) == 0
    assert found.offsets.tolist() == [0]
    assert largest_island(found).shape == (0, SMALL.n_pixels)


def test_the_least_dark_of_dark_islands_is_the_brightest():
    mask = np.zeros((1, SMALL.n_pixels), bool)
    mask[0, [0, SMALL.n_pixels - 1]] = True
    image = np.full(mask.shape, 7, np.float32)
    image[mask] = [-5, -1]
    chosen = brightest_island(islands(mask, SMALL), image)
    assert np.flatnonzero(chosen).tolist() == [SMALL.n_pixels - 1]


def test_islands_are_kept_as_the_option_says():
    around = SMALL.neighbor_lists[CENTRE]
    far = next(p for p in range(SMALL.n_pixels) if p not in (CENTRE, *around))
    mask = np.zeros((1, SMALL.n_pixels), bool)
    mask[0, [CENTRE, around[0], far]] = True
    if far in SMALL.neighbor_lists[around[0]]:
        mask[0, around[0]], mask[0, around[-1]] = False, True
    image = np.where(np.arange(SMALL.n_pixels) == far, 100, 1).astype(np.float32)[np.newaxis]
    assert keep_islands(mask, image, SMALL, "all").sum() == 3
    assert keep_islands(mask, image, SMALL, "largest")[0, CENTRE]
    assert keep_islands(mask, image, SMALL, "largest").sum() == 2
    assert np.flatnonzero(keep_islands(mask, image, SMALL, "brightest")).tolist() == [far]


def test_wrong_choices_and_shapes_are_refused():
    mask = np.zeros((1, SMALL.n_pixels), bool)
    with pytest.raises(OptionError, match="brightest"):
        keep_islands(mask, mask.astype(np.float32), SMALL, "smallest")
    with pytest.raises(InputError, match="camera"):
        islands(np.zeros((1, SMALL.n_pixels + 1), bool), SMALL)
    with pytest.raises(InputError, match="islands of"):
        brightest_island(islands(mask, SMALL), np.zeros((2, SMALL.n_pixels), np.float32))
