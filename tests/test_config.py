"""Configurations: layers, assignments, values by telescope, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.config import ProcessConfig
from ctabatch.config.default_file import default_file
from ctabatch.config.files import assignments, layers
from ctabatch.config.patterns import value_for
from ctabatch.config.registry import BUILT_IN
from ctabatch.errors import OptionError
from ctabatch.stages.cleaners.tailcuts import TailcutsImageCleaner

LST, MST = "LST_LST_LSTCam", "MST_MST_NectarCam"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (5, (5, 5)),
        ({"*": 5}, (5, 5)),
        ({"LST*": 7}, (7, None)),
        ({"LST*": 7, "*": 5}, (7, 5)),
        ({"*": 5, "LST*": 7, "LST_LST*": 8}, (8, 5)),
        ({"LST_LST*": 8, LST: 9, "*LSTCa?": 7}, (9, None)),
        ({"1": 3, LST: 9, "*": 5}, (3, 5)),
        ({"MST*": 1, "*NectarCam": 2}, (None, 2)),
    ],
)
def test_the_most_special_key_counts(value, expected):
    assert (value_for(value, LST, 1), value_for(value, MST, 2)) == expected


@given(st.permutations([("*", 0), ("L*", 1), ("LST*", 2), (LST, 3), ("1", 4)]))
def test_the_order_of_the_keys_does_not_matter(pairs):
    assert value_for(dict(pairs), LST, 1) == 4
    assert value_for(dict(pairs), LST, 2) == 3
    assert value_for(dict(pairs), "LST_x_y", 2) == 2


def test_the_default_file_is_the_default():
    text = default_file()
    assert ProcessConfig.from_text(text, "x.yaml") == ProcessConfig()
    assert ProcessConfig.from_text(text, "x.yaml").digest() == ProcessConfig().digest()


@pytest.mark.parametrize("kind", list(BUILT_IN))
def test_the_default_file_names_every_component_with_valid_options(kind):
    section = next(
        name for name, field in ProcessConfig.model_fields.items()
        if getattr(field.annotation, "KIND", None) == kind
    )  # fmt: skip
    for name in BUILT_IN[kind]:
        lines = default_file().splitlines()
        if any(f"# {name} has no options" in line for line in lines):
            options = {}
        else:
            begin = next(k for k, line in enumerate(lines) if line.strip(" #") == f"{name}:")
            mark = lines[begin].index(name)
            block = []
            for line in lines[begin + 1 :]:
                if line[:mark].strip(" #") or not line[mark:].startswith("  "):
                    break
                block.append(line[mark:])
            options = yaml.safe_load("\n".join(block))
            assert options
        model = ProcessConfig.model_fields[section].annotation
        choice = {kind: name} if kind in model.model_fields else {}
        config = ProcessConfig.model_validate({section: {**choice, name: options}})
        assert config == ProcessConfig.model_validate({section: choice})


def test_later_layers_and_assignments_override(tmp_path):
    first, second = tmp_path / "a.yaml", tmp_path / "b.toml"
    first.write_text("cleaning: {picture_threshold_pe: 8, boundary_threshold_pe: 4}\n")
    second.write_text('[cleaning]\npicture_threshold_pe = {"LST*" = 6.5, 25 = 9}\n')
    config = ProcessConfig.model_validate(layers([first, second]))
    assert config.cleaning.component_for(LST, 1) == TailcutsImageCleaner(6.5, 4.0)
    assert config.cleaning.component_for(LST, 25) == TailcutsImageCleaner(9.0, 4.0)
    assert config.cleaning.component_for(MST, 2) == TailcutsImageCleaner(10.0, 4.0)
    assert assignments(["a.b=3", 'a.c={"LST*": 1, 5: 2}', "a.b=4"]) == {
        "a": {"b": 4, "c": {"LST*": 1, "5": 2}}
    }


def test_an_option_of_the_section_is_the_same_as_one_of_its_component():
    short = ProcessConfig.model_validate({"cleaning": {"picture_threshold_pe": 8}})
    block = {"TailcutsImageCleaner": {"picture_threshold_pe": 8.0}}
    assert short == ProcessConfig.model_validate({"cleaning": block})
    assert short.digest() == ProcessConfig.model_validate({"cleaning": block}).digest()
    assert short.digest() != ProcessConfig().digest()


def test_options_of_components_that_are_not_chosen_do_not_change_the_digest():
    other = {"extraction": {"LocalPeakWindowSum": {"window_width": 5}}}
    assert ProcessConfig.model_validate(other).digest() == ProcessConfig().digest()


def test_what_is_stored_makes_the_same_configuration_again():
    config = ProcessConfig.model_validate(
        {"extraction": {"extractor": {"*": "LocalPeakWindowSum", "LST*": "FullWaveformSum"},
                        "window_width": {"MST*": 5}}}
    )  # fmt: skip
    again = ProcessConfig.model_validate(json.loads(config.model_dump_json()))
    assert again == config
    assert again.digest() == config.digest()


@pytest.mark.parametrize(
    ("word", "messages"),
    [
        ("cleaning.picture_treshold_pe=8", ["cleaning", "'picture_threshold_pe'"]),
        ("cleaning.picture_threshold_pe=eight", ["picture_threshold_pe", "number", "'eight'"]),
        ("cleaning.min_picture_neighbors=-1", ["min_picture_neighbors", "greater", "0"]),
        ('cleaning.min_picture_neighbors={"LST*": -1}', ["[LST*]", "greater"]),
        ("cleaning.min_picture_neighbors={}", ["empty"]),
        ("extraction.window_width=0", ["window_width", "greater", "1"]),
        ("extraction.extractor=LocalPeakWindowSums", ["LocalPeakWindowSum'"]),
        ('extraction.extractor={"LST*": Nothing}', ["extraction.extractor", "Nothing"]),
        ("extraction.extractor=5", ["extraction.extractor", "5"]),
        ("extraction.LocalPeakWindowSum=5", ["mapping"]),
        ("gain_selection.gain_selector=NoGainSelector", ["gain_selection", "ManualGainSelector"]),
        ("clening.x=1", ["clening", "'cleaning'"]),
        ("cleaning", ["section.option=value"]),
        ("cleaning.=1", ["section.option=value"]),
        ("cleaning.x={", ["YAML"]),
        ("source.max_events=0", ["max_events", "greater"]),
    ],
)
def test_a_wrong_option_is_refused_with_its_name(word, messages, cli):
    code, out, err = cli("config", "--set", word)
    assert (code, out) == (2, "")
    assert all(message in err for message in messages), err


@pytest.mark.parametrize(
    ("word", "messages"),
    [
        ('cleaning.picture_threshold_pe={"MSTx*": 8}', ["MSTx*", LST]),
        ("cleaning.picture_threshold_pe={77: 8}", ["telescope 77", "1"]),
        ('extraction.extractor={"XST*": LocalPeakWindowSum}', ["extraction.extractor", "XST*"]),
        ('gain_selection.threshold={"XST*": 5}', ["ThresholdGainSelector.threshold", "XST*"]),
    ],
)
def test_a_pattern_that_fits_no_telescope_is_refused(word, messages, cli, example_files, tmp_path):
    words = ["process", example_files["lst-muons"], "-o", tmp_path / "out"]
    words += ["--focal-length", "equivalent", "--set", word]
    code, _, err = cli(*words)
    assert code == 2
    assert all(message in err for message in messages), err
    assert cli(*words, "--set", "unused_patterns=ignore")[0] == 0


def images_of(folder):
    """Mask and keys of all images in a dataset."""
    tables = [pq.read_table(f, partitioning=None) for f in sorted(folder.rglob("dl1/images/*/*"))]
    found = {}
    for table in tables:
        masks = table["image_mask"].to_pylist()
        for event_id, tel_id, mask in zip(
            table["event_id"].to_pylist(), table["tel_id"].to_pylist(), masks, strict=True
        ):
            found[event_id, tel_id] = np.array(mask)
    return found


def test_one_telescope_may_have_options_of_its_own(cli, example_files, tmp_path):
    """Each image is the one that a run with this value for all telescopes gives."""
    path, runs = example_files["sst1m"], {}
    words = {"low": "4", "high": "12", "mixed": '{"*": 12, 12: 4}'}
    for name, value in words.items():
        code, _, err = cli("process", path, "-o", tmp_path / name, "--write", "images", "--set",
                           f"cleaning.picture_threshold_pe={value}")  # fmt: skip
        assert code == 0, err
        runs[name] = images_of(tmp_path / name)
    tels = {tel_id for _, tel_id in runs["low"]}
    assert len(runs["mixed"]) == len(runs["low"]) == len(runs["high"])
    assert 12 in tels
    assert len(tels) > 1
    for key, mask in runs["mixed"].items():
        expected = runs["low" if key[1] == 12 else "high"][key]
        np.testing.assert_array_equal(mask, expected)
    assert any((runs["low"][key] != runs["high"][key]).any() for key in runs["low"])


def test_the_printed_file_works_in_process(cli, example_files, tmp_path):
    code, text, _ = cli("config", "--set", "extraction.window_width=5")
    assert code == 0
    (tmp_path / "p.yaml").write_text(text)
    words = ["process", example_files["lst-muons"], "-o", "out", "--config", tmp_path / "p.yaml"]
    assert cli(*words, "--set", "source.focal_length=equivalent")[0] == 0
    (record,) = (tmp_path / "out" / "parts").glob("*.json")
    block = json.loads(record.read_text())["config"]["extraction"]["NeighborPeakWindowSum"]
    assert block["window_width"] == 5


def test_config_writes_a_new_file_only(cli, tmp_path):
    path = tmp_path / "new.yaml"
    assert cli("config", "-o", path)[0] == 0
    assert path.read_text() == default_file()
    code, _, err = cli("config", "-o", path)
    assert code == 2
    assert "already" in err


def test_text_that_is_no_mapping_is_refused(tmp_path):
    for name, text in {"a.yaml": "[1, 2]", "b.yaml": "{", "c.toml": "x = "}.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(OptionError, match=name):
            layers([tmp_path / name])
    with pytest.raises(OptionError, match="not readable"):
        layers([tmp_path / "absent.yaml"])
