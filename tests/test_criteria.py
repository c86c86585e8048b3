"""Criteria of rows: numpy's way gives what polars' SQL gives, and says no to what it cannot do."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.criteria import Comparison, Criteria
from ctabatch.errors import OptionError
from ctabatch.expressions import QualityQuery

FLOATS = st.floats(width=32, allow_nan=True, allow_infinity=True) | st.none()
WHOLE = st.integers(-(2**31), 2**31 - 1) | st.none()
#: Numbers as one writes them, whole or not, with or without an exponent.
NUMBERS = (
    st.integers(-(10**9), 10**9).map(str)
    | st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda x: f"{x:.4f}")
    | st.tuples(st.integers(1, 9), st.integers(-9, 9)).map(lambda x: f"{x[0]}.5e{x[1]}")
)
OPERATORS = st.sampled_from([">", ">=", "<", "<=", "=", "<>", "!="])


@given(
    st.lists(st.tuples(FLOATS, FLOATS, WHOLE), min_size=1, max_size=30),
    st.lists(
        st.tuples(st.sampled_from(["single", "double", "whole"]), OPERATORS, NUMBERS),
        min_size=1,
        max_size=4,
    ),
)
def test_comparisons_give_what_polars_gives(rows, asked):
    single, double, whole = zip(*rows, strict=True)
    table = pa.table(
        {
            "single": pa.array(single, pa.float32()),
            "double": pa.array(double, pa.float64()),
            "whole": pa.array(whole, pa.int32()),
        }
    )
    criteria = {str(k): f"{column} {op} {number}" for k, (column, op, number) in enumerate(asked)}
    passed, counts = Criteria(criteria, table.column_names).passed(table)
    query = QualityQuery(criteria)
    frame = pl.DataFrame(table)
    expected = frame.select(query.all().alias("all"))["all"].to_numpy()
    assert passed.tolist() == expected.tolist()
    assert counts == frame.select(query.cut_flow()).row(0, named=True)


def test_other_expressions_are_left_to_polars():
    for sql in ("a > b", "abs(a) > 1", "a > 1 AND b < 2", "a > 1e400", "a > '1'", "a IS NULL"):
        assert Comparison.of(sql) is None, sql
    table = pa.table({"a": [1.0, 2.0, float("nan")], "b": [0.0, 3.0, 0.0]})
    passed, counts = Criteria({"more": "a > b", "positive": "a > 0"}, ["a", "b"]).passed(table)
    assert passed.tolist() == [True, False, False]
    assert counts == {"all": 3, "more": 1, "positive": 1}


def test_a_criterion_without_columns_holds_for_all_rows():
    table = pa.table({"a": [1.0, 2.0]})
    passed, _ = Criteria({"never": "1 > 2"}, ["a"]).passed(table)
    assert passed.tolist() == [False, False]


@pytest.mark.parametrize("sql", ["hillas_widht > 0", "abs(hillas_widht) > 0"])
def test_an_unknown_column_is_named_with_the_nearest(sql):
    with pytest.raises(OptionError, match="hillas_width"):
        Criteria({"wide": sql}, ["hillas_width", "hillas_length"])


def test_no_rows_pass_nothing():
    table = pa.table({"a": pa.array([], pa.float64())})
    passed, counts = Criteria({"some": "a > 0"}, ["a"]).passed(table)
    assert len(passed) == 0
    assert counts == {"all": 0, "some": 0}
    assert passed.dtype == np.bool_


def test_usual_criteria_do_not_import_polars():
    code = (
        "import sys, pyarrow as pa; from ctabatch.config import ProcessConfig, StereoConfig; "
        "from ctabatch.geometry import GeometryStep; "
        "step = GeometryStep(StereoConfig()); "
        "print(step.usable(pa.table({name: [60.0] for name in step.quality.columns}))); "
        "sys.exit('polars' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[ True]"
