"""Rows to learn from: joined while streaming, cut, sampled by event, kept on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from ctabatch.errors import InputError, OutputError
from ctabatch.io.part_tables import PartTables, part_tables
from ctabatch.io.spool import SpoolFolder
from ctabatch.learn.event_folds import below, event_hash, fold_of
from ctabatch.learn.options import TrainConfig, build_config
from ctabatch.learn.rows import RowReader, Rows
from ctabatch.learn.samples import build_sample, predict_energies
from ctabatch.learn.telescope_rows import EVENT_ROW, telescope_rows
from tests.toy_training_set import CONFIG, UNITS, Tables, reordered, toy_tables, write_part

COLUMNS = ("hillas_intensity", "HillasReconstructor_h_max", "true_energy", "tels_with_trigger",
           "HillasReconstructor_tel_impact_distance", "telescope_pointing_altitude")  # fmt: skip


@pytest.fixture
def tables() -> Tables:
    return toy_tables()


def part_of(root: Path, tables: Tables, **how: Any) -> PartTables:
    (part,) = part_tables(write_part(root, tables, **how))
    return part


def joined_at_once(tables: Tables, tel_type: str) -> pl.DataFrame:
    """The slow obvious way: whole tables in memory."""
    frames = {name: pl.DataFrame(columns) for name, columns in tables.items()}
    event = ["obs_id", "event_id"]
    rows = frames[f"dl1/parameters/tel_type={tel_type}"]
    for name, keys in ((f"dl2/impact/tel_type={tel_type}", [*event, "tel_id"]),
                       ("pointing", [*event, "tel_id"]), ("dl2/geometry", event),
                       ("trigger", event), ("shower", event)):  # fmt: skip
        other = frames[name].with_row_index(EVENT_ROW) if name == "trigger" else frames[name]
        rows = rows.join(other, on=keys, how="left", maintain_order="left")
    return rows


def selected(root: Path, config: TrainConfig, *parts: PartTables) -> dict[str, Rows]:
    with SpoolFolder(root) as spools:
        rows, _ = RowReader(parts, config).read(parts, config.tasks, spools)
        for one in rows.values():  # the files go with the folder
            one.features = np.array(one.features)
            one.facts = {name: np.array(values) for name, values in one.facts.items()}
    return rows


@pytest.mark.parametrize("rows_per_group", [1, 17, 100_000])
@pytest.mark.parametrize("tel_type", ["A", "B"])
def test_streamed_rows_are_those_of_a_join_of_whole_tables(
    tmp_path: Path, tables: Tables, tel_type: str, rows_per_group: int
) -> None:
    part = part_of(tmp_path, tables, rows_per_group=rows_per_group)
    frames = list(telescope_rows(part, tel_type, COLUMNS))
    expected = joined_at_once(tables, tel_type)
    assert len(frames) == -(-len(expected) // rows_per_group)
    streamed = pl.concat(frames)
    for name in (*COLUMNS, "tel_id", EVENT_ROW):
        assert streamed[name].to_list() == expected[name].to_list(), name


@pytest.mark.parametrize("table", ["shower", "dl2/geometry", "pointing", "dl2/impact/tel_type=A"])
def test_table_in_another_order_gives_the_same_rows(
    tmp_path: Path, tables: Tables, table: str
) -> None:
    expected = joined_at_once(tables, "A")
    order = np.random.default_rng(1).permutation(len(tables[table]["event_id"]))
    tables[table] = reordered(tables[table], order)
    streamed = pl.concat(telescope_rows(part_of(tmp_path, tables), "A", COLUMNS))
    for name in COLUMNS:
        assert streamed[name].to_list() == expected[name].to_list(), name


def test_event_without_a_row_in_another_table_has_null_there(
    tmp_path: Path, tables: Tables
) -> None:
    tables["dl2/geometry"] = reordered(tables["dl2/geometry"], np.arange(0, 400, 2))
    streamed = pl.concat(telescope_rows(part_of(tmp_path, tables), "B", COLUMNS))
    even = streamed["event_id"] % 2 == 1  # numbers begin at 1
    assert streamed.filter(even)["HillasReconstructor_h_max"].null_count() == 0
    assert streamed.filter(~even)["HillasReconstructor_h_max"].null_count() == (~even).sum()
    assert streamed["true_energy"].null_count() == 0


@pytest.mark.parametrize("table", ["shower", "dl1/parameters/tel_type=A"])
def test_repeated_event_is_an_error_and_no_explosion(
    tmp_path: Path, tables: Tables, table: str
) -> None:
    order = np.sort(np.append(np.arange(len(tables[table]["event_id"])), 5))
    tables[table] = reordered(tables[table], order)
    part = part_of(tmp_path, tables, rows_per_group=100)
    with pytest.raises(InputError, match=f"{table} has several rows"):
        list(telescope_rows(part, "A", COLUMNS))


def test_missing_geometry_says_how_to_make_it(tmp_path: Path, tables: Tables) -> None:
    del tables["dl2/geometry"], tables["dl2/impact/tel_type=A"], tables["dl2/impact/tel_type=B"]
    with pytest.raises(InputError, match="ctabatch stereo"):
        RowReader([part_of(tmp_path, tables)], build_config(CONFIG))


def test_observed_data_cannot_be_trained_on(tmp_path: Path, tables: Tables) -> None:
    del tables["shower"]
    with pytest.raises(InputError, match=r"true_energy.*simulated events"):
        RowReader([part_of(tmp_path, tables)], build_config(CONFIG))


def test_parts_with_different_units_are_refused(tmp_path: Path) -> None:
    write_part(tmp_path, toy_tables(20), "one")
    units = {**UNITS, "hillas_width": "rad"}
    write_part(tmp_path, toy_tables(20, first=21), "two", units=units)
    with pytest.raises(InputError, match=r"'hillas_width' has unit 'deg' in part one and 'rad'"):
        RowReader(part_tables(tmp_path), build_config(CONFIG))


def test_damaged_file_is_named(tmp_path: Path, tables: Tables) -> None:
    part = part_of(tmp_path, tables)
    path = tmp_path / "dl1/parameters/tel_type=A/toy.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match=r"tel_type=A/toy\.parquet: not readable"):
        RowReader([part], build_config(CONFIG))


def test_cut_flow_counts_what_is_left_after_each_criterion(tmp_path: Path, tables: Tables) -> None:
    tables["dl1/parameters/tel_type=A"]["hillas_width"][3:9] = np.nan
    energy = {**CONFIG["energy"], "selection": "true_energy > 0.5"}
    config = build_config({**CONFIG, "tasks": ["energy"], "energy": energy})
    rows = selected(tmp_path, config, part_of(tmp_path / "d", tables))["A"]
    frame = joined_at_once(tables, "A")
    flow = {"all": len(frame), "has simulated truth": len(frame)}
    frame = frame.filter("HillasReconstructor_is_valid")
    flow["geometry"] = len(frame)
    frame = frame.filter(pl.col("hillas_intensity") > 50)
    flow["bright"] = len(frame)
    frame = frame.filter(pl.col("hillas_width").is_not_nan())
    flow["all features have a value"] = len(frame)
    frame = frame.filter(pl.col("true_energy") > 0.5)
    flow["selection"] = flow["target and weight have a value"] = len(frame)
    assert rows.cut_flow["energy"] == flow
    assert flow["all"] > flow["geometry"] > flow["bright"] > flow["all features have a value"]
    use = rows.facts["use_energy"]
    assert rows.facts["target_energy"][use].tolist() == frame["true_energy"].to_list()
    column = rows.columns["hillas_intensity"]
    expected = frame["hillas_intensity"].cast(pl.Float32).to_list()
    assert rows.features[use, column].tolist() == expected


def test_infinite_features_become_the_largest_float32(tmp_path: Path, tables: Tables) -> None:
    tables["dl2/impact/tel_type=A"]["HillasReconstructor_tel_impact_distance"][:] = np.inf
    tables["dl2/geometry"]["HillasReconstructor_h_max"][:] = -1e300
    config = build_config({**CONFIG, "tasks": ["energy"]})
    rows = selected(tmp_path, config, part_of(tmp_path / "d", tables))["A"]
    largest = np.finfo(np.float32).max
    for name, value in (("tel_impact_distance", largest), ("h_max", -largest)):
        column = rows.features[:, rows.columns[f"HillasReconstructor_{name}"]]
        assert set(column.tolist()) == {float(value)}
    assert rows.facts["use_energy"].all()


def mixed(z: int) -> int:
    """SplitMix64, in Python's own integers."""
    z = (z + 0x9E3779B97F4A7C15) % 2**64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
    return z ^ z >> 31


