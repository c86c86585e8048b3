"""Stages from images to parameter columns."""

import numpy as np
import pytest
from ctapipe.image.cleaning import tailcuts_clean

from ctabatch.instrument.camera import CameraGeometry
from ctabatch.schemas.image_parameters import (
    IMAGE_PARAMETERS,
    TRUE_IMAGE_PARAMETERS,
    image_parameters,
    true_image_parameters,
)
from ctabatch.schemas.parameters import PARAMETERS, parameters
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


#: The toy camera in metres, behind a mirror of 10 m: y becomes the longitude.
IN_METRES = CameraGeometry(
    "toy", CAMERA.fov_lat * 0.17, CAMERA.fov_lon * 0.17, CAMERA.area_deg2 * 0.17**2,
    "hexagon", 0.0, 0.0, 10.0,
)  # fmt: skip


@pytest.mark.parametrize("frame", ["telescope", "camera", "both"])
def test_columns_of_every_frame_have_their_types(frame):
    image, time = shower_images(CAMERA, 20, seed=1)
    mask = image > 5
    columns = parametrise(image, time, mask, IN_METRES, frame)
    truth = parametrise(read_only(image, np.int32), None, mask, IN_METRES, frame)
    for fields, found in (
        (image_parameters(frame), columns),
        (true_image_parameters(frame), {f"true_{name}": v for name, v in truth.items()}),
    ):
        for field in fields:
            assert found[field.name].dtype == field.type.to_pandas_dtype(), field.name
    assert [name for name in columns if name.startswith("timing_")] == (
        [] if frame == "camera" else ["timing_intercept", "timing_deviation", "timing_slope"]
    )


def test_the_camera_frame_is_the_telescope_frame_in_metres_with_the_axes_swapped():
    """Rounding of positions in other units: 1e-9, and 1e-6 where small widths are squared."""
    image, time = shower_images(CAMERA, 20, seed=1)
    found = parametrise(image, time, image > 5, IN_METRES, "both")
    in_camera = {name.removeprefix("camera_frame_"): values for name, values in found.items()
                 if name.startswith("camera_frame_")}  # fmt: skip
    metres = np.radians(10.0)  # per degree
    lit = np.isfinite(found["hillas_length"])
    assert lit.sum() > 5
    for ours, theirs in (("x", "fov_lat"), ("y", "fov_lon"), ("r", "r"), ("length", "length"),
                         ("width", "width"), ("length_uncertainty", "length_uncertainty"),
                         ("transverse_cog_uncertainty", "transverse_cog_uncertainty")):  # fmt: skip
        np.testing.assert_allclose(
            in_camera[f"hillas_{ours}"], found[f"hillas_{theirs}"] * metres, rtol=1e-6, atol=1e-9
        )
    turned = in_camera["hillas_psi"] + found["hillas_psi"]  # mirrored at the diagonal
    np.testing.assert_allclose(np.cos(np.radians(turned[lit])), 0, atol=1e-9)
    np.testing.assert_allclose(
        np.abs(in_camera["timing_slope"]) * metres, np.abs(found["timing_slope"]), rtol=1e-6
    )
    np.testing.assert_allclose(in_camera["hillas_kurtosis"], found["hillas_kurtosis"], rtol=1e-6)


@pytest.mark.parametrize("charges", [[], [7], [3, -3]])
def test_images_without_parameters_have_none_in_the_camera_either(charges):
    image = np.zeros((1, CAMERA.n_pixels), np.float32)
    image[0, : len(charges)] = charges
    for name, values in parametrise(image, image, image != 0, IN_METRES, "both").items():
        assert values[0] == -1 if values.dtype.kind == "i" else np.isnan(values[0]), name


def test_units_in_the_camera_frame_are_metres():
    schema = parameters("both")
    assert set(PARAMETERS.names) < set(schema.names)
    assert schema.field("camera_frame_hillas_length").metadata[b"unit"] == b"m"
    assert schema.field("camera_frame_hillas_psi").metadata[b"unit"] == b"deg"
    assert schema.field("camera_frame_timing_slope").metadata[b"unit"] == b"m**-1"
    assert len(set(schema.names)) == len(schema.names)
    assert not [name for name in parameters("camera").names if name.startswith("hillas_")]


def test_parameter_columns_have_units_descriptions_and_nulls_only_in_truth():
    for field in PARAMETERS:
        assert field.metadata[b"description"], field.name
        assert field.nullable == field.name.startswith("true_"), field.name
    assert PARAMETERS.field("hillas_length").metadata[b"unit"] == b"deg"
    assert PARAMETERS.field("timing_slope").metadata[b"unit"] == b"deg**-1"
    assert len(set(PARAMETERS.names)) == len(PARAMETERS.names)
