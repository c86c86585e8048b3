"""Every cleaner against ctapipe's class of the same name, on real and random images of cameras."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctabatch.config.registry import BUILT_IN, component
from ctabatch.stages.cleaners.mars import MARSImageCleaner
from ctabatch.stages.cleaners.nsb import NSBImageCleaner
from ctabatch.stages.islands import brightest_island, islands, largest_island
from tests.parity.cameras import FILES, cameras

#: Thresholds that nearly all images pass, so that later steps decide.
LOW = {"picture_threshold_pe": 4.0, "boundary_threshold_pe": 2.0}
OPTIONS = {
    "TailcutsImageCleaner": [{}, LOW, {**LOW, "keep_isolated_pixels": True}],
    "MARSImageCleaner": [{}, LOW, {**LOW, "min_picture_neighbors": 0}],
    "FACTImageCleaner": [{}, LOW, {**LOW, "min_picture_neighbors": 1, "time_limit_ns": 2.1},
                         {**LOW, "min_picture_neighbors": 0}],
    "TimeConstrainedImageCleaner": [
        {}, LOW, {**LOW, "min_picture_neighbors": 1, "time_limit_core_ns": 2.1},
        {**LOW, "min_picture_neighbors": 0, "time_limit_boundary_ns": 3.3},
    ],
    "NSBImageCleaner": [
        {}, LOW, {**LOW, "largest_island_only": True, "time_num_neighbors": 2},
        {**LOW, "time_limit": None, "bright_cleaning_threshold": 10.0,
         "bright_cleaning_fraction": 0.21, "bright_cleaning_n_pixels": 7},
        {**LOW, "keep_isolated_pixels": True, "bright_cleaning_threshold": None},
    ],
}  # fmt: skip
CASES = [(name, options) for name, several in OPTIONS.items() for options in several]
#: Relative. ctapipe sums the mean time in single precision: only there may a pixel differ.
TIME = 1e-5


@pytest.fixture(scope="module")
def files(example_files):
    return {name: cameras(example_files[name], "images", max_events=6) for name in FILES}


@pytest.fixture(params=FILES)
def found(request, files):
    return files[request.param]


@pytest.fixture(scope="module")
def all_cameras(files):
    each = {name: camera for found in files.values() for name, camera in found.items()}
    assert len(each) >= 6
    return list(each.values())


CLEANERS = {name: component("cleaner", name) for name in BUILT_IN["cleaner"]}


def their_masks(name, options, camera, image, time, tel_id, pedestal_std=None):
    """ctapipe's component, called for every image."""
    from ctapipe.containers import CameraMonitoringContainer
    from ctapipe.image.cleaning import ImageCleaner

    cleaner = ImageCleaner.from_name(name, subarray=camera.subarray, **options)
    monitoring = None
    if pedestal_std is not None:
        monitoring = CameraMonitoringContainer()
        monitoring.pixel_statistics.pedestal_image.std = pedestal_std
    return np.array([
        cleaner(tel_id=int(tel), image=q, arrival_times=t, monitoring=monitoring)
        for q, t, tel in zip(image, time, tel_id, strict=True)
    ]).reshape(image.shape)  # fmt: skip


def assert_same(name, options, camera, image, time, tel_id):
    cleaner = CLEANERS[name](**options)
    ours = cleaner.clean(image, time, camera.geometry)
    theirs = their_masks(name, options, camera, image, time, tel_id)
    if name == "TimeConstrainedImageCleaner" and not np.array_equal(ours, theirs):
        # whatever depends on the mean time is repeated with limits a little wider and narrower
        near = [
            dataclasses.replace(cleaner, time_limit_core_ns=cleaner.time_limit_core_ns + e)
            for e in (-TIME, TIME)
        ]
        masks = [other.clean(image, time, camera.geometry) for other in near]
        certain = masks[0] == masks[1]
        ours, theirs = ours[certain], theirs[certain]
    np.testing.assert_array_equal(ours, theirs)
    return int(theirs.sum())


@pytest.mark.parametrize(("name", "options"), CASES)
def test_masks_of_real_images_are_those_of_ctapipe(name, options, found):
    for camera in found.values():
        for batch in camera.batches:
            assert_same(name, options, camera, batch.image, batch.peak_time, batch.tel_id)


