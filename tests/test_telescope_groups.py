"""Grouping of telescope rows by array event."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.errors import InputError
from ctabatch.stages.telescope_groups import (
    PARAMETERS,
    TelescopeRows,
    event_places,
    group_rows,
    ungroup_rows,
)


def rows(event, tel_id, *, table=pa.record_batch, first=0.0):
    """Rows of which every number tells where it stands."""
    n = len(event)
    number = first + np.arange(n)
    columns = {f"hillas_{name}": number + 1000 * k for k, name in enumerate(PARAMETERS)}
    return TelescopeRows(
        event=np.array(event, np.int64), tel_id=np.array(tel_id, np.int16),
        position=np.column_stack([number, -number, 2 * number]),
        pointing=np.column_stack([number, 3 * number]), camera_radius=4.0,
        usable=np.arange(n) % 2 == 0, parameters=table(columns),
    )  # fmt: skip


def grouped(n_events, *parts):
    event_id = 100 + np.arange(n_events)
    pointing, height = np.zeros((n_events, 2)), np.zeros(n_events)
    return group_rows(np.full(n_events, 3), event_id, pointing, height, parts)


@given(
    pairs=st.lists(
        st.tuples(st.integers(0, 6), st.integers(1, 400)), unique=True, max_size=30
    ),
    n_types=st.integers(1, 3),
    data=st.data(),
)  # fmt: skip
def test_groups_hold_the_telescopes_of_each_event_in_ascending_order(pairs, n_types, data):
    kind = data.draw(
        st.lists(st.integers(0, n_types - 1), min_size=len(pairs), max_size=len(pairs))
    )
    parts = []
    for k in range(n_types):
        own = [p for p, which in zip(pairs, kind, strict=True) if which == k]
        parts.append(rows([p[0] for p in own], [p[1] for p in own], first=10_000 * k))
    events, order = grouped(7, *parts)
    found = [
        (k, int(tel_id))
        for k in range(7)
        for tel_id in events.tel_id[events.offsets[k] : events.offsets[k + 1]]
    ]
    assert found == sorted(pairs)
    assert events.offsets[0] == 0
    assert events.offsets[-1] == len(pairs)
    numbers = np.concatenate([10_000 * k + np.arange(len(p)) for k, p in enumerate(parts)])
    for k, name in enumerate(PARAMETERS):
        np.testing.assert_array_equal(getattr(events, f"hillas_{name}") - 1000 * k, numbers[order])
    np.testing.assert_array_equal(events.position[:, 0], numbers[order])
    np.testing.assert_array_equal(events.pointing[:, 1], 3 * numbers[order])
    for part, back in zip(parts, ungroup_rows(events.tel_id, order, parts), strict=True):
        np.testing.assert_array_equal(back, part.tel_id)


@pytest.mark.parametrize("table", [pa.record_batch, pa.table, dict])
def test_parameters_may_be_a_batch_a_table_or_a_mapping(table):
    events, _ = grouped(2, rows([0, 1], [5, 6], table=table))
    assert events.hillas_width.tolist() == [5000, 5001]


def test_no_rows_at_all_make_events_without_telescopes():
    for parts in ([], [rows([], [])]):
        events, order = grouped(3, *parts)
        assert events.offsets.tolist() == [0, 0, 0, 0]
        assert len(events.tel_id) == len(order) == 0
        assert len(ungroup_rows(events.hillas_psi, order, parts)) == len(parts)


def test_a_telescope_that_is_twice_in_an_event_is_an_error():
    with pytest.raises(InputError, match="event 101 of observation 3 has telescope 7 twice"):
        grouped(2, rows([0, 1], [7, 7]), rows([1], [7]))


@pytest.mark.parametrize("place", [-1, 2])
def test_a_row_outside_of_the_events_is_an_error(place):
    with pytest.raises(InputError, match="the 2 array events"):
        grouped(2, rows([0, place], [7, 7]))


@given(
    events=st.lists(st.tuples(st.integers(1, 3), st.integers(-5, 2**40)), unique=True, min_size=1),
    data=st.data(),
)
def test_events_are_found_by_their_keys(events, data):
    wanted = data.draw(st.lists(st.integers(0, len(events) - 1), max_size=20))
    obs, event = np.array(events).T
    found = event_places(obs, event, obs[wanted], event[wanted])
    assert found.tolist() == wanted


def test_an_event_that_is_there_twice_is_an_error():
    with pytest.raises(InputError, match="array event 5 of observation 1 is there twice"):
        event_places(np.array([1, 1, 2]), np.array([5, 5, 5]), np.array([2]), np.array([5]))


@pytest.mark.parametrize("obs", [[1, 1], [1, 2]])
def test_a_row_of_an_unknown_event_is_an_error(obs):
    with pytest.raises(InputError, match="event 9 of observation 1"):
        event_places(np.array(obs), np.array([5, 6]), np.array([1, 1]), np.array([5, 9]))
    with pytest.raises(InputError, match="event 5 of observation 1"):
        event_places(np.array([], int), np.array([], int), np.array([1]), np.array([5]))
