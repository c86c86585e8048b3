"""Trigger of a telescope on a patch of pixels."""

from itertools import pairwise

import numpy as np
import pytest

from ctabatch.kernels.patch_trigger import patch_trigger
from ctabatch.simulate.cameras import telescope_kind
from ctabatch.simulate.triggers import PhotoElectrons, array_trigger
from tests.naive import simulation as naive
from tests.toy_images import read_only

INDPTR, INDICES = telescope_kind("mst").neighbors


def triggers(pixels, times, threshold=5, window=4.0, trigger=patch_trigger):
    """Trigger times of events given as lists of pixels and times."""
    offsets = np.cumsum([0, *map(len, pixels)])
    order = [np.argsort(p, kind="stable") for p in pixels]
    pixel = np.concatenate([np.array(p)[o] for p, o in zip(pixels, order, strict=True)])
    time = np.concatenate([np.array(t)[o] for t, o in zip(times, order, strict=True)])
    out = np.empty(len(pixels))
    trigger(
        read_only(offsets, np.int64), read_only(pixel, np.int32), read_only(time, float), INDPTR,
        INDICES, threshold, window, out,
    )  # fmt: skip
    return out


@pytest.mark.parametrize("trigger", [patch_trigger, patch_trigger.py_func])
def test_trigger_is_that_of_the_brightest_patch(trigger):
    rng = np.random.default_rng(5)
    neighbors = [INDICES[a:b] for a, b in pairwise(INDPTR)]
    pixels, times = [], []
    for size in rng.integers(5, 40, 12):
        pixels.append(np.sort(rng.choice([700, 701, 702, 740, 741, 900], size)))
        times.append(rng.uniform(0, rng.choice([5, 60]), size))
    expected = [
        naive.patch_trigger(p, t, neighbors, 5, 4.0) for p, t in zip(pixels, times, strict=True)
    ]
    np.testing.assert_array_equal(triggers(pixels, times, trigger=trigger), expected)
    assert 0 < np.isnan(expected).sum() < len(expected)


def test_too_few_photo_electrons_do_not_trigger():
    assert np.isnan(triggers([[3] * 4], [[1.0] * 4])).all()


def test_photo_electrons_too_far_apart_in_time_do_not_trigger():
    assert np.isnan(triggers([[3] * 5], [[0.0, 2, 4, 6, 8]])).all()


def test_photo_electrons_too_far_apart_in_the_camera_do_not_trigger():
    assert np.isnan(triggers([[0, 200, 400, 600, 800]], [[1.0] * 5])).all()


def test_the_trigger_time_is_when_the_threshold_is_reached():
    assert triggers([[3] * 6], [[30.0, 1.0, 2.0, 3.0, 4.0, 4.5]]).tolist() == [4.5]


def test_an_array_needs_enough_telescopes():
    event = np.array([0, 0, 1, 3, 3, 3])
    assert array_trigger(4, event, 2).tolist() == [True, False, False, True]
    assert array_trigger(4, event, 1).tolist() == [True, True, False, True]


def test_taking_telescope_events_keeps_their_photo_electrons():
    pe = PhotoElectrons(np.array([0, 2, 2, 5]), np.array([1, 2, 3, 4, 5], np.int32), np.arange(5.0))
    part = pe.take(np.array([2, 0]))
    assert part.offsets.tolist() == [0, 3, 5]
    assert part.pixel.tolist() == [3, 4, 5, 1, 2]
    assert part.time.tolist() == [2, 3, 4, 0, 1]
