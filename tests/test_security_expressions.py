"""Expressions are data: they read no file and take no memory, whatever stands in them."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.errors import OptionError
from ctabatch.expression_words import DEEPEST, LONGEST, MOST_TOKENS, why_refused
from ctabatch.expressions import QualityQuery, parse

QUERIES = [
    "(SELECT secret FROM read_csv('{0}'))",
    "a IN (SELECT secret FROM read_csv('{0}'))",
    "a IN (FROM read_csv('{0}'))",
    "a in (from read_csv('{0}'))",
    "a = ANY(SELECT secret FROM read_csv('{0}'))",
    "EXISTS (SELECT 1 FROM read_csv('{0}'))",
    "(WITH t AS (SELECT secret FROM read_csv('{0}')) SELECT secret FROM t)",
    "TRIM(a) IN (FROM read_csv('{0}'))",
    "TRIM(BOTH 'x' FROM a IN (FROM read_csv('{0}')))",
    "EXTRACT(YEAR FROM a) IN (FROM read_csv('{0}'))",
    "E'\\'' || (SELECT secret FROM read_csv('{0}')) || ''",
    "$$ ' $$ || (SELECT secret FROM read_csv('{0}'))",
    "1 -- ' \n + (SELECT secret FROM read_csv('{0}')) -- '",
    "1 /* ' */ + (SELECT secret FROM read_csv('{0}')) /* ' */",
    "a IN (VALUES (1), (2))",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_in_an_expression_is_refused_and_tells_nothing_of_the_file(query, tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("secret,b\n4711,2\n")
    for parsed in (parse, lambda sql: QualityQuery({"x": sql})):
        with pytest.raises(OptionError) as error:
            parsed(query.format(file))
        assert "4711" not in str(error.value)
        assert "valid columns" not in str(error.value)


@pytest.mark.parametrize(
    "sql",
    [
        "lpad('x', 4000000000, 'y')",
        "RPAD(a, 4000000000, 'y')",
        "REPLACE(REPLACE(REPLACE('aaaa', 'a', 'aaaaaaaa'), 'a', 'aaaaaaaa'), 'a', 'aaaa')",
    ],
)
def test_no_expression_makes_texts_of_any_length(sql):
    with pytest.raises(OptionError, match="texts of any length"):
        parse(sql)


def test_long_and_deep_ones_are_refused():
    with pytest.raises(OptionError, match="longer than"):
        parse("1 + " * LONGEST + "1")
    with pytest.raises(OptionError, match="words and signs"):
        parse("1 + " * MOST_TOKENS + "1")
    with pytest.raises(OptionError, match="parentheses"):
        parse("(" * (DEEPEST + 1) + "1" + ")" * (DEEPEST + 1))


@pytest.mark.parametrize(
    "sql",
    [
        "hillas_width * hillas_length",
        "hillas_intensity > 50 AND leakage_pixels_width_2 < 0.3",
        "name = 'select from values'",
        '"select" > 3',
        "`from` + 1",
        "name = 'it''s'",
        "EXTRACT(YEAR FROM time) > 2020",
        "TRIM(BOTH 'x' FROM name) = 'y'",
        "CASE WHEN a > 1 THEN b ELSE c END",
        "LOG10(energy) BETWEEN -1 AND 2",
        "tel_id IN (1, 2, 3)",
        "CAST(a AS DOUBLE) / b",
        "selected > 0 AND from_the_side < 1",
        "REGEXP_LIKE(name, '^LST\\d$')",
    ],
)
def test_expressions_of_columns_are_taken(sql):
    assert why_refused(sql) == ""
    parse(sql)


@given(st.text(max_size=60), st.booleans())
def test_any_text_is_parsed_or_refused(text, quoted):
    with contextlib.suppress(OptionError):
        parse(f"a = '{text}'" if quoted else text)


@given(st.text(alphabet="aA1'\"`$/*-; \n(),eEnNqQxX[]&\\", max_size=14))
def test_no_quoting_hides_a_query(prefix):
    """Whatever stands before, polars never sees a query outside of quotes."""
    import polars as pl
    from polars.exceptions import PolarsError

    sql = f"{prefix} (SELECT 1 AS c)"
    if why_refused(sql):
        return
    try:
        found = str(pl.sql_expr(sql))
    except PolarsError:
        return
    assert "subplan" not in found


def test_the_memory_for_an_expression_is_bounded():
    """A process that may take 4 GiB parses the longest of them; what is refused takes none."""
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))\n"
        "from ctabatch.expressions import parse\nfrom ctabatch.errors import OptionError\n"
        "for sql in [\"lpad('x', 4000000000, 'y')\", '1+' * 249 + '1', '-' * 499 + '1']:\n"
        "    try: parse(sql)\n    except OptionError: pass\nprint('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True,
                          check=False, timeout=120)  # fmt: skip
    assert done.stdout.strip() == "alive", done.stderr[-500:]
