"""Blocks of events after a software trigger: only the telescopes and events that it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ctabatch.io.simtel.losses import Account
from ctabatch.stages.events import TelescopeEvents
from ctabatch.stages.software_trigger import SoftwareTrigger, TriggerDecision

from .protocol import Empty, EventBlock, KindOf, TelescopeBatch, TelescopePlan


def triggered_block(block: EventBlock, trigger: SoftwareTrigger, account: Account) -> EventBlock:
    """What a software trigger leaves of a block; what it removes is counted as notes.

    Parameters
    ----------
    block : EventBlock
    trigger : SoftwareTrigger
    account : Account
    """
    lists = block.tables["trigger"].column("tels_with_trigger")
    offsets = np.concatenate([[0], np.cumsum(lists.value_lengths().to_numpy(zero_copy_only=False))])
    tel_id = lists.flatten().to_numpy(zero_copy_only=False)
    decision = trigger.decide(offsets, tel_id, block.subarray)
    if decision.keeps_all:
        return block
    kept = decision.event_kept
    account.note("array events removed by the trigger", int(np.count_nonzero(~kept)))
    lost = np.count_nonzero(~decision.telescope_kept)
    account.note("triggers of telescopes removed by the trigger", int(lost))
    place = np.where(kept, np.cumsum(kept) - 1, -1)
    return replace(
        block,
        event_id=block.event_id[kept],
        event_type=block.event_type[kept],
        whole=block.whole[kept],
        tables={name: _rows(block, name, decision) for name in block.tables},
        plans=partial(_plans, block, decision, place),
    )


def _rows(block: EventBlock, name: str, decision: TriggerDecision) -> pa.RecordBatch:
    """Rows of an event table that are left."""
    rows = block.tables[name]
    order = np.argsort(block.event_id, kind="stable")
    event_id = rows.column("event_id").to_numpy(zero_copy_only=False)
    at = np.searchsorted(block.event_id[order], event_id)
    at = order[np.minimum(at, len(order) - 1)] if len(order) else np.zeros(len(event_id), np.int64)
    known = block.event_id[at] == event_id  # showers that did not trigger are no events
    keep = ~known
    if "tel_id" in rows.schema.names:
        tel_id = rows.column("tel_id").to_numpy(zero_copy_only=False)
        keep |= known & decision.keeps(at, tel_id)
    else:
        keep |= known & decision.event_kept[at]
    left = rows.filter(pa.array(keep))
    if name != "trigger":
        return left
    offsets, tel_id = decision.triggered()
    number = left.schema.get_field_index("tels_with_trigger")
    field = left.schema.field(number)
    lists = pa.ListArray.from_arrays(
        pa.array(offsets, pa.int32()), pa.array(tel_id, field.type.value_type), type=field.type
    )
    return left.set_column(number, field, lists)


def _plans(
    block: EventBlock, decision: TriggerDecision, place: NDArray[np.int64], kind_of: KindOf
) -> Iterator[TelescopePlan]:
    return (TriggeredPlan(plan, decision, place) for plan in block.plans(kind_of))


@dataclass(frozen=True, eq=False)
class TriggeredPlan:
    """Telescope events of which some are removed once they are loaded."""

    plan: TelescopePlan
    decision: TriggerDecision
    place: NDArray[np.int64]

    def __str__(self) -> str:
        return str(self.plan)

    def load(self, empty: Empty) -> TelescopeBatch:
        return TriggeredBatch(self.plan.load(empty), self.decision, self.place)


class TriggeredBatch:
    """The telescope events of a batch that are kept."""

    def __init__(
        self, batch: TelescopeBatch, decision: TriggerDecision, place: NDArray[np.int64]
    ) -> None:
        self.tel_type = batch.tel_type
        self._batch = batch
        if len(batch):
            events, event = batch.telescopes()
            keep = decision.keeps(event, events.tel_id)
            self._events, self._event = events.take(keep), place[event[keep]]

    def __len__(self) -> int:
        return len(self._event) if len(self._batch) else 0

    def raw_rows(self) -> pa.RecordBatch:
        """There are none: the raw data are kept as they are, or not at all."""
        raise NotImplementedError(f"{self.tel_type}: r0 after a software trigger")

    def telescopes(self) -> tuple[TelescopeEvents, NDArray[np.int64]]:
        """What is kept, and its rows among the events that are kept."""
        return self._events, self._event


__all__ = ["triggered_block"]