def test_event_hash_is_that_of_splitmix64() -> None:
    obs_id, event_id = np.array([1, 7, -1], np.int32), np.array([100, 2**40, 3], np.int64)
    expected = [mixed(mixed(mixed(5) ^ o % 2**64) ^ e)
                for o, e in zip(obs_id.tolist(), event_id.tolist(), strict=True)]  # fmt: skip
    assert event_hash(obs_id, event_id, 5).tolist() == expected
    folds = fold_of(event_hash(obs_id, event_id, 5), 3)
    assert folds.tolist() == [mixed(h ^ 0xD1B54A32D192ED03) % 3 for h in expected]


def test_folds_and_samples_are_independent_and_even() -> None:
    event = np.arange(40_000)
    hashes = event_hash(np.ones(len(event), np.int32), event, 0)
    limit = below(hashes, 10_000)
    assert limit is not None
    sampled = hashes < limit
    assert sampled.sum() == 10_000
    for chosen in (sampled, ~sampled):
        share = np.bincount(fold_of(hashes[chosen], 5)) / chosen.sum()
        np.testing.assert_allclose(share, 0.2, atol=0.015)
    assert below(hashes, 40_000) is None
    assert not np.array_equal(hashes, event_hash(np.ones(len(event), np.int32), event, 1))


