"""The option parameters.frame: what is written, and what is refused."""

from __future__ import annotations

import pytest

from ctabatch import Dataset
from ctabatch.config import ProcessConfig
from ctabatch.engine import Engine
from ctabatch.errors import InputError, OptionError
from ctabatch.schemas.parameters import parameters
from ctabatch.stereo import recompute

NO_GEOMETRY = ("images", "parameters")
IN_CAMERA = "camera_frame_hillas_intensity > 80"


@pytest.fixture(scope="module")
def made(example_files, tmp_path_factory):
    """Dataset of each frame."""
    found = {}
    for frame in ("telescope", "camera", "both"):
        write = NO_GEOMETRY if frame == "camera" else (*NO_GEOMETRY, "geometry")
        quality = {"bright": IN_CAMERA} if frame == "camera" else {}
        config = ProcessConfig(parameters={"frame": frame, "quality": quality}, write=write)
        root = tmp_path_factory.mktemp(frame)
        result = Engine(root, config).run(example_files["sst1m"])
        assert result.status == "done", result.error
        found[frame] = Dataset(root)
    return found


@pytest.mark.parametrize("frame", ["telescope", "camera", "both"])
def test_columns_of_the_frame_are_written(frame, made):
    written = made[frame].parameters().collect_schema().names()
    assert written == [*parameters(frame).names, "tel_type"]


def test_criteria_may_read_columns_of_the_camera_frame(made):
    every, left = (
        made[frame].parameters().collect()["camera_frame_hillas_intensity"].drop_nans().sort()
        for frame in ("both", "camera")
    )
    assert 0 < len(left) < len(every)
    assert left.equals(every.filter(every > 80))


def test_showers_are_the_same_with_both_frames(made):
    ours, theirs = (made[frame].geometry().collect() for frame in ("both", "telescope"))
    assert ours["HillasReconstructor_is_valid"].any()
    assert ours.equals(theirs)


def test_stereo_of_parameters_in_the_camera_frame_alone_is_refused(made):
    with pytest.raises(InputError, match="no column hillas_fov_lat"):
        recompute(made["camera"].root, ProcessConfig().stereo)


def test_stereo_may_read_columns_of_the_camera_frame_of_both(made):
    options = ProcessConfig(
        parameters={"frame": "both"}, stereo={"quality": {"bright": IN_CAMERA}}
    ).stereo
    [result] = recompute(made["both"].root, options).values()
    assert result["quality_cut_flow"]["bright"] > 0


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"parameters": {"frame": "camera"}}, "needs the telescope frame; take both"),
        ({"parameters": {"frame": "camera", "quality": {"a": "hillas_intensity > 5"}},
          "write": NO_GEOMETRY}, "parameters.quality.a: there is no hillas_intensity"),
        ({"parameters": {"quality": {"a": IN_CAMERA}}},
         "parameters.quality.a: there is no camera_frame_hillas_intensity"),
        ({"stereo": {"quality": {"a": IN_CAMERA}}},
         "stereo.quality.a: there is no camera_frame_hillas_intensity"),
        ({"parameters": {"frame": "sky"}}, "telescope"),
    ],
)  # fmt: skip
def test_what_needs_the_other_frame_is_refused(sections, message):
    with pytest.raises((OptionError, ValueError), match=message):
        ProcessConfig.model_validate(sections)


def test_the_command_says_what_to_do(cli, example_files, tmp_path):
    code, _, err = cli(
        "process", example_files["sst1m"], "-o", tmp_path / "d", "--set", "parameters.frame=camera"
    )
    assert code == 2
    assert "take both instead of camera" in " ".join(err.split())


def test_the_schema_command_shows_the_columns_of_both_frames(cli):
    code, out, _ = cli("schema", "dl1/parameters:both", "--json")
    assert code == 0
    assert "camera_frame_timing_slope" in out
