"""Stages from images to parameter columns."""

import numpy as np
import pytest
from ctapipe.image.cleaning import tailcuts_clean

from ctabatch.schemas.image_parameters import IMAGE_PARAMETERS, TRUE_IMAGE_PARAMETERS
from ctabatch.schemas.parameters import PARAMETERS
from ctabatch.stages.cleaners.tailcuts import TailcutsImageCleaner
from ctabatch.stages.parametrise import parametrise
from tests.toy_images import read_only, shower_images, toy_camera

CAMERA = toy_camera()


def test_clean_uses_the_defaults_of_ctapipe_process():
    image, _ = shower_images(CAMERA, 20, seed=1)
    mask = TailcutsImageCleaner().clean(image, image, CAMERA)
    assert mask.any()
    for row, selected in zip(image, mask, strict=True):
        expected = tailcuts_clean(CAMERA.ctapipe, row, 10, 5, False, 2)
        np.testing.assert_array_equal(selected, expected)


def test_parametrise_gives_every_column_of_the_schema_in_its_type():
    image, time = shower_images(CAMERA, 20, seed=1)
    mask = read_only(TailcutsImageCleaner().clean(image, image, CAMERA))
    columns = parametrise(image, time, mask, CAMERA)
    assert list(columns) == [field.name for field in IMAGE_PARAMETERS]
    for field in IMAGE_PARAMETERS:
        assert columns[field.name].dtype == field.type.to_pandas_dtype()
        assert columns[field.name].shape == (20,)


def test_parametrise_gives_every_column_of_a_simulated_image_in_its_type():
    image, _ = shower_images(CAMERA, 20, seed=1)
    true_image = read_only(np.where(image > 5, image, 0), np.int32)
    columns = parametrise(true_image, None, true_image > 0, CAMERA)
    assert [f"true_{name}" for name in columns] == [field.name for field in TRUE_IMAGE_PARAMETERS]
    for field in TRUE_IMAGE_PARAMETERS:
        assert columns[field.name.removeprefix("true_")].dtype == field.type.to_pandas_dtype()


@pytest.mark.parametrize("dtype", [np.float32, np.int32])
@pytest.mark.parametrize("charges", [[], [7], [3, -3], [2, -3]])
def test_parametrise_marks_images_without_parameters(dtype, charges):
    image = np.zeros((1, CAMERA.n_pixels), dtype=dtype)
    image[0, : len(charges)] = charges
    time = None if dtype is np.int32 else np.ones((1, CAMERA.n_pixels), dtype=np.float32)
    columns = parametrise(image, time, image != 0, CAMERA)
    for name, values in columns.items():
        if np.issubdtype(values.dtype, np.integer):
            assert values[0] == -1, name
        else:
            assert np.isnan(values[0]), name


def test_parametrise_of_a_slice_of_a_batch_is_the_slice_of_the_columns():
    image, time = shower_images(CAMERA, 20, seed=1)
    mask = TailcutsImageCleaner().clean(image, image, CAMERA)
    whole = parametrise(image, time, mask, CAMERA)
    part = parametrise(image[5:9], time[5:9], mask[5:9], CAMERA)
    for name, values in part.items():
        np.testing.assert_array_equal(values, whole[name][5:9], err_msg=name)


def test_parametrise_of_no_images_has_empty_columns():
    none = np.empty((0, CAMERA.n_pixels), dtype=np.float32)
    columns = parametrise(none, none, none > 0, CAMERA)
    assert {len(values) for values in columns.values()} == {0}


def test_parameter_columns_have_units_descriptions_and_nulls_only_in_truth():
    for field in PARAMETERS:
        assert field.metadata[b"description"], field.name
        assert field.nullable == field.name.startswith("true_"), field.name
    assert PARAMETERS.field("hillas_length").metadata[b"unit"] == b"deg"
    assert PARAMETERS.field("timing_slope").metadata[b"unit"] == b"deg**-1"
    assert len(set(PARAMETERS.names)) == len(PARAMETERS.names)