@pytest.mark.parametrize(("name", "options"), CASES)
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1), share=st.sampled_from([0.0, 0.02, 0.3, 0.9]),
       spread=st.sampled_from([0.5, 3.0, 20.0]))  # fmt: skip
def test_masks_of_random_images_are_those_of_ctapipe(
    name, options, seed, share, spread, all_cameras
):
    """Whole numbers lie at the thresholds, some pixels have no charge or time."""
    rng = np.random.default_rng(seed)
    camera = all_cameras[seed % len(all_cameras)]
    shape = (3, camera.geometry.n_pixels)
    image = rng.normal(0, 1.5, shape) + rng.poisson(12, shape) * (rng.random(shape) < share)
    image[1] = np.round(image[1])
    time = rng.normal(20, spread, shape)
    time[2] = np.round(time[2])
    time[0, rng.random(shape[1]) < 0.02] = np.nan
    image[2, rng.random(shape[1]) < 0.02] = np.nan
    tel_id = [camera.telescope()] * 3
    with np.errstate(all="ignore"):
        if name == "NSBImageCleaner":
            image = np.nan_to_num(image)  # in ctapipe the place of a NaN decides what is brightest
        assert_same(
            name, options, camera, image.astype(np.float32), time.astype(np.float32), tel_id
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pedestals_raise_picture_thresholds_as_in_ctapipe(dtype, found):
    for camera in found.values():
        for batch in camera.batches:
            std = np.random.default_rng(0).gamma(4, 0.6, batch.geometry.n_pixels).astype(dtype)
            std[::17] = np.nan
            ours = NSBImageCleaner(**LOW).clean(batch.image, batch.peak_time, camera.geometry, std)
            theirs = their_masks(
                "NSBImageCleaner", LOW, camera, batch.image, batch.peak_time, batch.tel_id, std
            )
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("isolated", [False, True])
def test_mars_cleaning_keeps_isolated_pixels_as_the_function_of_ctapipe(isolated, found):
    from ctapipe.image.cleaning import mars_cleaning_1st_pass

    cleaner = MARSImageCleaner(**LOW, keep_isolated_pixels=isolated)
    for camera in found.values():
        for batch in camera.batches:
            ours = cleaner.clean(batch.image, batch.peak_time, camera.geometry)
            for mask, image in zip(ours, batch.image, strict=True):
                theirs = mars_cleaning_1st_pass(
                    camera.theirs(), image, 4.0, 2.0, isolated, min_number_picture_neighbors=2
                )
                np.testing.assert_array_equal(mask, theirs)


@pytest.mark.parametrize("threshold", [2.0, 5.0])
def test_islands_of_real_images_are_those_of_ctapipe(threshold, found):
    from ctapipe.coordinates import TelescopeFrame
    from ctapipe.image import brightest_island as their_brightest
    from ctapipe.image import largest_island as their_largest
    from ctapipe.image import number_of_islands

    for camera in found.values():
        theirs = camera.theirs().transform_to(TelescopeFrame())
        for batch in camera.batches:
            mask = batch.image >= threshold
            ours = islands(mask, camera.geometry)
            largest, brightest = largest_island(ours), brightest_island(ours, batch.image)
            sizes = np.split(ours.sizes, ours.offsets[1:-1])
            for k, row in enumerate(mask):
                number, labels = number_of_islands(theirs, row)
                assert ours.n_islands[k] == number
                np.testing.assert_array_equal(ours.labels[k], labels)
                assert sizes[k].tolist() == np.bincount(labels)[1:].tolist()
                np.testing.assert_array_equal(largest[k], their_largest(labels))
                np.testing.assert_array_equal(
                    brightest[k], their_brightest(number, labels, batch.image[k])
                )


def test_defaults_are_those_of_ctapipe():
    from ctapipe.image.cleaning import ImageCleaner

    classes = ImageCleaner.non_abstract_subclasses()
    assert set(CLEANERS) == set(classes)
    for name, cleaner in CLEANERS.items():
        traits = classes[name].class_traits(config=True)
        for field in dataclasses.fields(cleaner):
            default = traits[field.name].default()
            assert [value for _, _, value in default] == [field.default], (name, field.name)
