"""Configurations of ctapipe: what is translated does the same, what is not is listed."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml

from ctabatch.config import ProcessConfig
from ctabatch.config.ctapipe_criteria import criteria, sql
from ctabatch.config.ctapipe_files import by_telescope, from_ctapipe
from ctabatch.expressions import parse

SHIPPED = files("ctapipe.resources")


def shipped(name):
    return yaml.safe_load(SHIPPED.joinpath(name).read_text())


def test_the_shipped_cleaning_has_the_same_thresholds_for_every_telescope():
    content = shipped("base_config.yaml")
    found, _ = from_ctapipe(content)
    config = ProcessConfig.model_validate(found)
    assert config.unused_patterns == "ignore"
    block = content["ImageProcessor"]["TailcutsImageCleaner"]
    assert len(block["picture_threshold_pe"]) > 2
    for option in ("picture_threshold_pe", "boundary_threshold_pe"):
        for _, pattern, value in block[option]:
            cleaner = config.cleaning.component_for(pattern.replace("*", "_"), 1)
            assert getattr(cleaner, option) == value


def test_what_cannot_be_translated_is_listed_with_its_value():
    found, left = from_ctapipe(
        {
            "EventSource": {"max_events": 5, "skip_r1_calibration": True},
            "ImageProcessor": {"image_cleaner_type": "DreamCleaner", "use_deep_frame": False},
            "Unknown": {"a": 1},
        }
    )
    assert found == {"source": {"max_events": 5}}
    assert len(left) == 4
    assert any("DreamCleaner" in line for line in left)
    assert any(line == "Unknown.a: 1" for line in left)


@pytest.mark.parametrize(
    ("written", "frame"),
    [({}, "both"), ({"write_dl1_parameters": True}, "camera"),
     ({"write_dl1_parameters": True, "write_dl2": True}, "both")],
)  # fmt: skip
def test_the_camera_frame_is_translated_with_the_criteria_on_its_parameters(written, frame):
    criterion = [["wide", "parameters.hillas.width.value > 0.01"]]
    content = {
        "ImageProcessor": {
            "ImageQualityQuery": {"quality_criteria": [["bright", "image.sum() > 5"]]},
            "use_telescope_frame": False,
        },
        "ShowerProcessor": {
            "HillasReconstructor": {"StereoQualityQuery": {"quality_criteria": criterion}}
        },
        "DataWriter": written,
    }
    found, left = from_ctapipe(content)
    assert not left
    config = ProcessConfig.model_validate(found)
    assert config.parameters.frame == frame
    assert config.parameters.quality == {"bright": "camera_frame_hillas_intensity > 5"}
    assert config.stereo.quality == {"wide": "camera_frame_hillas_width > 0.01"}
    content["ImageProcessor"]["use_telescope_frame"] = True
    config = ProcessConfig.model_validate(from_ctapipe(content)[0])
    assert config.parameters.frame == "telescope"
    assert config.stereo.quality == {"wide": "hillas_width > 0.01"}


def test_a_frame_that_is_no_yes_or_no_is_left_untranslated():
    found, left = from_ctapipe({"ImageProcessor": {"use_telescope_frame": "often"}})
    assert found == {}
    assert len(left) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (8.5, 8.5),
        ([["type", "*", 5]], 5),
        ([["type", "*", 5], ["type", "LST*", 7]], {"*": 5, "LST*": 7}),
        ([["type", "LST*", 7], ["type", "*", 5]], 5),
        ([["type", "LST*", 7], ["id", 3, 5]], {"LST*": 7, "3": 5}),
        (["HillasReconstructor"], ["HillasReconstructor"]),
        ([], []),
    ],
)
def test_values_by_telescope(value, expected):
    assert by_telescope(value) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("parameters.hillas.width.value > 0", "hillas_width > 0"),
        ("parameters.morphology.n_pixels > 3", "morphology_n_pixels > 3"),
        ("50 < parameters.hillas.intensity <= 1e5",
         "50 < hillas_intensity AND hillas_intensity <= 100000.0"),
        ("parameters.intensity_statistics.max > 5 and not parameters.hillas.r.value < -1",
         "(intensity_max > 5) AND (NOT (hillas_r < -1))"),
        ("abs(parameters.hillas.skewness) < 0.5", "ABS(hillas_skewness) < 0.5"),
        ("parameters.hillas.width.to_value('deg') * 2 > 0.1", "(hillas_width * 2) > 0.1"),
    ],
)  # fmt: skip
def test_criteria_become_sql_that_parses(text, expected):
    assert sql(text) == expected
    parse(expected, "criterion")


@pytest.mark.parametrize(
    "text",
    ["__import__('os').system('true')", "parameters.hillas", "image.min() > 5", "x > 1", "1 if",
     "'a' > 'b'", "parameters.hillas.width[0] > 1", "lambda: 1"],
)  # fmt: skip
def test_anything_else_is_left_untranslated(text):
    assert criteria([["name", text]]) == ({}, [f"name: {text}"])


def test_the_command_prints_the_file_and_lists_the_rest(cli, tmp_path):
    path = tmp_path / "stage1.yaml"
    path.write_text(SHIPPED.joinpath("base_config.yaml").read_text())
    code, out, err = cli("config", "--from-ctapipe", path)
    assert code == 1
    assert "Contact" in err
    config = ProcessConfig.from_text(out, "x.yaml")
    assert config.parameters.quality == {
        "enough_pixels": "morphology_n_pixels > 2", "enough_charge": "hillas_intensity > 50",
    }  # fmt: skip
    assert config.stereo.quality["not_clipped"] == "leakage_intensity_width_2 < 0.5"
    assert config.cleaning.component_for("LST_LST_LSTCam", 1).picture_threshold_pe == 8.5
    path.write_text(SHIPPED.joinpath("stage1_config.yaml").read_text())
    assert cli("config", "--from-ctapipe", path)[0] == 0
