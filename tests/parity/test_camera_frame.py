"""Parameters in the camera frame against ctapipe's ImageProcessor without the telescope frame."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import ctabatch
from ctabatch.config import ProcessConfig
from ctabatch.kernels.trimmed_line import KEPT_FRACTION
from ctabatch.schemas.image_parameters import image_parameters, true_image_parameters
from tests.parity.cameras import FILES, cameras
from tests.parity.closeness import Tolerance, assert_close
from tests.parity.test_parameters import tolerance

POSITION = Tolerance(absolute=1e-6)  # m; as 1e-4 deg in a camera of 0.6 m
MAX_EVENTS = 12


def of_column(column: str) -> Tolerance:
    """The tolerance of the telescope frame, positions in metres."""
    name = column.removeprefix("true_").removeprefix("camera_frame_")
    return POSITION if name in ("hillas_x", "hillas_y", "hillas_r") else tolerance(name)


def our_rows(path, frame):
    """Rows of dl1/parameters by event and telescope."""
    config = ProcessConfig(
        parameters={"frame": frame}, write=("images", "parameters"),
        source={"focal_length": "equivalent"},
    )  # fmt: skip
    found = {}
    with ctabatch.open(path, max_events=MAX_EVENTS, focal_length="equivalent") as source:
        for batch in source.batches("parameters", options=config.dl1_options()):
            for row in batch.record_batch.to_pylist():
                found[row["event_id"], row["tel_id"]] = row
    return found


def their_parameters(processor, batch, k):
    """What ctapipe's component makes of image `k` and of its true image, as columns."""
    from ctapipe.containers import ArrayEventContainer, DL1CameraContainer

    tel_id = int(batch.tel_id[k])
    event = ArrayEventContainer()
    event.dl1.tel[tel_id] = DL1CameraContainer(image=batch.image[k], peak_time=batch.peak_time[k])
    processor(event)
    mask = event.dl1.tel[tel_id].image_mask
    own = columns_of(event.dl1.tel[tel_id].parameters, "")
    true_image = batch.record_batch["true_image"][k].as_py()
    if true_image is None:
        return own, mask
    true_image = np.array(true_image, np.int32).ravel()
    truth = processor._parameterize_image(tel_id, true_image, true_image > 0)
    return own | columns_of(truth, "true_"), mask


def columns_of(parameters, prefix):
    found = {}
    for container in parameters.values():
        name = container.prefix
        for field, value in container.items():
            unit = container.fields[field].unit
            plain = value.to_value(unit) if hasattr(value, "to_value") else value
            found[f"{prefix}{name}_{field}"] = plain
    return found


@pytest.fixture(scope="module")
def compared(example_files):
    """Camera, and its pairs of rows with what belongs to them."""
    from ctapipe.image import ImageProcessor

    pairs = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in FILES:
            path = example_files[name]
            ours = our_rows(path, "camera")
            for camera in cameras(path, "images", MAX_EVENTS).values():
                processor = ImageProcessor(subarray=camera.subarray, use_telescope_frame=False)
                for batch in camera.batches:
                    for k, event_id in enumerate(batch.event_id.tolist()):
                        key = event_id, int(batch.tel_id[k])
                        theirs, mask = their_parameters(processor, batch, k)
                        pairs.setdefault(camera.name, []).append(
                            (ours[key], theirs, camera, batch.peak_time[k], mask, key)
                        )
    return pairs


def test_all_cameras_of_the_example_files_are_compared(compared):
    assert len(compared) >= 6
    lit = {name: sum(np.isfinite(own["camera_frame_hillas_length"]) for own, *_ in pairs)
           for name, pairs in compared.items()}  # fmt: skip
    assert sum(n > 0 for n in lit.values()) >= 5, lit


