"""What the headers of an event say twice: where they disagree something was damaged or lost."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from ctabatch.kernels import event_index as ei
from ctabatch.kernels import object_table as ot

from .blocks import Block
from .losses import Account, Loss


def settle_event_numbers(
    block: Block, events: NDArray[np.int64], telescopes: NDArray[np.int64], account: Account
) -> None:
    """Correct the number of array events whose headers disagree, by majority.

    The trigger block [2009] and every telescope container carry the event number. The array event
    [2010] of older files carries another one, so its word alone does not count.
    """
    stated = block.table[telescopes[:, ei.CONTAINER_ROW], ot.ID]
    differs = stated != events[telescopes[:, ei.EVENT], ei.NUMBER]
    for k in np.unique(telescopes[differs, ei.EVENT]):
        row = int(events[k, ei.TRIGGER_ROW])
        if row < 0 or block.table[row, ot.ID] == 0:
            continue  # calibration events of old files are numbered outside only
        numbers = [int(events[k, ei.NUMBER]), *stated[telescopes[:, ei.EVENT] == k].tolist()]
        whole = int(block.table[events[k, ei.ROW], ot.ID])
        votes = Counter(numbers + [whole] * (whole in numbers))
        number = votes.most_common(1)[0][0]
        events[k, ei.NUMBER] = number
        account.lose(
            _loss(block, events, int(k), f"its headers carry the numbers {sorted(votes)}", number)
        )


def report_gaps(
    block: Block,
    events: NDArray[np.int64],
    telescopes: NDArray[np.int64],
    n_with_data: NDArray[np.int64],
    account: Account,
) -> None:
    """Report array events that lack telescopes or the simulated event that they belong to.

    Parameters
    ----------
    n_with_data : (n_events,) int64
        Telescopes with data according to the trigger block, -1 if unknown.
    """
    found = np.bincount(telescopes[:, ei.EVENT], minlength=len(events))
    lacking = (n_with_data >= 0) & (found != n_with_data) & (events[:, ei.WHOLE] == 1)
    for k in np.flatnonzero(lacking):
        reason = f"data of {found[k]} telescopes, its trigger block lists {n_with_data[k]}"
        account.lose(_loss(block, events, int(k), reason))
    simulated = events[:, ei.CALIBRATION] == ei.NO_CALIBRATION
    for k in np.flatnonzero(simulated & (events[:, ei.MC] < 0)):
        account.lose(
            _loss(block, events, int(k), "the simulated event [2021] of this array event is lost")
        )


def report_strangers(block: Block, begin: int, end: int, account: Account) -> None:
    """Report top-level objects that hold event data but are not labelled as events."""
    table = block.table[begin:end]
    top = np.flatnonzero(table[:, ot.LEVEL] == 0)
    after = np.append(top[1:], len(table))
    is_part = (table[:, ot.TYPE] == ei.TRIGGER) | (table[:, ot.TYPE] == ei.HEADER)
    n_parts = np.concatenate([[0], np.cumsum(is_part & (table[:, ot.LEVEL] > 0))])
    is_event = table[:, ot.TYPE] == ei.ARRAY_EVENT
    n_events = np.concatenate([[0], np.cumsum(is_event)])
    has_parts = n_parts[after] > n_parts[top]
    has_event = n_events[after] > n_events[top]
    empty = (table[top, ot.TYPE] == ei.CALIBRATION_EVENT) & ~has_parts
    for row in top[(has_parts | empty) & ((~has_event) | empty)]:
        if table[row, ot.STATE] == ot.INTACT:
            account.lose(
                Loss(
                    "holds event data but no array event [2010]",
                    block.offset + int(table[row, ot.START]), int(table[row, ot.SIZE]),
                    int(table[row, ot.TYPE]), int(table[row, ot.ID]),
                )  # fmt: skip
            )


def _loss(
    block: Block, events: NDArray[np.int64], k: int, reason: str, number: int | None = None
) -> Loss:
    row = block.table[events[k, ei.ROW]]
    return Loss(
        reason, block.offset + int(row[ot.START]), int(row[ot.SIZE]), int(row[ot.TYPE]),
        int(row[ot.ID]), int(events[k, ei.NUMBER]) if number is None else number,
    )  # fmt: skip
