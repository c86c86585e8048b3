"""`ctabatch query`: SQL on committed tables, with nothing else in reach."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

import ctabatch
from ctabatch.errors import InputError, OptionError
from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.upkeep.compact import compact
from ctabatch.upkeep.query import connected, views
from tests.toy_dataset import TYPES, write_dataset, write_part


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("toy") / "dataset", n_parts=2, n_events=20)


def ask(root, sql):
    with connected(views(root)) as session:
        return pl.from_arrow(session.result(sql).read_all())


def test_every_table_is_a_view_of_its_name(root):
    names = set(views(root))
    assert {"trigger", "telescope_trigger", "pointing", "shower", "run", "shower_distribution",
            "cut_flow", "images", "parameters", "geometry", "impact", "predictions",
            "predictions_X", "telescope_predictions", "telescopes", "cameras", "pixels", "optics",
            "readout"} <= names  # fmt: skip
    dataset = ctabatch.Dataset(root)
    for name, frame in {
        "trigger": dataset.trigger(),
        "geometry": dataset.geometry(),
        "predictions": dataset.predictions(),
    }.items():
        expected = frame.collect()
        found = ask(root, f"SELECT * FROM {name} ORDER BY obs_id, event_id")
        assert found.select("obs_id", "event_id").equals(expected.select("obs_id", "event_id"))
        assert found.columns == expected.columns


def test_telescope_types_are_one_view_with_a_column_of_the_type(root):
    found = ask(root, "SELECT tel_type, count(*) AS n FROM images GROUP BY ALL ORDER BY ALL")
    assert found.rows() == [(name, 80) for name in sorted(TYPES)]
    lengths = ask(root, "SELECT DISTINCT tel_type, len(image) FROM images ORDER BY ALL")
    assert lengths.rows() == sorted(TYPES.items())


def test_values_are_those_of_the_files_to_the_last_digit(root):
    expected = ctabatch.Dataset(root).trigger().collect()
    found = ask(root, "FROM trigger ORDER BY obs_id, event_id")
    assert found["time"].cast(pl.Int64).to_list() == expected["time"].cast(pl.Int64).to_list()
    assert found["tels_with_trigger"].to_list() == expected["tels_with_trigger"].to_list()


def test_only_committed_parts_are_seen(root, tmp_path):
    import shutil

    copy = shutil.copytree(root, tmp_path / "copy")
    folder = DatasetFolder(copy)
    folder.record_path(folder.parts()[0]).unlink()
    assert ask(copy, "SELECT count(*) FROM trigger").item() == 20


def test_predictions_of_several_models_have_names_of_their_own(root, tmp_path):
    write_dataset(tmp_path / "two", n_parts=1, predictions=("X", "Y"))
    names = set(views(tmp_path / "two"))
    assert {"predictions_X", "predictions_Y", "telescope_predictions_Y"} <= names
    assert "predictions" not in names


def test_parts_with_other_columns_are_joined_by_name(root, tmp_path):
    import shutil

    copy = shutil.copytree(root, tmp_path / "copy")
    write_part(copy, 9, range(5), thresholds=3.0, predictions=())
    name = DatasetFolder(copy).parts()[-1]
    path = copy / "shower" / f"{name}.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.drop_columns(["true_energy"]), path)
    found = ask(copy, "SELECT count(*), count(true_energy) FROM shower")
    assert found.row(0) == (45, 40)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "FROM '{root}/ctabatch.json'",
        "FROM parquet_metadata('{root}/subarray/x.parquet')",
        "SELECT * FROM secret",
        "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
        "SELECT getenv('HOME')",
    ],
)
def test_a_query_reads_no_other_file(root, sql):
    secret = pl.DataFrame({"x": [1]})  # a variable that duckdb could find
    assert secret.height
    with pytest.raises(OptionError, match=r"disabled|does not exist"):
        ask(root, sql.format(root=root))


@pytest.mark.parametrize(
    "sql",
    [
        "COPY trigger TO '{root}/x.csv'",
        "SET memory_limit = '100GB'",
        "RESET lock_configuration",
        "INSTALL httpfs",
        "LOAD httpfs",
        "ATTACH '{root}/x.db'",
        "CREATE TABLE x (y INT)",
        "DROP VIEW trigger",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY trigger TO '{root}/x.csv'",
        "PRAGMA database_list",
        "EXPORT DATABASE '{root}/x'",
        "",
    ],
)
def test_a_query_changes_nothing(root, sql):
    before = sorted(root.rglob("*"))
    with pytest.raises(OptionError, match="one SELECT is wanted"):
        ask(root, sql.format(root=root))
    assert sorted(root.rglob("*")) == before


def test_the_lock_holds_below_the_check_of_the_statement(root):
    """What is refused by its kind would be refused by duckdb as well."""
    import duckdb

    victim = ctabatch.Dataset(root).files("trigger")[0]
    with connected(views(root)) as session:
        for sql in (
            f"COPY (SELECT 1) TO '{victim}' (FORMAT parquet)",
            "INSTALL httpfs",
            "LOAD httpfs",
            "SET enable_external_access = true",
            "ATTACH 'x.db'",
        ):
            with pytest.raises(duckdb.Error):
                session.connection.execute(sql)


def test_an_error_tells_the_place_and_near_names(root):
    with pytest.raises(OptionError) as error:
        ask(root, "SELECT hilas_width FROM parameters")
    text = str(error.value)
    assert "\nLINE 1: SELECT hilas_width FROM parameters\n               ^^^^^^^^^^^" in text
    assert "hillas_width (parameters)" in text
    with pytest.raises(OptionError, match="tables of that kind: parameters"):
        ask(root, "SELECT 1 FROM paramters")
    with pytest.raises(OptionError, match='syntax error at or near "FROM"'):
        ask(root, "SELECT FROM FROM")


def test_csv_json_and_parquet_hold_the_same(root, cli, tmp_path):
    sql = "SELECT obs_id, event_id, tels_with_trigger, time FROM trigger ORDER BY ALL"
    expected = ask(root, sql)
    for form in ("csv", "json", "parquet"):
        path = tmp_path / f"x.{form}"
        code, _, err = cli("query", root, sql, "-o", path)
        assert code == 0
        assert "40 rows" in err
    assert pl.read_parquet(tmp_path / "x.parquet").equals(expected)
    rows = json.loads((tmp_path / "x.json").read_text())
    assert [row["tels_with_trigger"] for row in rows] == expected["tels_with_trigger"].to_list()
    lines = list(csv.DictReader(io.StringIO((tmp_path / "x.csv").read_text())))
    assert [json.loads(line["tels_with_trigger"]) for line in lines] == (
        expected["tels_with_trigger"].to_list()
    )
    times = expected["time"].dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_list()
    assert [row["time"] for row in rows] == times
    assert [line["time"] for line in lines] == times
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.csv", "x.json", "x.parquet"]


def test_json_has_null_for_numbers_that_it_cannot_hold(root, cli):
    sql = "SELECT 'nan'::DOUBLE AS a, [1.5, 'inf'::DOUBLE] AS b, NULL AS c, '\\xFF'::BLOB AS d"
    code, _, _ = cli("query", root, sql, "-o", "x.json")
    assert code == 0
    assert json.loads(Path("x.json").read_text()) == [
        {"a": None, "b": [1.5, None], "c": None, "d": "ff"}
    ]


def test_a_failed_query_leaves_no_file(root, cli, tmp_path):
    sql = "SELECT CAST('x' || tel_type AS INT) FROM images"
    code, _, err = cli("query", root, sql, "-o", tmp_path / "x.csv")
    assert code == 2
    assert "Could not convert" in err
    assert list(tmp_path.iterdir()) == []


def test_more_than_memory_goes_to_disk(root, cli, tmp_path):
    """Sorting 2 million rows of 130 bytes within 128 MiB."""
    sql = "SELECT range AS r, repeat('x', 120) || range AS t FROM range(2000000) ORDER BY hash(r)"
    code, _, err = cli("query", root, sql, "--memory", 128, "-o", tmp_path / "x.parquet")
    assert code == 0, err
    assert pq.read_metadata(tmp_path / "x.parquet").num_rows == 2_000_000


def test_a_table_fits_the_terminal_and_says_what_it_leaves_out(root, cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, err = cli("query", root, "FROM images", "--rows", "7")
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 8
    assert max(map(len, lines)) <= 80
    assert "columns more" in err
    assert "more than 7 rows" in err
    code, out, err = cli("query", root, "FROM trigger LIMIT 7", "--rows", "7")
    assert len(out.splitlines()) == 8
    assert "more than" not in err


def test_a_query_may_come_from_standard_input(root, cli, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT count(*) AS n FROM trigger"))
    code, out, _ = cli("query", root, "-")
    assert (code, out.split()) == (0, ["n", "40"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give a query"),
        (("SELECT 1", "--format", "xml"), "unknown format 'xml'"),
        (("SELECT 1", "--format", "parquet"), "parquet is for files"),
        (("SELECT 1", "-o", "x.txt"), "tells no format"),
        (("SELECT 1", "-o", "x.csv", "--format", "table"), "for the terminal"),
        (("SELECT 1", "-o", "nowhere/x.csv"), "nowhere"),
    ],
)
def test_unusable_options_are_refused(root, cli, words, message):
    code, _, err = cli("query", root, *words)
    assert code == 2
    assert message in err


def test_tables_are_listed_with_their_columns(root, cli):
    code, out, _ = cli("query", root, "--tables")
    assert code == 0
    assert "parameters  (4 files)" in out
    assert "    hillas_width DOUBLE" in out


def test_a_folder_without_parts_is_refused(tmp_path):
    with pytest.raises(InputError, match="no ctabatch dataset"):
        views(tmp_path)
    DatasetFolder(tmp_path / "empty").create()
    with pytest.raises(InputError, match="no finished part"):
        views(tmp_path / "empty")


def test_without_duckdb_the_extra_is_named(root, cli, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    code, _, err = cli("query", root, "SELECT 1")
    assert code == 2
    assert "ctabatch[sql]" in err


def test_a_damaged_file_is_named(root, cli, tmp_path):
    import shutil

    copy = shutil.copytree(root, tmp_path / "copy")
    ctabatch.Dataset(copy).files("shower")[0].write_bytes(b"damaged")
    code, _, err = cli("query", copy, "SELECT count(*) FROM shower")
    assert code == 2
    assert "table shower is not readable" in err
    code, out, _ = cli("query", copy, "SELECT count(*) FROM trigger")  # other tables are
    assert (code, out.split()[-1]) == (0, "40")


def test_a_compacted_dataset_gives_the_same_answers(root, tmp_path):
    compact(root, tmp_path / "new")
    sql = "FROM predictions JOIN shower USING (obs_id, event_id) ORDER BY obs_id, event_id"
    assert ask(tmp_path / "new", sql).equals(ask(root, sql), null_equal=True)
