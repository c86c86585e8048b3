"""The options of a training: strict, with the nearest name for a typo, and SQL instead of code."""

from __future__ import annotations

import pytest

from ctabatch.errors import OptionError
from ctabatch.learn.features import feature_expressions
from ctabatch.learn.options import TrainConfig, build_config, load_config, parse_tasks
from ctabatch.learn.task_columns import TaskColumns

COLUMNS = ("hillas_intensity", "hillas_width", "hillas_length", "true_energy", "tels")


def test_default_features_are_those_of_the_shipped_ctapipe_configuration() -> None:
    config = TrainConfig()
    counts = {task: len(config.of(task).features) for task in config.tasks}
    assert counts == {"energy": 33, "particle_type": 33, "disp": 30}
    assert "LightGBM_tel_energy" in config.of("disp").features


def test_shown_configuration_reads_back_as_itself() -> None:
    config = build_config({"prefix": "Mine", "energy": {"max_rows": 1000}})
    assert load_config(config.to_yaml()) == config
    assert load_config("") == TrainConfig()


def test_prefix_is_put_into_names_and_sql() -> None:
    energy = {"features": ["{prefix}_energy", "ratio"],
              "generated": {"ratio": "{prefix}_tel_energy / {prefix}_energy"}}  # fmt: skip
    options = build_config({"prefix": "Mine", "disp": energy}).of("disp")
    assert options.features == ("Mine_energy", "ratio")
    assert options.generated == {"ratio": "Mine_tel_energy / Mine_energy"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("energi: {}", "'energy'"),
        ("energy: {max_row: 1000}", "'max_rows'"),
        ("energy: {max_rows: 7}", "energy.max_rows"),
        ("tasks: [enrgy]", "energy"),
        ("prefix: a b", "prefix"),
        ("n_cross_validation: 1", "n_cross_validation"),
        ("- 1", "options with names"),
        ("a: [", "not readable as YAML"),
        ("!!python/object/apply:os.system [true]", "not readable as YAML"),
    ],
)
def test_unusable_configuration_is_refused_with_what_would_be_valid(text: str, said: str) -> None:
    with pytest.raises(OptionError, match=r".") as refused:
        load_config(text, "train.yaml")
    assert said in str(refused.value)
    assert "train.yaml" in str(refused.value)


def test_feature_with_a_typo_names_the_nearest_column() -> None:
    config = build_config({"tasks": ["energy"], "energy": {"features": ["hillas_widht"],
                           "generated": {}, "quality": {}}})  # fmt: skip
    with pytest.raises(OptionError, match="hillas_width"):
        TaskColumns.of(config, "energy", COLUMNS)


def test_criterion_with_a_typo_names_the_nearest_column() -> None:
    config = build_config({"tasks": ["energy"], "energy": {"features": ["hillas_width"],
                           "generated": {}, "quality": {"q": "hillas_intensiti > 5"}}})  # fmt: skip
    with pytest.raises(OptionError, match="hillas_intensity"):
        TaskColumns.of(config, "energy", COLUMNS)


@pytest.mark.parametrize("generated", [{}, {"true_energy_again": "LN(true_energy) + hillas_width"}])
def test_simulated_truth_is_no_feature_unless_forced(generated: dict[str, str]) -> None:
    name = next(iter(generated), "true_energy")
    with pytest.raises(OptionError, match="true_energy"):
        feature_expressions([name], generated)
    assert feature_expressions([name], generated, allow_truth=True)[0].name == name


def test_criteria_may_not_read_simulated_truth_either() -> None:
    quality = {"bright": "true_energy > 1"}
    config = build_config({"tasks": ["energy"], "energy": {"features": ["hillas_width"],
                           "generated": {}, "quality": quality}})  # fmt: skip
    with pytest.raises(OptionError, match="bright"):
        TaskColumns.of(config, "energy", COLUMNS)


@pytest.mark.parametrize(
    "sql", ["__import__('os').getcwd()", "hillas_width +", "SELECT 1", "SUM(hillas_width)"]
)
def test_feature_that_is_no_row_wise_sql_is_refused(sql: str) -> None:
    with pytest.raises(OptionError, match="area"):
        feature_expressions(["area"], {"area": sql})


def test_feature_named_twice_or_as_a_column_is_refused() -> None:
    with pytest.raises(OptionError, match="twice"):
        feature_expressions(["hillas_width", "hillas_width"], {})
    with pytest.raises(OptionError, match="name of a column"):
        feature_expressions(["hillas_width"], {"hillas_width": "1 + 1"}, known=COLUMNS)


def test_tasks_come_in_the_order_of_training() -> None:
    assert parse_tasks("disp, energy") == ("energy", "disp")
    with pytest.raises(OptionError, match="particle_type"):
        parse_tasks("particle")
    with pytest.raises(OptionError, match="no task"):
        parse_tasks(" ,")


def test_a_task_that_reads_the_predicted_energy_says_that_energy_must_be_trained():
    config = build_config({"tasks": ["disp"]})
    known = {*config.of("disp").features, "hillas_width", "hillas_length"}
    known -= {"area", "LightGBM_energy", "LightGBM_tel_energy"}
    with pytest.raises(OptionError, match=r"LightGBM_energy.* predicted by the task energy"):
        TaskColumns.of(config, "disp", known)
