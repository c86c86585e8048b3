"""The software trigger against ctapipe's component, on events of files and on random ones."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from ctapipe.containers import ArrayEventContainer, R0CameraContainer
from ctapipe.instrument import SoftwareTrigger as TheirTrigger
from ctapipe.io import EventSource
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import ctabatch
from ctabatch.stages.software_trigger import SoftwareTrigger

#: Three types; two and more; SST-1M alone, with events of many telescopes.
FILES = ("gamma-test-large", "gamma-test", "prod6", "pixel-monitoring", "history-meta", "sst1m")
SETTINGS = [
    (1, ()),
    (2, (("LST*", 2),)),
    (4, (("*", 0), ("LST*", 2), ("MST*", 3))),
    (3, (("*", 3), ("MST_MST_*", 6))),
    (1, (("SST*", 100),)),
]


def pair(subarray, settings):
    """Both triggers with the same settings; ctapipe's is not told where it counts from zero."""
    least, patterns = settings
    theirs = [("type", "*", 0), *(("type", pattern, n) for pattern, n in patterns)]
    return SoftwareTrigger(least, patterns), TheirTrigger(
        subarray=subarray, min_telescopes=least, min_telescopes_of_type=theirs
    )


@cache
def events_of(path):
    """ctapipe's array, and telescopes with trigger and with data of each event of a file."""
    with EventSource(path, focal_length_choice="EQUIVALENT") as source:
        events = [(list(e.trigger.tels_with_trigger), list(e.r1.tel)) for e in source]
        return source.subarray, events


def decided(trigger, triggered, with_data):
    """Whether ctapipe keeps an event, and the telescopes that are left, with trigger and data."""
    event = ArrayEventContainer()
    event.trigger.tels_with_trigger = np.array(triggered, np.uint16)
    for tel in with_data:
        event.r0.tel[tel] = R0CameraContainer()
    kept = trigger(event)
    return kept, list(event.trigger.tels_with_trigger), list(event.r0.tel)


@pytest.mark.parametrize("name", FILES)
def test_events_of_files_are_decided_on_as_by_ctapipe(name, example_files):
    their_array, before = events_of(example_files[name])
    assert before
    with ctabatch.open(example_files[name]) as source:
        subarray = source.subarray
    offsets = np.cumsum([0, *(len(tels) for tels, _ in before)])
    triggered = np.concatenate([tels for tels, _ in before])
    event = np.repeat(np.arange(len(before)), [len(data) for _, data in before])
    data = np.concatenate([data for _, data in before])
    for chosen in SETTINGS:
        ours, theirs = pair(their_array, chosen)
        after = [decided(theirs, *telescopes) for telescopes in before]
        decision = ours.decide(offsets, triggered, subarray)
        assert decision.event_kept.tolist() == [kept for kept, _, _ in after]
        starts, tel_id = decision.triggered()
        left = [part.tolist() for part in np.split(tel_id, starts[1:-1])]
        assert left == ([tels for kept, tels, _ in after if kept] or [[]])
        rows = decision.keeps(event, data)
        assert data[rows].tolist() == [tel for _, _, tels in after for tel in tels]


@pytest.fixture(scope="module")
def array(example_files):
    """ctapipe's and our description of the same array of three types."""
    path = example_files["gamma-test-large"]
    with ctabatch.open(path) as source:
        return events_of(path)[0], source.subarray


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_random_patterns_are_decided_on_as_by_ctapipe(data, array):
    subarray, our_subarray = array
    tel_ids = [int(tel) for tel in subarray.tel_ids]
    few = [ids[k] for ids in our_subarray.tel_types.values() for k in range(4)]
    events = data.draw(st.lists(st.sets(st.sampled_from(few + tel_ids[:6])), max_size=5))
    names = sorted({str(tel) for tel in subarray.tel.values()})
    pattern = st.sampled_from([*names, "*", "LST*", "MST*", "SST*", "?ST_*", "*Cam"])
    chosen = (
        data.draw(st.integers(0, 4)),
        tuple(data.draw(st.lists(st.tuples(pattern, st.integers(0, 4)), max_size=3))),
    )
    ours, theirs = pair(subarray, chosen)
    decision = ours.decide(
        np.cumsum([0, *map(len, events)]),
        np.array([tel for event in events for tel in sorted(event)], np.int64), our_subarray,
    )  # fmt: skip
    for k, triggered in enumerate(events):
        kept, their_triggered, their_data = decided(theirs, sorted(triggered), sorted(triggered))
        assert kept == decision.event_kept[k]
        rows = slice(decision.offsets[k], decision.offsets[k + 1])
        left = decision.tel_id[rows][decision.telescope_kept[rows]].tolist()
        assert left == their_triggered == their_data
