"""`ctabatch train`: the models, their order and cross-validation, the card, and the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from matplotlib.image import imread

from ctabatch.cli import main
from ctabatch.errors import InputError
from ctabatch.io.model_files import read_models, write_models
from ctabatch.io.part_tables import part_tables
from ctabatch.io.spool import SpoolFolder
from ctabatch.learn.options import build_config
from ctabatch.learn.train import Training, train
from ctabatch.learn.trees import Trees
from tests.toy_training_set import CONFIG, reordered, toy_tables, write_part

MODELS = ("energy", "particle_type", "disp_norm", "disp_sign")


@pytest.fixture(scope="module")
def gammas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training") / "gammas"
    write_part(folder, toy_tables(500), "one", rows_per_group=200)
    return write_part(folder, toy_tables(500, first=501), "two", rows_per_group=300)


@pytest.fixture(scope="module")
def protons(gammas: Path) -> Path:
    tables = toy_tables(500, primary=101, obs_id=2)
    return write_part(gammas.with_name("protons"), tables, "background", rows_per_group=1000)


@pytest.fixture(scope="module")
def training(gammas: Path, protons: Path) -> Training:
    return trained(gammas, protons)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run the command line in this process: exit code, stdout, stderr."""

    def start(*words: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main.run(["train", *map(str, words)])
        code = end.value.code
        return (code if isinstance(code, int) else 0, *capsys.readouterr())

    return start


@pytest.fixture(scope="module")
def config_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("config") / "train.yaml"
    path.write_text(yaml.safe_dump(CONFIG))
    return path


def trained(
    gammas: Path, protons: Path | None, *, flip: bool = False, jobs: int = 1, **changes: Any
) -> Training:
    roles = [part_tables(gammas), part_tables(protons) if protons else []]
    if flip:
        roles = [parts[::-1] for parts in roles]
    with SpoolFolder(gammas.parent / "rows") as spools:
        return train(roles[0], roles[1], build_config({**CONFIG, **changes}), spools, jobs=jobs)


def test_every_telescope_type_gets_every_model(training: Training) -> None:
    names = [model["name"] for model in training.card["models"]]
    assert sorted(names) == sorted(f"{kind}/{t}" for kind in MODELS for t in "AB")
    assert sorted(training.trees) == sorted(names)
    assert training.skipped == []
    assert training.card["metrics"]["energy"]["r2_log_energy"] > 0.8
    assert training.card["metrics"]["particle_type"]["auc"] > 0.95
    by_name = {model["name"]: model for model in training.card["models"]}
    assert by_name["disp_sign/A"]["metrics"]["sign_accuracy"] > 0.85


def test_card_lists_features_in_order_with_sql_and_unit(training: Training) -> None:
    by_name = {model["name"]: model for model in training.card["models"]}
    assert by_name["energy/B"]["features"] == [
        {"name": "hillas_intensity", "sql": "hillas_intensity", "unit": ""},
        {"name": "area", "sql": "hillas_width * hillas_length", "unit": ""},
        {
            "name": "HillasReconstructor_tel_impact_distance",
            "sql": "HillasReconstructor_tel_impact_distance",
            "unit": "m",
        },
        {
            "name": "HillasReconstructor_h_max",
            "sql": "HillasReconstructor_h_max",
            "unit": "m",
        },
    ]
    chained = by_name["particle_type/B"]["features"][2]
    assert chained == {"name": "LightGBM_energy", "sql": "LightGBM_energy", "unit": "TeV"}
    assert by_name["energy/B"]["columns"]["hillas_width"] == "deg"
    assert by_name["energy/A"]["log_target"]
    assert not by_name["disp_sign/A"]["log_target"]
    inputs = training.card["inputs"]
    assert [part["part"] for part in inputs["gammas"]] == ["one", "two"]
    assert all(len(part["sha256"]) == 64 for part in inputs["gammas"] + inputs["protons"])


def test_same_events_and_seed_give_the_same_bytes(
    gammas: Path, protons: Path, training: Training, tmp_path: Path
) -> None:
    again = trained(gammas, protons, flip=True, jobs=4)
    cards = [
        write_models(tmp_path / name, t.card, t.trees, t.tables)
        for name, t in (("one", training), ("two", again))
    ]
    assert cards[0]["digest"] == cards[1]["digest"]
    assert (tmp_path / "one/models.json").read_bytes() == (
        tmp_path / "two/models.json"
    ).read_bytes()
    other = write_models(tmp_path / "three", *_parts_of(trained(gammas, protons, seed=1)))
    assert other["digest"] != cards[0]["digest"]


def _parts_of(training: Training) -> tuple[Any, Any, Any]:
    return training.card, training.trees, training.tables


def test_written_models_read_back_and_predict(training: Training, tmp_path: Path) -> None:
    write_models(tmp_path / "models", *_parts_of(training))
    card, tables = read_models(tmp_path / "models")
    for entry in card["models"]:
        trees = Trees.from_table(tables[entry["name"]], len(entry["features"]))
        x = np.random.default_rng(0).uniform(0, 300, (10, trees.n_features)).astype(np.float32)
        assert np.isfinite(trees.predict(x)).all()


def test_metrics_are_of_events_that_the_models_have_not_seen(gammas: Path, protons: Path) -> None:
    """Deep trees learn noise by heart; cross-validation must not reward that."""
    noise = {"features": ["hillas_length", "hillas_width"], "generated": {},
             "options": {"rounds": 60, "num_leaves": 63, "min_data_in_leaf": 1}}  # fmt: skip
    result = trained(gammas, None, tasks=["energy"], energy={**CONFIG["energy"], **noise})
    assert result.card["metrics"]["energy"]["r2_log_energy"] < 0.05


def test_tables_of_metrics_hold_every_type_and_whole_events(training: Training) -> None:
    assert sorted(training.tables) == [
        f"metrics/{n}" for n in ("auc", "direction", "energy", "roc")
    ]
    for table in training.tables.values():
        assert set(table.column("tel_type").to_pylist()) == {"A", "B", "events"}
    direction = training.tables["metrics/direction"]
    pairs = set(
        zip(direction["tel_type"].to_pylist(), direction["method"].to_pylist(), strict=True)
    )
    assert pairs == {("A", ""), ("B", ""), ("events", "mean"), ("events", "disp-signs")}
    counts = training.tables["metrics/energy"]
    rows = [n for n, t in zip(counts["n_events"].to_pylist(), counts["tel_type"].to_pylist(),
                              strict=True) if t == "events"]  # fmt: skip
    assert sum(rows) == training.card["metrics"]["energy"]["n"]


def test_without_background_there_is_no_classifier_and_it_is_said(gammas: Path) -> None:
    result = trained(gammas, None)
    assert {model["task"] for model in result.card["models"]} == {
        "energy",
        "disp_norm",
        "disp_sign",
    }
    assert result.skipped == ["particle_type: no background (PROTONS) was given"]


def test_background_of_gamma_rays_is_a_training_set_of_one_class(
    gammas: Path, tmp_path: Path
) -> None:
    other = write_part(tmp_path / "more", toy_tables(300, obs_id=9), "more")
    result = trained(gammas, other)
    assert all("particle_type" in text and "one class" in text for text in result.skipped)
    assert len(result.skipped) == 2


def test_telescope_type_with_few_events_is_skipped_and_the_others_trained(
    gammas: Path, tmp_path: Path
) -> None:
    tables = toy_tables(400)
    for name in ("dl1/parameters/tel_type=A", "dl2/impact/tel_type=A"):
        tables[name] = reordered(tables[name], np.arange(30))
    result = trained(write_part(tmp_path / "d", tables), None, tasks=["energy", "disp"])
    assert {model["tel_type"] for model in result.card["models"]} == {"B"}
    assert len(result.skipped) == 2
    assert all("telescope type A" in text and "min_rows" in text for text in result.skipped)


def test_disp_of_one_sign_is_skipped_and_energy_trained(tmp_path: Path) -> None:
    tables = toy_tables(400)
    for tel_type in "AB":
        parameters = tables[f"dl1/parameters/tel_type={tel_type}"]
        parameters["hillas_fov_lon"] = np.full(len(parameters["event_id"]), 5.0)
    result = trained(write_part(tmp_path / "d", tables), None, tasks=["energy", "disp"])
    assert {model["task"] for model in result.card["models"]} == {"energy"}
    assert all("one class: 0 rows of positive sign" in text for text in result.skipped)


def test_nothing_left_after_the_cuts_is_an_error_that_lists_why(gammas: Path) -> None:
    quality = {"impossible": "hillas_intensity < 0"}
    with pytest.raises(InputError, match=r"nothing could be trained:\n.*0 rows after all cuts"):
        trained(gammas, None, tasks=["energy"], energy={**CONFIG["energy"], "quality": quality})


def test_same_part_twice_is_refused(gammas: Path) -> None:
    with pytest.raises(InputError, match="part one is given twice"):
        trained(gammas, gammas)


def test_disp_alone_needs_no_energy(gammas: Path) -> None:
    disp = {**CONFIG["disp"], "features": ["hillas_skewness", "hillas_intensity"]}
    result = trained(gammas, None, tasks=["disp"], disp=disp)
    assert {model["task"] for model in result.card["models"]} == {"disp_norm", "disp_sign"}


def test_chained_feature_may_stand_in_an_expression(gammas: Path) -> None:
    disp = {**CONFIG["disp"], "features": ["hillas_skewness", "ratio"],
            "generated": {"ratio": "{prefix}_tel_energy / hillas_intensity"}}  # fmt: skip
    result = trained(gammas, None, tasks=["energy", "disp"], disp=disp)
    entry = next(m for m in result.card["models"] if m["name"] == "disp_norm/A")
    assert entry["features"][1]["sql"] == "LightGBM_tel_energy / hillas_intensity"
    assert entry["columns"]["LightGBM_tel_energy"] == "TeV"


def test_estimators_of_scikit_learn_train_too(gammas: Path) -> None:
    energy = {**CONFIG["energy"], "trainer": "sklearn:ExtraTreesRegressor",
              "options": {"n_estimators": 20, "max_depth": 12}}  # fmt: skip
    result = trained(gammas, None, tasks=["energy"], energy=energy)
    assert result.card["metrics"]["energy"]["r2_log_energy"] > 0.8


def test_early_stopping_makes_fewer_trees(gammas: Path) -> None:
    options = {"rounds": 500, "num_leaves": 7, "early_stopping_rounds": 5}
    result = trained(
        gammas, None, tasks=["energy"], energy={**CONFIG["energy"], "options": options}
    )
    assert all(5 < model["trainer"]["rounds"] < 400 for model in result.card["models"])


@pytest.mark.parametrize("final", ["mean", "refit"])
def test_the_final_model_is_the_mean_of_the_folds_or_learns_from_all_rows(
    gammas: Path, final: str
) -> None:
    result = trained(gammas, None, tasks=["energy"], final_model=final)
    rounds = CONFIG["energy"]["options"]["rounds"]
    n_folds = CONFIG["n_cross_validation"]
    for trees in result.trees.values():
        n_trees = len(trees.column("tree").unique())
        assert n_trees == (rounds * n_folds if final == "mean" else rounds)


def test_command_writes_models_metrics_and_figures(
    run: Any, gammas: Path, protons: Path, config_file: Path, tmp_path: Path
) -> None:
    output = tmp_path / "models"
    code, out, err = run(gammas, protons, "-o", output, "--config", config_file)
    assert code == 0, err
    assert "energy/A" in out
    assert "8 models written" in out
    card, _ = read_models(output)
    assert [table["name"] for table in card["tables"]] == [
        "metrics/energy", "metrics/roc", "metrics/auc", "metrics/direction"
    ]  # fmt: skip
    for name in ("energy", "direction", "roc", "auc"):
        assert imread(output / "figures" / f"{name}.png")[..., :3].std() > 0.05
    assert [path.name for path in tmp_path.iterdir()] == ["models"], "temporary files are left"


def test_command_keeps_models_that_are_there(
    run: Any, gammas: Path, config_file: Path, tmp_path: Path
) -> None:
    words = (gammas, "-o", tmp_path / "models", "--config", config_file, "--tasks", "energy")
    assert run(*words, "--no-figures")[0] == 0
    code, _, err = run(*words)
    assert code == 2
    assert "--overwrite" in err
    assert not (tmp_path / "models/figures").exists()
    code, out, _ = run(*words, "--overwrite", "--json", "--seed", "3", "--max-rows", "400")
    assert code == 0
    summary = json.loads(out)
    assert summary["seed"] == 3
    assert summary["models"][0]["rows"]["gammas"] <= 400
    assert read_models(tmp_path / "models")[0]["digest"] == summary["digest"]


def test_command_ends_with_1_if_something_was_skipped(
    run: Any, gammas: Path, config_file: Path, tmp_path: Path
) -> None:
    code, out, err = run(gammas, "-o", tmp_path / "m", "--config", config_file, "--no-figures")
    assert code == 1
    assert "6 models written" in out
    assert "not trained" in err
    assert "no background" in err


def test_shown_configuration_can_be_given_back(run: Any, tmp_path: Path) -> None:
    code, out, _ = run("--show-config", "--prefix", "Mine", "--folds", "4")
    assert code == 0
    (tmp_path / "c.yaml").write_text(out)
    assert run("--show-config", "--config", tmp_path / "c.yaml")[1] == out
    assert "prefix: Mine" in out
    assert "n_cross_validation: 4" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "m"], "name GAMMAS"),
        (["{gammas}"], "--output"),
        (["nowhere", "-o", "m"], "nowhere: no ctabatch dataset"),
        (["{gammas}", ",", "-o", "m"], "names no dataset"),
        (["{gammas}", "-o", "m", "--tasks", "energi"], "'energy'"),
        (["{gammas}", "-o", "m", "--config", "no.yaml"], "no.yaml: there is no such file"),
        (["{gammas}", "-o", "m", "--folds", "1"], "n_cross_validation"),
        (["{gammas}", "-o", "{gammas}"], "something else than models"),
        (["{gammas}", "-o", "m", "--max-rows", "3"], "max_rows"),
    ],
)
def test_unusable_words_end_with_2_and_one_message(
    run: Any, gammas: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: Any, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run(*(word.format(gammas=gammas) for word in words))
    assert code == 2
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_option_of_the_trainer_with_a_typo_is_refused(
    run: Any, gammas: Path, tmp_path: Path
) -> None:
    config = {**CONFIG, "energy": {**CONFIG["energy"], "options": {"num_leafs": 3}}}
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(config))
    words = (gammas, "-o", tmp_path / "m", "--tasks", "energy", "--config", tmp_path / "c.yaml")
    code, _, err = run(*words)
    assert code == 2
    assert "num_leaves" in err
    assert not (tmp_path / "m").exists()
