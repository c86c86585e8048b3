"""Applying models: what is predicted, how telescopes are combined, what is refused."""

from __future__ import annotations

import hashlib
import json
import re
import shutil

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ctabatch
from ctabatch.config import StereoConfig
from ctabatch.errors import InputError, OutputError
from ctabatch.io import parquet
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.io.model_files import write_models
from ctabatch.io.part_tables import part_tables
from ctabatch.io.spool import SpoolFolder
from ctabatch.learn import apply as apply_module
from ctabatch.learn.apply import ApplyOptions, apply_models
from ctabatch.learn.model_set import ModelSet
from ctabatch.learn.options import build_config
from ctabatch.learn.train import train
from ctabatch.simulate.arrays import load_array
from ctabatch.simulate.datasets import simulate_images
from ctabatch.simulate.options import SimulationOptions
from ctabatch.stereo import recompute

QUICK = {"options": {"rounds": 20, "num_leaves": 7}}
KEYS = ["obs_id", "event_id"]


def simulated(root, primary, obs_id, n, seed):
    options = SimulationOptions(
        primary=primary,
        n_showers=n,
        energy_range=(0.1, 20.0),
        index=-1.6,
        max_core_distance=350.0,
        viewcone=2.0,
        array=load_array("alpha-north"),
        obs_id=obs_id,
        seed=seed,
    )
    simulate_images(options, root)
    return root


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets")
    return (
        simulated(root / "gammas", "gamma", 1, 300, 1),
        simulated(root / "protons", "proton", 2, 700, 2),
        simulated(root / "test", "gamma", 3, 120, 3),
    )


