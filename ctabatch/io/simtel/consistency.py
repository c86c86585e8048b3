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
        here = stated[telescopes[:, ei.EVENT] == k]
        numbers = here[here != 0].tolist()
        if not numbers:
            continue  # extracted calibration events are numbered outside only
        row = int(events[k, ei.TRIGGER_ROW])
        if row >= 0 and block.table[row, ot.ID] != 0:
            numbers.insert(0, int(block.table[row, ot.ID]))
            whole = int(block.table[events[k, ei.ROW], ot.ID])
            numbers += [whole] * (whole in numbers)
        votes = Counter(numbers)
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


def report_hidden_events(block: Block, row: int, end: int, account: Account) -> None:
    """Report a top-level object that is not labelled as an event but holds event data.

    Parameters
    ----------
    row, end : int
        Rows of the object and behind its last sub-object.
    """
    inside = block.table[row + 1 : end, ot.TYPE]
    if np.isin(inside, (ei.ARRAY_EVENT, ei.TRIGGER, ei.HEADER)).any():
        account.lose(_of_row(block, row, "holds event data but is not labelled as an event"))


def report_empty_events(block: Block, begin: int, end: int, account: Account) -> None:
    """Report event objects in some rows of the table that hold event data but no array event."""
    table = block.table[begin:end]
    top = np.flatnonzero(table[:, ot.LEVEL] == 0)
    after = np.append(top[1:], len(table))
    is_part = (table[:, ot.TYPE] == ei.TRIGGER) | (table[:, ot.TYPE] == ei.HEADER)
    is_event = table[:, ot.TYPE] == ei.ARRAY_EVENT
    n_parts = np.concatenate([[0], np.cumsum(is_part)])
    n_events = np.concatenate([[0], np.cumsum(is_event)])
    suspicious = n_parts[after] > n_parts[top]
    suspicious |= table[top, ot.TYPE] == ei.CALIBRATION_EVENT
    suspicious &= (n_events[after] == n_events[top]) & (table[top, ot.STATE] == ot.INTACT)
    for row in top[suspicious]:
        account.lose(_of_row(block, begin + int(row), "an event object without an array event"))


def _of_row(block: Block, row: int, reason: str) -> Loss:
    found = block.table[row]
    return Loss(
        reason, block.offset + int(found[ot.START]), int(found[ot.SIZE]), int(found[ot.TYPE]),
        int(found[ot.ID]),
    )  # fmt: skip


def _loss(
    block: Block, events: NDArray[np.int64], k: int, reason: str, number: int | None = None
) -> Loss:
    row = block.table[events[k, ei.ROW]]
    return Loss(
        reason, block.offset + int(row[ot.START]), int(row[ot.SIZE]), int(row[ot.TYPE]),
        int(row[ot.ID]), int(events[k, ei.NUMBER]) if number is None else number,
    )  # fmt: skip
