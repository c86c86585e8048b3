"""Telescopes and array events that a software trigger leaves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctabatch.kernels.software_trigger import software_trigger
from ctabatch.stages.software_trigger import SoftwareTrigger
from tests.naive import software_trigger as naive
from tests.toy_images import read_only

COMPILED = pytest.mark.parametrize("compiled", [True, False], ids=["compiled", "python"])
#: Telescope 9 is of no known type; LST-1 differs from the others in its number only.
TYPES = {1: "LST_LST_LSTCam", 2: "LST_LST_LSTCam", 3: "MST_MST_NectarCam", 4: "MST_MST_FlashCam",
         5: "MST_MST_FlashCam", 6: "SST_ASTRI_CHEC"}  # fmt: skip
EVENTS = st.lists(st.sets(st.sampled_from([1, 2, 3, 4, 5, 6, 9])), max_size=6)
PATTERNS = st.lists(
    st.tuples(st.sampled_from(["*", "LST*", "MST*", "*FlashCam", "SST_ASTRI_CHEC", "none"]),
              st.integers(0, 3)), max_size=3)  # fmt: skip


def ragged(events):
    offsets = np.cumsum([0, *map(len, events)])
    return offsets, np.array([tel for event in events for tel in sorted(event)], np.int64)


@COMPILED
@given(
    events=st.lists(st.lists(st.integers(-1, 2), max_size=5), max_size=6),
    minimum=st.lists(st.integers(0, 3), min_size=3, max_size=3),
    least=st.integers(0, 3),
)
def test_decisions_are_those_of_the_twin(compiled, events, minimum, least):
    offsets = read_only(np.cumsum([0, *map(len, events)]), np.int64)
    kind = read_only([k for event in events for k in event], np.int64)
    kept, event_kept = np.empty(len(kind), np.bool_), np.empty(len(events), np.bool_)
    run = software_trigger if compiled else software_trigger.py_func
    run(offsets, kind, read_only(minimum, np.int64), least, kept, event_kept)
    for k, event in enumerate(events):
        names = {i: kind for i, kind in enumerate(event) if kind >= 0}
        left = naive.decide(range(len(event)), names, dict(enumerate(minimum)), least)
        assert event_kept[k] == (left is not None)
        assert set(np.flatnonzero(kept[offsets[k] : offsets[k + 1]])) == (left or set())


@given(events=EVENTS, patterns=PATTERNS, least=st.integers(0, 4))
def test_triggered_telescopes_and_rows_of_tables_follow_the_decision(events, patterns, least):
    trigger = SoftwareTrigger(least, tuple(patterns))
    decision = trigger.decide(*ragged(events), TYPES)
    minimum = {name: trigger.minimum(name) for name in TYPES.values()}
    expected = [naive.decide(event, TYPES, minimum, least) for event in events]
    assert decision.event_kept.tolist() == [left is not None for left in expected]
    offsets, tel_id = decision.triggered()
    kept = [sorted(left) for left in expected if left is not None]
    assert [part.tolist() for part in np.split(tel_id, offsets[1:-1])] == (kept or [[]])
    # a table with more telescopes than triggered, in any order
    event, tel = (v.ravel() for v in np.meshgrid(np.arange(len(events)), [9, 4, 1, 2, 8]))
    rows = decision.keeps(event, tel)
    for row, k, t in zip(rows, event, tel, strict=True):
        left = expected[k]
        assert row == (left is not None and (t in left or t not in events[k]))
    assert decision.keeps_all == (expected == events)


def test_lone_lsts_are_removed_and_then_lone_telescopes():
    trigger = SoftwareTrigger(min_telescopes=2, min_telescopes_of_type=(("LST*", 2),))
    events = [{1, 3}, {1, 2}, {1, 3, 4}, {3}, set()]
    decision = trigger.decide(*ragged(events), TYPES)
    assert decision.event_kept.tolist() == [False, True, True, False, False]
    assert decision.triggered()[1].tolist() == [1, 2, 3, 4]


def test_by_default_only_events_without_any_telescope_are_dropped():
    decision = SoftwareTrigger().decide(*ragged([{1}, set(), {6, 9}]), TYPES)
    assert decision.event_kept.tolist() == [True, False, True]
    assert decision.telescope_kept.all()


def test_the_last_pattern_that_fits_counts():
    trigger = SoftwareTrigger(1, (("*", 3), ("MST*", 2), ("*Nectar*", 0)))
    assert [trigger.minimum(name) for name in dict.fromkeys(TYPES.values())] == [3, 0, 2, 3]


def test_patterns_that_fit_no_type_are_named():
    trigger = SoftwareTrigger(1, (("LST*", 2), ("lst*", 2), ("MTS*", 2), ("lst*", 1)))
    assert trigger.unmatched(TYPES.values()) == ["lst*", "MTS*"]


def test_no_events_are_no_problem():
    decision = SoftwareTrigger(2).decide(np.zeros(1, np.int64), np.empty(0, np.int64), TYPES)
    assert len(decision.event_kept) == 0
    assert decision.triggered()[0].tolist() == [0]
    assert decision.keeps_all
    assert len(decision.keeps(np.empty(0, int), np.empty(0, int))) == 0