def sample_of(
    tmp_path: Path, config: TrainConfig, parts: list[PartTables], tel_type: str = "A"
) -> tuple[set[tuple[float, float]], Any, Rows]:
    with SpoolFolder(tmp_path) as spools:
        reader = RowReader(parts, config)
        rows, _ = reader.read(parts, config.tasks, spools)
        sample = build_sample(config, reader.tasks["energy"], [rows[tel_type]], [], spools)
        chosen = {(float(x[0]), float(y)) for x, y in zip(sample.x, sample.target, strict=True)}
        return chosen, sample, rows[tel_type]


def test_sample_is_reproducible_whatever_the_order_of_parts(tmp_path: Path) -> None:
    write_part(tmp_path / "d", toy_tables(150), "one")
    write_part(tmp_path / "d", toy_tables(250, first=151), "two")
    parts = part_tables(tmp_path / "d")
    energy = {**CONFIG["energy"], "max_rows": 100}
    config = build_config({**CONFIG, "tasks": ["energy"], "energy": energy})
    chosen, _, rows = sample_of(tmp_path, config, parts)
    assert 90 <= len(chosen) <= 100 < rows.facts["use_energy"].sum()
    assert sample_of(tmp_path, config, parts[::-1])[0] == chosen
    other = config.model_copy(update={"seed": 1})
    assert sample_of(tmp_path, other, parts)[0] != chosen


def test_sample_holds_whole_events(tmp_path: Path, tables: Tables) -> None:
    energy = {**CONFIG["energy"], "max_rows": 100}
    config = build_config({**CONFIG, "tasks": ["energy"], "energy": energy})
    _, sample, rows = sample_of(tmp_path, config, [part_of(tmp_path / "d", tables)])
    use = np.flatnonzero(rows.facts["use_energy"])
    events = rows.facts["event"]
    inside = set(events[sample.row].tolist())
    outside = set(events[np.setdiff1d(use, sample.row)].tolist())
    assert inside
    assert outside
    assert not inside & outside


