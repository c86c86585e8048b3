"""Event frames of datasets."""

import json
import shutil

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ctabatch
from ctabatch.cli.main import run
from ctabatch.errors import InputError, OptionError
from ctabatch.irf.event_keys import check_keys, same_keys
from ctabatch.irf.events import TRUTH, dataset_events, sources
from ctabatch.irf.prediction_models import check_models

PREDICTED = ("energy", "alt", "az", "prediction")
COLUMNS = ["reco_energy", "reco_alt", "reco_az", "gammaness"]


def simulate(root, *runs, **options):
    words = [word for key, value in options.items() for word in (f"--{key}", str(value))]
    for obs_id in runs:
        with pytest.raises(SystemExit) as stop:
            run(["simulate", str(root), "--level", "dl2", "--showers", "2000", "--obs-id",
                 str(obs_id), "--seed", str(obs_id), "--viewcone", "2", *words])  # fmt: skip
        assert stop.value.code == 0
    return root


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("toy") / "dl2", 3, 4)


@pytest.fixture
def copy(toy, tmp_path):
    return shutil.copytree(toy, tmp_path / "copy")


def rewrite(root, table, change):
    """Change the rows of the files of a table; gets and gives an Arrow table, and the file."""
    for path in sorted((root / table).glob("*.parquet")):
        pq.write_table(change(pq.read_table(path), path), path)


def test_truth_reconstruction_and_pointing_stand_side_by_side(toy):
    dataset = ctabatch.Dataset(toy)
    found = dataset_events(dataset).collect(engine="streaming")
    assert found["obs_id"].dtype == found["event_id"].dtype == pl.Int64
    keys = ["obs_id", "event_id"]
    expected = dataset.predictions().join(dataset.shower(), on=keys, maintain_order="left")
    expected = expected.collect()
    assert found.height == expected.height > 100
    for name in TRUTH:
        assert found[name].to_list() == expected[name].to_list()
    for name, own in zip(COLUMNS, PREDICTED, strict=True):
        assert found[name].to_list() == expected[f"Toy_{own}"].to_list()
    # the simulated run tells its pointing in single precision: 70 deg to some 1e-6
    assert found["pointing_alt"].unique().to_list() == pytest.approx([70], abs=1e-5)
    assert found["pointing_az"].unique().to_list() == [0]
    assert found["is_valid"].all()
    # the toy does not know its telescopes
    assert found["multiplicity"].null_count() == found.height


def test_tables_in_another_order_are_joined(copy):
    expected = dataset_events(ctabatch.Dataset(copy)).collect()
    rewrite(copy, "shower", lambda table, _: table.take(np.arange(len(table))[::-1]))
    assert dataset_events(ctabatch.Dataset(copy)).collect().equals(expected)
    rewrite(copy, "shower", lambda table, _: table.slice(5))
    found = dataset_events(ctabatch.Dataset(copy)).collect()
    assert found["true_energy"].null_count() == 10
    assert found.drop(*TRUTH, "true_core_x", "true_core_y", "true_shower_primary_id",
                      "shower_id").equals(expected.select(
        c for c in expected.columns if not c.startswith(("true_", "shower"))
    ))  # fmt: skip


def test_runs_with_their_own_pointings_keep_them(tmp_path):
    root = simulate(tmp_path / "dl2", 3, zenith=20, azimuth=180)
    simulate(root, 4, zenith=40, azimuth=10)
    found = dataset_events(ctabatch.Dataset(root)).collect(engine="streaming")
    pointings = found.select("obs_id", "pointing_alt", "pointing_az").unique().sort("obs_id")
    np.testing.assert_allclose(pointings.to_numpy(), [[3, 70, 180], [4, 50, 10]], atol=1e-5)


def test_observed_events_have_no_truth(copy):
    rewrite(copy, "shower", lambda table, _: table.slice(0, 0))
    names = dataset_events(ctabatch.Dataset(copy)).collect_schema().names()
    assert not [name for name in names if name.startswith("true_")]
    assert set(COLUMNS) < set(names)


def with_telescopes(table, _path):
    """As applied models write it: counts of telescopes, some events not valid."""
    n = len(table)
    for name, count in (("energy", 4), ("prediction", 3), ("direction", 5)):
        table = table.append_column(f"Toy_{name}_n_tels", pa.array(np.full(n, count, np.int16)))
    valid = np.ones(n, bool)
    valid[::3] = False
    at = table.schema.get_field_index("Toy_direction_is_valid")
    return table.set_column(at, "Toy_direction_is_valid", pa.array(valid))


