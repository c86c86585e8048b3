"""Every DL1 column of ctapipe is in ours, under the same name and with the same unit."""

from __future__ import annotations

import re

import astropy.units as u
import pytest

from ctabatch.schemas.column import unit_of
from tests.parity.conftest import Pair
from tests.parity.naming import ABSENT_TABLES, ADDED_UNITS, COLUMNS, TABLES


def our_table(name: str) -> str | None:
    """Our table of one of ctapipe's tables; None for those that we do not have."""
    if any(name.startswith(prefix) for prefix in ABSENT_TABLES):
        return None
    pattern = re.sub(r"(tel|geometry|readout)_\d+$", r"\1_*", name).replace("/tel_*", "/*")
    assert pattern in TABLES, f"{name}: not in tests/parity/naming.py"
    return TABLES[pattern]


def test_columns_of_ctapipe_are_there_under_the_same_name_and_unit(pair: Pair) -> None:
    n = 0
    for name in pair.theirs.names:
        table = our_table(name)
        if table is None:
            continue
        if not (pair.ours.root / table).is_dir():
            assert not len(pair.common_events), f"{pair.name}: no table {table}"
            continue
        theirs, schema = pair.theirs.table(name), pair.ours.schema(table)
        for column in theirs.colnames:
            ours = COLUMNS.get((table, column), column)
            if ours is None:
                continue
            assert ours in schema.names, f"{pair.name} {name}: {column}"
            if hasattr(theirs[column], "unix_tai"):
                continue  # a time, in ours a timestamp
            unit = getattr(theirs[column], "unit", None) or ADDED_UNITS.get((table, column), "")
            assert u.Unit(unit_of(schema.field(ours))) == u.Unit(unit), f"{name}: {column}"
            n += 1
    assert n > 40


@pytest.mark.parametrize("entry", sorted(COLUMNS))
def test_no_column_is_listed_as_different_that_has_the_same_name(entry: tuple[str, str]) -> None:
    from ctabatch.schemas.simulation import RUN
    from ctabatch.schemas.waveforms import calibrated_waveforms

    schema = {"run": RUN, "r1": calibrated_waveforms(1, 1)}[entry[0]]
    assert entry[1] not in schema.names
    assert COLUMNS[entry] is None or COLUMNS[entry] in schema.names