@pytest.fixture(scope="module")
def models(datasets, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "models"
    tasks = ("energy", "particle_type", "disp")
    config = build_config({"n_cross_validation": 2, "min_rows": 20, **dict.fromkeys(tasks, QUICK)})
    with SpoolFolder(folder.parent / "rows") as spools:
        trained = train(part_tables(datasets[0]), part_tables(datasets[1]), config, spools)
    write_models(folder, trained.card, trained.trees, trained.tables)
    return folder


@pytest.fixture
def dataset(datasets, tmp_path):
    return shutil.copytree(datasets[2], tmp_path / "dl1")


def predict(dataset, models, **options):
    options = ApplyOptions(**{"prefix": "LightGBM", **options})
    return [apply_models(part, ModelSet.read(models), options) for part in part_tables(dataset)]


def digests(root):
    return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*") if p.is_file()}


def test_every_array_event_and_every_image_has_a_row(dataset, models):
    predict(dataset, models)
    data = ctabatch.Dataset(dataset)
    events = data.trigger().select(KEYS).collect()
    table = data.predictions().collect()
    assert table.select(KEYS).equals(events)
    for tel_type in data.tel_types:
        keys = [*KEYS, "tel_id"]
        images = data.parameters(tel_type).select(keys).collect()
        predicted = data.telescope_predictions(tel_type=tel_type).select(keys).collect()
        assert predicted.equals(images)
    assert 0.5 < table["LightGBM_energy_is_valid"].mean() < 1
    for name in ("energy", "prediction"):
        valid = table[f"LightGBM_{name}_is_valid"]
        assert (table[f"LightGBM_{name}"].is_nan() == ~valid).all()
        assert (valid == (table[f"LightGBM_{name}_n_tels"] > 0)).all()


def test_predictions_are_close_to_the_truth(dataset, models):
    predict(dataset, models)
    table = ctabatch.Dataset(dataset).predictions(truth=True).collect()
    valid = table.filter("LightGBM_energy_is_valid", "LightGBM_direction_is_valid")
    ratio = np.log(valid["LightGBM_energy"] / valid["true_energy"])
    assert abs(np.median(ratio)) < 0.5
    miss = np.hypot(
        valid["LightGBM_alt"] - valid["true_alt"],
        ((valid["LightGBM_az"] - valid["true_az"] + 180) % 360 - 180)
        * np.cos(np.radians(valid["true_alt"])),
    )
    assert np.median(miss) < 0.5
    assert valid["LightGBM_prediction"].median() > 0.5


def test_the_energy_of_an_event_is_the_weighted_mean_of_its_logarithms(dataset, models):
    predict(dataset, models, weighting="intensity")
    data = ctabatch.Dataset(dataset)
    single = data.telescope_predictions().join(
        data.parameters().select(*KEYS, "tel_id", "hillas_intensity"), on=[*KEYS, "tel_id"]
    )
    w, e = pl.col("hillas_intensity"), pl.col("LightGBM_tel_energy")
    mean = (
        single.filter("LightGBM_tel_energy_is_valid")
        .group_by(KEYS)
        .agg(expected=((e.log() * w).sum() / w.sum()).exp(), n=pl.len())
    )
    table = data.predictions().filter("LightGBM_energy_is_valid").join(mean, on=KEYS).collect()
    assert len(table) > 20
    np.testing.assert_allclose(table["LightGBM_energy"], table["expected"], rtol=1e-12)
    assert (table["LightGBM_energy_n_tels"] == table["n"]).all()


def test_a_telescope_is_predicted_as_its_model_predicts_its_features(dataset, models):
    predict(dataset, models)
    data, model_set = ctabatch.Dataset(dataset), ModelSet.read(models)
    tel_type = data.tel_types[0]
    model = model_set.models[tel_type]["energy"]
    frame = (
        data.parameters(tel_type)
        .drop("tel_type")
        .join(data.impact(tel_type).drop("tel_type"), on=[*KEYS, "tel_id"])
        .join(data.geometry(), on=KEYS)
        .join(data.trigger(), on=KEYS)
        .join(data.telescope_predictions(tel_type=tel_type), on=[*KEYS, "tel_id"])
        .filter("LightGBM_tel_energy_is_valid")
        .collect()
    )
    x = frame.select(f.expr.cast(pl.Float32).alias(f.name) for f in model.features).to_numpy()
    expected = model.predict(np.ascontiguousarray(x))
    np.testing.assert_array_equal(frame["LightGBM_tel_energy"], expected)


def test_the_size_of_the_chunks_does_not_matter(dataset, models, monkeypatch):
    predict(dataset, models)
    predict(dataset, models, prefix="Few", jobs=2)
    monkeypatch.setattr(apply_module, "CHUNK", 5)
    predict(dataset, models, prefix="Few")
    data = ctabatch.Dataset(dataset)
    many, few = data.predictions("LightGBM").collect(), data.predictions("Few").collect()
    assert few.rename(dict(zip(few.columns, many.columns, strict=True))).equals(many)


def test_predictions_stand_side_by_side_and_change_nothing_else(dataset, models):
    before = digests(dataset)
    predict(dataset, models)
    predict(dataset, models, prefix="Mean", direction="mean", weighting="none")
    after = digests(dataset)
    assert {p: d for p, d in after.items() if p in before} == before
    data = ctabatch.Dataset(dataset)
    assert data.prefixes == ["LightGBM", "Mean"]
    both = data.predictions("LightGBM").join(data.predictions("Mean"), on=KEYS).collect()
    assert not both["LightGBM_energy"].equals(both["Mean_energy"])


def test_signs_resolved_between_telescopes_are_better_than_the_plain_mean(dataset, models):
    predict(dataset, models)
    predict(dataset, models, prefix="Mean", direction="mean")
    data = ctabatch.Dataset(dataset)
    miss = {}
    for prefix in data.prefixes:
        table = data.predictions(prefix, truth=True).filter(f"{prefix}_direction_is_valid")
        table = table.filter(pl.col(f"{prefix}_direction_n_tels") > 1).collect()
        d = np.hypot(
            table[f"{prefix}_alt"] - table["true_alt"],
            ((table[f"{prefix}_az"] - table["true_az"] + 180) % 360 - 180)
            * np.cos(np.radians(table["true_alt"])),
        )
        miss[prefix] = np.quantile(d, 0.68)
    assert miss["LightGBM"] < miss["Mean"]


def test_every_column_names_the_digest_of_its_model(dataset, models):
    predict(dataset, models)
    path = next((dataset / "dl2" / "subarray" / "model=LightGBM").glob("*.parquet"))
    schema = pq.read_schema(path)
    card = json.loads((models / "models.json").read_text())
    wanted = {m["digest"] for m in card["models"] if m["task"] == "energy"}
    assert set(schema.field("LightGBM_energy").metadata[b"model"].decode().split(",")) == wanted
    assert schema.field("LightGBM_energy").metadata[b"unit"] == b"TeV"


def test_resume_skips_what_is_up_to_date_and_repeats_what_is_not(cli, dataset, models):
    assert cli("apply", dataset, "--models", models)[0] == 0
    code, _, err = cli("apply", dataset, "--models", models)
    assert code == 2
    assert "--resume" in err
    code, out, _ = cli("apply", dataset, "--models", models, "--resume", "--json")
    assert [part["status"] for part in json.loads(out)["parts"]] == ["skipped"]
    recompute(dataset, StereoConfig(quality={"bright": "hillas_intensity > 200"}))
    code, out, _ = cli("apply", dataset, "--models", models, "--resume", "--json")
    assert [part["status"] for part in json.loads(out)["parts"]] == ["done"]
    code, out, _ = cli("apply", dataset, "--models", models, "--overwrite", "--weights", "none")
    assert code == 0
    assert "telescope events" in out


def test_a_dataset_without_geometry_is_refused_with_the_missing_columns(dataset, models):
    for record in DatasetFolder(dataset).records():
        for name in [n for n in record["tables"] if n.startswith("dl2/")]:
            del record["tables"][name]
        path = dataset / "parts" / f"{record['part']}.json"
        path.write_text(json.dumps(record))
    with pytest.raises(InputError, match="no column 'HillasReconstructor_average_intensity'"):
        predict(dataset, models)


def test_another_unit_is_refused_by_name(dataset, models):
    for path in (dataset / "dl1" / "parameters").rglob("*.parquet"):
        table = pq.read_table(path)
        index = table.schema.get_field_index("hillas_width")
        field = table.schema.field(index).with_metadata({b"unit": b"rad"})
        pq.write_table(table.cast(table.schema.set(index, field)), path)
    with pytest.raises(InputError, match=r"'hillas_width' has unit 'rad'.* trained with 'deg'"):
        predict(dataset, models)
    assert not list(dataset.rglob("*.wip"))


def test_a_telescope_type_without_model_is_left_out_and_reported(cli, dataset, models, tmp_path):
    known = part_tables(dataset)[0].tel_types
    partial = shutil.copytree(models, tmp_path / "partial")
    card = json.loads((partial / "models.json").read_text())
    dropped = known[0]
    kept = [m for m in card["models"] if m["tel_type"] != dropped]
    model_set = ModelSet.read(models)
    trees = {m["name"]: model_set.models[m["tel_type"]][m["task"]].trees.to_table() for m in kept}
    shutil.rmtree(partial)
    write_models(partial, {**card, "models": kept}, trees)
    code, _, err = cli("apply", dataset, "--models", partial)
    assert code == 1
    assert re.search(rf"no model .*{dropped}: \d+ telescope events", err)
    types = {p.name for p in (dataset / "dl2" / "telescope" / "model=LightGBM").iterdir()}
    assert f"tel_type={dropped}" not in types
    none = shutil.copytree(dataset, tmp_path / "none")
    for p in part_tables(none):
        record = p.record
        record["tables"] = {n: t for n, t in record["tables"].items() if known[1] not in n}
        (none / "parts" / f"{p.name}.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="know none of its telescope types"):
        predict(none, partial)


@pytest.mark.parametrize("victim", ["models.json", "trees"])
def test_damaged_models_are_refused_before_any_work(cli, dataset, models, tmp_path, victim):
    broken = shutil.copytree(models, tmp_path / "broken")
    path = broken / victim if victim.endswith("json") else next(broken.rglob("trees/**/*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    code, _, err = cli("apply", dataset, "--models", broken)
    assert code == 2
    assert path.name in err
    assert not (dataset / "dl2" / "subarray").exists()


def test_a_full_disk_leaves_nothing_half_written(dataset, models, monkeypatch):
    predict(dataset, models)
    before = ctabatch.Dataset(dataset).predictions().collect()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet.pq.ParquetWriter, "write_table", full)
    with pytest.raises(OutputError, match="disk is full"):
        predict(dataset, models, weighting="none")
    monkeypatch.undo()
    assert ctabatch.Dataset(dataset).predictions().collect().equals(before, null_equal=True)
    assert not list(dataset.rglob("*.wip"))


def test_replacing_a_part_removes_its_predictions(dataset, models):
    predict(dataset, models)
    folder = DatasetFolder(dataset)
    folder.remove(folder.parts()[0])
    assert folder.prefixes() == []
    assert not list((dataset / "dl2").rglob("*.parquet"))


def test_rows_in_another_order_than_the_events_are_refused(dataset, models):
    path = next((dataset / "dl1" / "parameters").rglob("*.parquet"))
    table = pq.read_table(path)
    pq.write_table(table.take(pa.array(np.arange(len(table))[::-1])), path)
    with pytest.raises(InputError, match="order of the array events"):
        predict(dataset, models)