def test_multiplicity_is_the_smallest_count_and_all_quantities_must_be_valid(copy):
    rewrite(copy, "dl2/subarray/model=Toy", with_telescopes)
    found = dataset_events(ctabatch.Dataset(copy)).collect()
    assert found["multiplicity"].unique().to_list() == [3]
    first = found.filter(pl.col("obs_id") == 3)["is_valid"]
    assert first.to_list() == [k % 3 != 0 for k in range(len(first))]


def add_prefix(root, prefix, change=lambda table: table):
    """Copy the predictions of Toy to another prefix."""
    source, target = (root / f"dl2/subarray/model={p}" for p in ("Toy", prefix))
    target.mkdir()
    for part in sorted((root / "parts").glob("*.json")):
        table = pq.read_table(source / f"{part.stem}.parquet")
        names = [name.replace("Toy_", f"{prefix}_") for name in table.column_names]
        pq.write_table(change(table.rename_columns(names)), target / f"{part.stem}.parquet")
        record = root / "parts" / "dl2" / prefix / part.name
        record.parent.mkdir(parents=True, exist_ok=True)
        name = f"dl2/subarray/model={prefix}/{part.stem}.parquet"
        record.write_text(json.dumps({
            "part": part.stem, "tables": {name: {"rows": len(table)}},
            "combination": {"direction": "mean"},
        }))  # fmt: skip


def add_geometry(root):
    """A Hillas geometry two telescopes strong, with other directions."""
    for path in sorted((root / "dl2/subarray/model=Toy").glob("*.parquet")):
        table = pq.read_table(path, columns=["obs_id", "event_id"])
        n, p = len(table), "HillasReconstructor"
        table = table.append_column(f"{p}_alt", pa.array(np.full(n, 71.0)))
        table = table.append_column(f"{p}_az", pa.array(np.full(n, 2.0)))
        table = table.append_column(f"{p}_is_valid", pa.array(np.arange(n) > 0))
        table = table.append_column(f"{p}_telescopes", pa.array([[1, 2]] * n))
        target = root / "dl2/geometry" / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, target)
        record = root / "parts" / f"{path.stem}.json"
        content = json.loads(record.read_text())
        content["tables"][f"dl2/geometry/{path.name}"] = {"rows": n}
        record.write_text(json.dumps(content))


def test_each_quantity_may_come_from_its_own_prefix(copy):
    add_prefix(copy, "Other", lambda t: t.set_column(
        t.schema.get_field_index("Other_energy"), "Other_energy", pa.array(np.full(len(t), 7.0))
    ))  # fmt: skip
    add_geometry(copy)
    dataset = ctabatch.Dataset(copy)
    toy = dataset_events(dataset, "Toy").collect()
    found = dataset_events(
        dataset, "Toy", energy="Other", direction="HillasReconstructor"
    ).collect()  # fmt: skip
    assert found["reco_energy"].unique().to_list() == [7.0]
    assert found["reco_alt"].unique().to_list() == [71.0]
    assert found["gammaness"].equals(toy["gammaness"])
    assert found["multiplicity"].unique().to_list() == [2]
    # the first event of each run has no geometry
    assert (~found["is_valid"]).sum() == 2


def test_a_prefix_must_be_named_among_several_and_exist(copy, tmp_path):
    add_prefix(copy, "Other")
    dataset = ctabatch.Dataset(copy)
    with pytest.raises(OptionError, match="name one of: Other, Toy"):
        dataset_events(dataset)
    with pytest.raises(OptionError, match=r"energy 'Toi'.*Did you mean 'Toy'"):
        dataset_events(dataset, energy="Toi", direction="Toy", gammaness="Toy")
    with pytest.raises(OptionError, match="prediction of the direction 'HillasReconstructor'"):
        dataset_events(dataset, "Toy", direction="HillasReconstructor")


def test_a_dataset_without_gammaness_has_no_such_column(copy):
    drop = ["Toy_prediction", "Toy_prediction_is_valid"]
    rewrite(copy, "dl2/subarray/model=Toy", lambda table, _: table.drop_columns(drop))
    dataset = ctabatch.Dataset(copy)
    assert sources(dataset).gammaness is None
    assert "gammaness" not in dataset_events(dataset).collect_schema().names()
    with pytest.raises(InputError, match="no predictions of the gammaness"):
        dataset_events(dataset, gammaness="Toy")