@pytest.mark.parametrize("balance", ["weights", "sampling"])
def test_classes_are_balanced_by_weights_or_by_leaving_out(tmp_path: Path, balance: str) -> None:
    write_part(tmp_path / "g", toy_tables(400), "g")
    write_part(tmp_path / "p", toy_tables(150, primary=101, obs_id=2), "p")
    options = {**CONFIG["particle_type"], "features": ["area"], "balance": balance,
               "signal_fraction": 0.6}  # fmt: skip
    config = build_config({**CONFIG, "tasks": ["particle_type"], "particle_type": options})
    roles = [part_tables(tmp_path / name) for name in "gp"]
    with SpoolFolder(tmp_path) as spools:
        reader = RowReader([*roles[0], *roles[1]], config)
        rows = [reader.read(parts, config.tasks, spools)[0]["A"] for parts in roles]
        sample = build_sample(config, reader.tasks["particle_type"], rows, [], spools)
    signal = sample.target > 0.5
    assert np.array_equal(signal, sample.role == 0)
    share = sample.weight[signal].sum() / sample.weight.sum()
    assert share == pytest.approx(0.6, abs=1e-9)
    assert sample.weight.mean() == pytest.approx(1)
    if balance == "sampling":
        assert signal.mean() == pytest.approx(0.6, abs=0.02)
        assert np.ptp(sample.weight) < 0.1
    else:
        assert signal.mean() > 0.7


class EnergyOfFold:
    """Trees that say which fold they belong to, beside the intensity."""

    def __init__(self, fold: int) -> None:
        self.fold = fold

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.log(x[:, 0].astype(np.float64)) + 10.0 * self.fold


def test_energies_come_from_the_model_that_has_not_seen_the_event(
    tmp_path: Path, tables: Tables
) -> None:
    config = build_config({**CONFIG, "tasks": ["energy"], "weighting": "intensity"})
    part = part_of(tmp_path / "d", tables)
    models: Any = {
        "A": [EnergyOfFold(k) for k in range(3)],
        "B": [EnergyOfFold(k) for k in range(3)],
    }
    with SpoolFolder(tmp_path) as spools:
        reader = RowReader([part], config)
        rows, n_events = reader.read([part], config.tasks, spools)
        found = predict_energies(rows, n_events, models, reader.tasks["energy"], True)
        total, weight = np.zeros(n_events), np.zeros(n_events)
        for tel_type, own in rows.items():
            fold = fold_of(own.facts["hash"], 3)
            intensity = own.features[:, own.columns["hillas_intensity"]]
            energy = intensity * np.exp(10.0 * fold)
            valid = own.facts["valid_energy"]
            np.testing.assert_allclose(found.tel[tel_type][valid], energy[valid], rtol=1e-6)
            assert np.isnan(found.tel[tel_type][~valid]).all()
            for event, e, w in zip(own.facts["event"][valid], energy[valid],
                                   intensity[valid], strict=True):  # fmt: skip
                total[event] += float(w) * np.log(float(e))
                weight[event] += float(w)
    seen = weight > 0
    np.testing.assert_allclose(found.event[seen], np.exp(total[seen] / weight[seen]), rtol=1e-6)
    assert np.isnan(found.event[~seen]).all()


def test_spool_keeps_rows_in_order_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with SpoolFolder(tmp_path / "new") as spools:
        numbers, flags = spools.spool(np.float32, 3), spools.spool(bool)
        for k in range(5):
            numbers.append(np.full((k, 3), k))
            flags.append(np.arange(k) % 2 == 0)
        rows = numbers.finish()
        assert rows[:, 1].tolist() == [1, 2, 2, 3, 3, 3, 4, 4, 4, 4]
        assert isinstance(rows, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            rows[0] = 1
        assert flags.finish().sum() == 1 + 1 + 2 + 2
        assert spools.spool(np.float64, 2).finish().shape == (0, 2)
        with pytest.raises(ValueError, match="shape"):
            spools.spool(np.float64, 2).append(np.zeros((2, 3)))
    assert list((tmp_path / "new").iterdir()) == []


def test_spool_where_nothing_may_be_written_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputError, match="file"):
        SpoolFolder(tmp_path / "file" / "models")
