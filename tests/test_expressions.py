"""SQL expressions: what is accepted, what is refused, and rows without a value."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.errors import OptionError
from ctabatch.expressions import QualityQuery, check_columns, parse

NAN = float("nan")


def test_an_expression_names_its_columns_and_computes_one_value_per_row():
    area = parse("hillas_width * hillas_length", "area")
    frame = pl.DataFrame({"hillas_width": [1.0, 2.0], "hillas_length": [3.0, 4.0]})
    assert area.columns == {"hillas_width", "hillas_length"}
    assert frame.select(area.expr).to_series().to_list() == [3.0, 8.0]


@pytest.mark.parametrize(
    "sql",
    [
        "a +* b",
        "",
        "__import__('os').system('true')",
        "open('x')",
        "sum(a)",
        "count(*)",
        "*",
    ],
)
def test_what_is_no_expression_over_one_row_is_refused(sql):
    with pytest.raises(OptionError):
        parse(sql)


def test_the_message_names_expression_and_text():
    with pytest.raises(OptionError, match=r"'size': 'a \+\* b' is not valid SQL"):
        parse("a +* b", "size")


def test_a_typo_is_answered_with_the_nearest_column():
    query = [parse("hilas_width > 0", "width")]
    with pytest.raises(OptionError, match=r"'width'.*'hilas_width'.*'hillas_width'"):
        check_columns(query, ["hillas_width", "hillas_length"])


def test_truth_is_noticed():
    assert parse("ln(true_energy) + a").reads_truth
    assert not parse("untrue_energy").reads_truth


def test_a_row_without_a_value_fails_the_criterion_that_reads_it():
    query = QualityQuery({"bright": "a > 50", "good": "b"})
    frame = pl.DataFrame({"a": [100.0, NAN, None, 1.0, 60.0], "b": [True, True, True, True, None]})
    assert frame.select(query.all()).to_series().to_list() == [True, False, False, False, False]


def test_the_cut_flow_counts_rows_after_each_criterion():
    query = QualityQuery({"bright": "a > 50", "wide": "w > 0"})
    frame = pl.DataFrame({"a": [100.0, 60.0, NAN, 1.0], "w": [1.0, 0.0, 1.0, 1.0]})
    assert frame.select(query.cut_flow()).to_dicts() == [{"all": 4, "bright": 2, "wide": 1}]


def test_no_criteria_keep_every_row():
    assert pl.DataFrame({"a": [1, 2]}).filter(QualityQuery({}).all()).height == 2


@given(
    st.lists(st.one_of(st.none(), st.floats(width=32)), min_size=1, max_size=20),
    st.floats(width=32, allow_nan=False, allow_infinity=False),
)
def test_a_threshold_keeps_what_plain_python_keeps(values, threshold):
    frame = pl.DataFrame({"a": values}, schema={"a": pl.Float64})
    kept = frame.select(QualityQuery({"cut": f"a > {threshold!r}"}).all()).to_series().to_list()
    assert kept == [v is not None and v > threshold for v in values]