def with_model(digest):
    def change(table, path):
        own = digest(path) if callable(digest) else digest
        fields = [
            f.with_metadata({**(f.metadata or {}), b"model": own}) if "Toy" in f.name else f
            for f in table.schema
        ]
        return table.cast(pa.schema(fields))

    return change


def test_predictions_of_different_models_are_refused_and_listed(copy):
    rewrite(copy, "dl2/subarray/model=Toy", with_model(b"a" * 64))
    dataset = ctabatch.Dataset(copy)
    assert dataset_events(dataset).collect().height
    found = check_models(dataset, sources(dataset).items())
    assert found == dict.fromkeys(("energy", "direction", "gammaness"), "a" * 64)
    by_run = with_model(lambda path: b"b" * 64 if "run4" in path.name else b"a" * 64)
    rewrite(copy, "dl2/subarray/model=Toy", by_run)
    with pytest.raises(InputError) as caught:
        dataset_events(dataset)
    assert "2 different models" in str(caught.value)
    assert "aaaaaaaaaaaa in 1 parts (gamma-dl2-run3" in str(caught.value)
    assert "bbbbbbbbbbbb in 1 parts (gamma-dl2-run4" in str(caught.value)


def test_parts_without_predictions_and_other_combinations_are_refused(copy):
    add_prefix(copy, "Other")
    records = sorted((copy / "parts/dl2/Other").glob("*.json"))
    content = json.loads(records[0].read_text())
    records[0].write_text(json.dumps(content | {"combination": {"direction": "disp-signs"}}))
    with pytest.raises(InputError, match="combined in different ways: direction disp-signs in 1"):
        dataset_events(ctabatch.Dataset(copy), "Other")
    records[0].unlink()
    with pytest.raises(InputError, match="1 of 2 parts have no predictions of Other: gamma-"):
        dataset_events(ctabatch.Dataset(copy), "Other")


def test_a_run_that_is_there_twice_is_refused(tmp_path):
    root = simulate(tmp_path / "dl2", 3, 4)
    simulate(root, 3, array="mst9")  # the same run of another array
    with pytest.raises(InputError, match=r"appear more than once in the 3 parts.*of run 3"):
        dataset_events(ctabatch.Dataset(root))


def keys(*pairs):
    return pl.LazyFrame(
        {"obs_id": [p[0] for p in pairs], "event_id": [p[1] for p in pairs]},
        schema={"obs_id": pl.Int64, "event_id": pl.Int64},
    )


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [(1, 5)],
        [(1, 1), (1, 2), (2, 1)],
        [(2, 1), (2, 9), (1, 1), (1, 9)],
        [(1, 9), (1, 1), (1, 5)],  # neither rising nor in pieces that are apart
        [(1, 1), (1, 5), (1, 2), (1, 6)],
    ],
)
def test_different_events_pass(pairs):
    check_keys(keys(*pairs))


@pytest.mark.parametrize(
    "pairs",
    [
        [(1, 5), (1, 5)],
        [(1, 1), (1, 2), (1, 1), (1, 2)],
        [(1, 1), (1, 9), (2, 3), (1, 9)],
        [(1, 1), (1, 5), (1, 9), (1, 2), (1, 5)],
    ],
)
def test_an_event_that_appears_twice_is_found(pairs):
    with pytest.raises(InputError, match=r"event \d of run 1 \(2 times\)"):
        check_keys(keys(*pairs))


def test_tables_of_the_same_events_are_recognised():
    one = keys((1, 1), (1, 2), (2, 1))
    assert same_keys(one, keys((1, 1), (1, 2), (2, 1)))
    for other in (keys((1, 1), (1, 2)), keys((1, 1), (2, 1), (1, 2)), keys((1, 1), (1, 2), (3, 1))):
        assert not same_keys(one, other)


def test_one_scan_tells_of_several_tables_whether_their_rows_are_the_same(monkeypatch):
    one = keys((1, 9), (1, 1), (1, 5))
    others = [keys((1, 9), (1, 1), (1, 5)), keys((1, 9), (1, 1)), keys((1, 9), (1, 1), (1, 6))]
    assert check_keys(one, None, others) == [True, False, False]
    monkeypatch.setattr("ctabatch.irf.event_keys._PIECES", 1)  # more pieces: compared by a join
    assert check_keys(one, None, others) == [True, False, False]
    assert check_keys(keys(), None, [keys(), one]) == [True, False]
