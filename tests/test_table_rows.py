"""Columns of tables in several files as lazy frames: the same rows as polars reads by itself."""

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ctabatch.irf import table_rows
from ctabatch.irf.table_rows import scan_columns

N = (7, 0, 20)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Three parts, one empty, with row groups of four rows and values missing."""
    rng, folder = np.random.default_rng(2), tmp_path_factory.mktemp("table")
    found = []
    for part, n in enumerate(N):
        table = pa.table({
            "event_id": pa.array(np.arange(n) + 100 * part, pa.int64()),
            "energy": pa.array(rng.normal(size=n), mask=rng.random(n) < 0.2),
            "alt": pa.array(rng.normal(size=n).astype("f4")),
            "is_valid": pa.array(rng.random(n) < 0.5),
            "time": pa.array(np.arange(n), pa.timestamp("ns", "UTC")),
            "telescopes": pa.array([[1, 2]] * n, pa.list_(pa.int16())),
        })  # fmt: skip
        found.append(folder / f"part{part}.parquet")
        pq.write_table(
            table, found[-1], row_group_size=4, use_dictionary=False,
            column_encoding={"energy": "BYTE_STREAM_SPLIT"},
        )  # fmt: skip
    return found


NUMBERS = ["event_id", "energy", "alt", "is_valid", "time"]
QUERIES = {
    "all": lambda frame: frame,
    "some": lambda frame: frame.select("alt", "event_id"),
    "filter": lambda frame: frame.filter(pl.col("energy") > 0).select("alt"),
    "head": lambda frame: frame.head(9),
    "slice": lambda frame: frame.slice(5, 9).select("time"),
    "filtered head": lambda frame: frame.filter("is_valid").head(3),
    "head filtered": lambda frame: frame.head(12).filter("is_valid"),
    "number": lambda frame: frame.select(pl.len()),
    "constant": lambda frame: frame.select(pl.lit(1).alias("one")).head(2),
    "index": lambda frame: frame.with_row_index().filter(pl.col("index") % 5 == 3),
}


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("size", [3, 1 << 17])
def test_queries_give_what_polars_reads(files, query, size, monkeypatch):
    monkeypatch.setattr(table_rows, "ROWS", size)
    ask = QUERIES[query]
    expected = ask(pl.scan_parquet(files).select(NUMBERS)).collect()
    found = ask(scan_columns(files, NUMBERS)).collect(engine="streaming")
    assert found.schema == expected.schema
    assert found.equals(expected)
    batches = ask(scan_columns(files, NUMBERS)).collect_batches(engine="streaming")
    assert pl.concat(batches).equals(expected)


def test_two_tables_side_by_side_come_in_blocks_that_are_one_piece(files, tmp_path, monkeypatch):
    """Whatever are their row groups: nothing has to be copied."""
    monkeypatch.setattr(table_rows, "ROWS", 8)
    other = tmp_path / "other.parquet"
    pq.write_table(pq.read_table(files[2], columns=["alt"]), other, row_group_size=6)
    pair = [scan_columns(files[2:], ["energy"]), scan_columns([other], ["alt"])]
    query = pl.concat(pair, how="horizontal")
    found = [batch for batch in query.collect_batches(engine="streaming") if batch.height]
    assert [(batch.height, batch.n_chunks()) for batch in found] == [(8, 1), (8, 1), (4, 1)]


def test_lists_are_read_too(files):
    expected = pl.scan_parquet(files).select("event_id", "telescopes").collect()
    assert scan_columns(files, ["event_id", "telescopes"]).collect().equals(expected)


def test_a_part_with_other_columns_is_refused(files, tmp_path):
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"energy": pa.array([1.0], pa.float32())}), other)
    with pytest.raises(Exception, match=r"other.parquet: column energy is float, not double"):
        scan_columns([files[0], other], ["energy"]).collect()
    with pytest.raises(Exception, match=r"other.parquet: column alt is None, not float"):
        scan_columns([files[0], other], ["alt"]).collect()