def test_columns_are_those_of_ctapipe(compared):
    names = [field.name for field in image_parameters("camera")]
    truth = {field.name for field in true_image_parameters("camera")}
    for pairs in compared.values():
        lit = [theirs for own, theirs, *_ in pairs if own["morphology_n_pixels"] > 1]
        for theirs in lit:
            own = {name for name in theirs if not name.startswith("true_")}
            assert own == {*names, "core_psi"}  # of the stereo reconstruction
            assert truth <= set(theirs) or own == set(theirs)  # all of a true image, or none


def test_parameters_agree(compared):
    for camera, pairs in compared.items():
        for column in [field.name for field in image_parameters("camera")]:
            if column.startswith("camera_frame_timing"):
                continue
            rows = [(own[column], theirs[column], key) for own, theirs, *_, key in pairs
                    if own["morphology_n_pixels"] > 0]  # fmt: skip
            if rows:
                ours, theirs, keys = zip(*rows, strict=True)
                assert_close(
                    column, np.array(ours), np.array(theirs), of_column(column), camera, keys
                )
        for own, theirs, *_, key in pairs:  # images without parameters
            if own["morphology_n_pixels"] == -1:
                assert np.isnan(theirs.get("camera_frame_hillas_length", np.nan)), key


def test_parameters_of_true_images_agree(compared):
    n = 0
    for camera, pairs in compared.items():
        for column in [field.name for field in true_image_parameters("camera")]:
            rows = [(own[column], theirs[column], key) for own, theirs, *_, key in pairs
                    if own[column] is not None and column in theirs]  # fmt: skip
            if rows:
                n += len(rows)
                ours, theirs, keys = zip(*rows, strict=True)
                assert_close(
                    column, np.array(ours), np.array(theirs), of_column(column), camera, keys
                )
    assert n


def test_time_gradients_fit_at_least_as_well_as_those_of_ctapipe(compared):
    """As in the telescope frame: at most 1 % more is left than of ctapipe's line."""
    n = 0
    for camera, pairs in compared.items():
        for own, theirs, described, time, mask, key in pairs:
            if not np.isfinite(own["camera_frame_timing_slope"]):
                assert not np.isfinite(theirs.get("camera_frame_timing_slope", np.nan)), key
                continue
            geometry = described.geometry
            x, y = geometry.pixel_x[mask], geometry.pixel_y[mask]
            left = [residuals(row, x, y, time[mask].astype(float)) for row in (own, theirs)]
            for row, rest in zip((own, theirs), left, strict=True):
                rms = np.sqrt(np.mean(rest**2))
                assert row["camera_frame_timing_deviation"] == pytest.approx(rms, 1e-4, 1e-9)
            kept = int(KEPT_FRACTION * mask.sum())
            mine, reference = (np.sort(rest**2)[:kept].sum() for rest in left)
            assert mine <= 1.01 * reference + 1e-9, (camera, key)
            n += 1
    assert n > 20


def residuals(row, x, y, time):
    psi = np.radians(row["camera_frame_hillas_psi"])
    along = (x - row["camera_frame_hillas_x"]) * np.cos(psi)
    along += (y - row["camera_frame_hillas_y"]) * np.sin(psi)
    slope, intercept = (row[f"camera_frame_timing_{name}"] for name in ("slope", "intercept"))
    return time - slope * along - intercept


@pytest.mark.parametrize("name", FILES)
def test_both_frames_together_are_each_alone(name, example_files):
    """To the bit: the same kernels on the same pixels. Leakage and islands are of the sky."""
    path = example_files[name]
    one = {frame: our_rows(path, frame) for frame in ("telescope", "camera", "both")}
    for key in one["both"]:
        for frame in ("telescope", "camera"):
            shared = [c for c in one[frame][key] if frame == "telescope" or "camera_frame" in c]
            assert len(shared) > 25
            for column in shared:
                ours, alone = (np.array(one[f][key][column], float) for f in ("both", frame))
                np.testing.assert_array_equal(ours, alone, err_msg=f"{key} {column}")
