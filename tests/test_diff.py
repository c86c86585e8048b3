"""`ctabatch diff`: equal datasets are equal, and each kind of difference is found and named."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.io.dataset_folder import DatasetFolder
from ctabatch.upkeep.compact import compact
from ctabatch.upkeep.deviations import Deviation, Tolerance, compare, plain
from ctabatch.upkeep.diff import diff
from ctabatch.upkeep.diff_inputs import configurations, different_options, tables
from tests.toy_dataset import write_dataset, write_part

EXACT = Tolerance()
TYPE = "LST_A_Cam"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("toy") / "whole", n_parts=2, n_events=20)


@pytest.fixture
def root(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "other")


def between(one, two, tolerance=EXACT, **options):
    return diff(tables(one), tables(two), tolerance, **options)


def change(root, table, work, k=0):
    """Rewrite a file of a table; the diff does not look at checksums."""
    path = sorted((root / table).glob("*.parquet"))[k]
    rows = pq.read_table(path, partitioning=None)
    pq.write_table(work(rows), path)


def with_values(rows, name, values):
    at = rows.schema.get_field_index(name)
    return rows.set_column(at, rows.schema.field(at), pa.array(values, rows.schema.field(at).type))


def different(found):
    return {name: table for name, table in found.tables.items() if not table.is_equal}


def test_a_dataset_equals_itself_and_its_copy_in_other_parts(whole, root, tmp_path):
    assert between(whole, whole).is_equal
    change(root, "shower", lambda rows: rows.take(pa.array(np.arange(len(rows))[::-1])))
    assert between(whole, root).is_equal  # the order does not matter
    compact(whole, tmp_path / "new")
    found = between(whole, tmp_path / "new")
    assert different(found) == {}
    assert found.is_equal
    assert different_options(configurations(whole), configurations(tmp_path / "new")) == {}


def test_small_boxes_find_what_one_finds(whole, root):
    change(root, "shower", lambda rows: with_values(rows, "true_az", [1.0] * len(rows)))
    change(root, "dl1/images/tel_type=" + TYPE, lambda rows: rows.slice(3))
    found = [between(whole, root, bytes_at_once=n) for n in (1 << 30, 500)]
    for name in found[0].tables:
        one, two = found[0].tables[name], found[1].tables[name]
        assert (one.rows, one.only, one.columns) == (two.rows, two.only, two.columns)
        for column, deviation in one.values.items():
            other = two.values[column]
            assert (deviation.values, deviation.different, deviation.nan_in_both) == (
                other.values, other.different, other.nan_in_both,
            )  # fmt: skip
            assert deviation.worst_absolute == other.worst_absolute


def test_a_table_that_only_one_has_is_named(whole, root):
    write_dataset(root.parent / "more", n_parts=2, predictions=("X", "Y"))
    found = between(whole, root.parent / "more")
    assert found.only[0] == []
    assert "dl2/subarray/model=Y" in found.only[1]
    assert not found.is_equal


def test_columns_types_and_units_are_compared(whole, root):
    def other(rows):
        unit = rows.schema.field("true_energy").with_metadata({b"unit": b"GeV"})
        rows = rows.set_column(rows.schema.get_field_index("true_energy"), unit,
                               rows["true_energy"])  # fmt: skip
        kind = pa.field("shower_id", pa.int64(), nullable=False)
        rows = rows.set_column(rows.schema.get_field_index("shower_id"), kind,
                               rows["shower_id"].cast(pa.int64()))  # fmt: skip
        return rows.drop_columns(["true_x_max"]).append_column("new", pa.array([1] * len(rows)))

    for k in range(2):
        change(root, "shower", other, k)
    (name,) = different(between(whole, root))
    assert name == "shower"
    assert between(whole, root).tables["shower"].columns == [
        "column new is only in B",
        "column shower_id is int32 in A, int64 in B",
        "column true_energy is double in TeV in A, double in GeV in B",
        "column true_x_max is only in A",
    ]


def test_rows_that_only_one_has_are_counted_with_examples(whole, root):
    change(root, "telescope_trigger", lambda rows: rows.slice(5))
    write_part(root, 7, range(1, 4))
    found = between(whole, root).tables["telescope_trigger"]
    assert found.only == [5, 12]
    assert found.examples[0][0] == {"obs_id": 1, "event_id": 1, "tel_id": 1}
    assert found.examples[1][0] == {"obs_id": 7, "event_id": 1, "tel_id": 1}
    assert len(found.examples[1]) == 3


def test_a_row_twice_is_a_row_that_only_one_has(whole, root):
    change(root, "trigger", lambda rows: pa.concat_tables([rows, rows.slice(2, 1)]))
    found = between(whole, root).tables["trigger"]
    assert found.only == [0, 1]
    assert found.examples[1] == [{"obs_id": 1, "event_id": 3, "again": 1}]


def test_the_worst_deviation_and_its_place_are_told(whole, root):
    def shifted(rows):
        values = rows["true_core_x"].to_numpy().copy()
        values[np.isnan(values)] = 0.5
        values[4] += 1e-3
        values[7] += 5e-3
        return with_values(rows, "true_core_x", values)

    for one in (whole, root):  # the same numbers, none of them NaN
        if one is root:
            change(root, "shower", shifted)
    found = between(whole, root).tables["shower"].values["true_core_x"]
    assert found.where == {"obs_id": 1, "event_id": 8}
    assert found.worst_absolute == pytest.approx(5e-3, rel=1e-9)
    assert found.different == 2 + found.nan_in_one


@pytest.mark.parametrize(
    ("tolerance", "equal"),
    [(Tolerance(0.0, 0.0), False), (Tolerance(1.1e-6, 0.0), True), (Tolerance(0.9e-6, 0.0), False),
     (Tolerance(0.0, 1.1e-3), True), (Tolerance(0.0, 0.9e-3), False)],
)  # fmt: skip
def test_tolerances_decide(tolerance, equal):
    found = Deviation()
    compare(pa.array([1e-3, 5.0]), pa.array([1e-3 + 1e-6, 5.0]), tolerance, found)
    assert (found.different == 0) is equal


@pytest.mark.parametrize(
    ("table", "column", "edit"),
    [
        ("dl1/images/tel_type=" + TYPE, "image_mask", lambda v: [not x for x in v]),
        ("dl1/images/tel_type=" + TYPE, "image", lambda v: [x + 1 for x in v]),
        ("trigger", "tels_with_trigger", lambda v: [*v, 1]),
        ("shower_distribution", "histogram", lambda v: [*v, [1.0]]),
        ("run", "subarray_id", lambda v: v + "x"),
        ("trigger", "is_complete", lambda v: not v),
    ],
)
def test_masks_lists_tensors_and_texts_are_compared(whole, root, table, column, edit):
    def edited(rows):
        at = rows.schema.get_field_index(column)
        dtype = rows.schema.field(at).type
        values = rows[column].to_pylist()
        values[0] = edit(list(values[0]) if isinstance(values[0], list) else values[0])
        storage = getattr(dtype, "storage_type", dtype)
        array = pa.array(values, storage)
        if storage is not dtype:
            array = pa.ExtensionArray.from_storage(dtype, array)
        return rows.set_column(at, rows.schema.field(at), array)

    change(root, table, edited)
    found = different(between(whole, root))
    assert list(found) == [table]
    assert [name for name, one in found[table].values.items() if one.different] == [column]


def test_nan_and_null_are_counted_apart():
    found = Deviation()
    one = pa.array([math.nan, math.nan, 1.0, None, None, math.inf, math.inf])
    two = pa.array([math.nan, 1.0, 1.0, None, 1.0, math.inf, -math.inf])
    compare(one, two, Tolerance(1e9, 1.0), found)
    assert (found.nan_in_both, found.nan_in_one, found.null_in_one) == (1, 1, 1)
    assert found.values == 5
    assert found.different == 3  # NaN, null, and the infinities


def test_integers_are_exact_where_floats_are_not():
    found = Deviation()
    compare(pa.array([2**53, 1]), pa.array([2**53 + 1, 1]), EXACT, found)
    assert (found.different, found.worst_absolute) == (1, 1.0)
    found = Deviation()
    compare(pa.array([0], pa.uint8()), pa.array([255], pa.uint8()), EXACT, found)
    assert found.worst_absolute == 255.0


NUMBERS = st.one_of(st.none(), st.floats(), st.sampled_from([0.0, 1.0, math.nan, math.inf]))


@given(one=st.lists(st.lists(NUMBERS, max_size=3), max_size=8), data=st.data())
def test_nested_values_agree_with_a_loop(one, data):
    two = [
        data.draw(st.one_of(st.just(row), st.lists(NUMBERS, max_size=3))) for row in one
    ]  # fmt: skip
    found = Deviation()
    dtype = pa.list_(pa.float64())
    compare(plain(pa.array(one, dtype)), plain(pa.array(two, dtype)), EXACT, found)
    n_different = n_lengths = n_both = 0
    for a, b in zip(one, two, strict=True):
        if len(a) != len(b):
            n_lengths += 1
            continue
        for x, y in zip(a, b, strict=True):
            if x is None or y is None:
                n_different += (x is None) != (y is None)
            elif math.isnan(x) and math.isnan(y):
                n_both += 1
            else:
                n_different += x != y
    assert found.different == n_different + n_lengths
    assert (found.length_differs, found.nan_in_both) == (n_lengths, n_both)


def test_options_that_differ_are_named_and_do_not_decide(whole, tmp_path, cli):
    write_dataset(tmp_path / "x", n_parts=2, n_events=20, thresholds=5.0)
    options = different_options(configurations(whole), configurations(tmp_path / "x"))
    assert options == {"cleaning.picture": [["10.0"], ["5.0"]]}
    code, out, _ = cli("diff", whole, tmp_path / "x")
    assert code == 0
    assert "option cleaning.picture: 10.0 in A, 5.0 in B" in out


def test_the_command_exits_by_what_it_found(whole, root, cli):
    code, out, _ = cli("diff", whole, root)
    assert code == 0
    assert out.splitlines()[-1] == "equal"
    assert "NaN in both" in out
    az = "HillasReconstructor_az"
    change(root, "dl2/geometry", lambda rows: with_values(rows, az, rows[az].to_numpy() + 1e-5))
    code, out, _ = cli("diff", whole, root)
    assert code == 1
    assert "HillasReconstructor_az" in out
    code, out, _ = cli("diff", whole, root, "--atol", "1e-4")
    assert code == 0
    assert "within tolerance up to 1e-05" in out
    code, out, _ = cli("diff", whole, root, "--json")
    assert code == 1
    facts = json.loads(out)
    assert not facts["equal"]
    assert [name for name, one in facts["tables"].items() if not one["equal"]] == ["dl2/geometry"]
    code, _, err = cli("diff", whole, root / "nothing")
    assert code == 2
    assert "no ctabatch dataset" in err
    next((root / "shower").glob("*.parquet")).write_bytes(b"damaged")
    code, _, err = cli("diff", whole, root)
    assert code == 2
    assert "not readable" in err
    DatasetFolder(root / "empty").create()
    assert cli("diff", whole, root / "empty")[0] == 2


def test_raw_streams_are_compared_by_their_bytes(tmp_path):
    from ctabatch.schemas.waveforms import RAW_STREAM
    from ctabatch.upkeep.diff import diff as compared

    paths = []
    for name, frames in {"a": [b"one", b"two"], "b": [b"two", b"one"], "c": [b"two"]}.items():
        rows = {"offset": range(len(frames)), "size": [3] * len(frames), "frame": frames}
        table = pa.table({k: pa.array(v, RAW_STREAM.field(k).type) for k, v in rows.items()},
                         schema=RAW_STREAM)  # fmt: skip
        paths.append(tmp_path / f"{name}.parquet")
        pq.write_table(table, paths[-1])
    a, b, c = ({"r0_stream": [path]} for path in paths)
    assert compared(a, b, EXACT).is_equal
    assert compared(a, c, EXACT).tables["r0_stream"].only == [1, 0]
