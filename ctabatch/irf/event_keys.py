"""Which event each row is: duplicates are refused, tables with the same rows recognised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ctabatch.dataset import KEYS, Dataset
from ctabatch.errors import InputError

Ints = NDArray[np.int64]


def check_keys(
    events: pl.LazyFrame, dataset: Dataset | None = None, beside: Sequence[pl.LazyFrame] = ()
) -> list[bool]:
    """Refuse events that appear twice, and compare the rows with those of other tables.

    Rows that rise in (obs_id, event_id) from one to the next, as those of a file do, hold none
    twice; only what does not rise is compared with all others. One scan serves all.

    Parameters
    ----------
    events : LazyFrame
        With obs_id and event_id.
    dataset : Dataset, optional
        For the message: its parts may be the same data twice.
    beside : sequence of LazyFrame, optional
        Other tables with obs_id and event_id.

    Returns
    -------
    list of bool
        Whether each of `beside` has rows of the same events in the same order.

    Raises
    ------
    InputError
        With their number and the first of them.
    """
    first: list[tuple[int, int]] = []
    last: list[tuple[int, int]] = []
    end: tuple[int, int] | None = None
    agree = _same_height(events, beside)
    compared = [k for k, alike in enumerate(agree) if alike]
    for obs_id, event_id, *others in _keys(events, *(beside[k] for k in compared)):
        for place, k in enumerate(compared):
            other_obs, other_event = others[2 * place : 2 * place + 2]
            agree[k] &= bool((obs_id == other_obs).all() and (event_id == other_event).all())
        same = obs_id[1:] == obs_id[:-1]
        rises = (obs_id[1:] > obs_id[:-1]) | (same & (event_id[1:] > event_id[:-1]))
        begins = np.flatnonzero(~rises) + 1
        begin = (int(obs_id[0]), int(event_id[0]))
        if end is None or begin <= end:
            first.append(begin)
            if end is not None:
                last.append(end)
        for row in begins:
            last.append((int(obs_id[row - 1]), int(event_id[row - 1])))
            first.append((int(obs_id[row]), int(event_id[row])))
        end = (int(obs_id[-1]), int(event_id[-1]))
        if len(first) > _PIECES:
            agree = [same_keys(events, other) for other in beside]
            break
    else:
        last += [end] if end is not None else []
        pieces = sorted(zip(first, last, strict=True))
        if all(a[1] < b[0] for a, b in pairwise(pieces)):
            return agree
    twice = (
        events.select(KEYS)
        .group_by(KEYS)
        .agg(n=pl.len())
        .filter(pl.col("n") > 1)
        .sort(KEYS)
        .collect(engine="streaming")
    )
    if twice.height == 0:
        return agree
    obs_id, event_id, n = twice.row(0)
    where = f" in the {len(dataset.parts)} parts of the dataset" if dataset is not None else ""
    raise InputError(
        f"{twice.height:,} events appear more than once{where}, such as event {event_id} of run "
        f"{obs_id} ({n} times): they would count repeatedly; are there copies of a file, or runs "
        "of different primaries with the same number?"
    )


#: Rising pieces of the rows that are compared by their ends; more are compared row by row.
_PIECES = 100_000


def same_keys(one: pl.LazyFrame, other: pl.LazyFrame) -> bool:
    """Whether two tables have rows of the same events in the same order.

    Parameters
    ----------
    one, other : LazyFrame
        With obs_id and event_id.
    """
    if one is other:
        return True
    if not _same_height(one, [other])[0]:
        return False
    pair = pl.concat(
        [
            one.select(KEYS),
            other.select(pl.col(name).alias(f"other {name}") for name in KEYS),
        ],
        how="horizontal",
    )
    equal = [(pl.col(name) == pl.col(f"other {name}")).all() for name in KEYS]
    return bool(pair.select(pl.all_horizontal(equal)).collect(engine="streaming").item())


def check_copies(inputs: Sequence[tuple[str, pl.LazyFrame]]) -> None:
    """Refuse inputs that hold the same events.

    Two inputs may number their events alike, but no two showers have the same energy and direction.
    Of events in runs with the same number up to a million are compared, of others those at the
    beginning.

    Parameters
    ----------
    inputs : sequence of (str, LazyFrame)
        Source and event frame, with truth.

    Raises
    ------
    InputError
        With both sources and the number of events found.
    """
    for (one, events), (other, others) in combinations(inputs, 2):
        first = events.select(_TRUTH).head(_FIRST).collect(engine="streaming").lazy()
        runs = [frame.select(pl.col("obs_id").unique()) for frame in (events, others)]
        common = runs[0].join(runs[1], on="obs_id").collect(engine="streaming")["obs_id"]
        if len(common):
            own = events.filter(pl.col("obs_id").is_in(common.implode()))
            first = own.select(_TRUTH).head(_MOST)
        n = others.join(first, on=_TRUTH, how="semi").select(pl.len())
        if same := n.collect(engine="streaming").item():
            raise InputError(
                f"{same:,} events of {other} are in {one} too, with the same energies and "
                "directions: they would count twice"
            )


_TRUTH = ["true_energy", "true_alt", "true_az"]
_FIRST, _MOST = 1000, 1_000_000


def _same_height(one: pl.LazyFrame, others: Sequence[pl.LazyFrame]) -> list[bool]:
    """Whether tables have the number of rows that one of them has."""
    frames = [one, *others] if others else []
    sizes = [frame.select(pl.len()).collect(engine="streaming").item() for frame in frames]
    return [size == sizes[0] for size in sizes[1:]]


def _keys(*tables: pl.LazyFrame) -> Iterator[list[Ints]]:
    """Batches of obs_id and event_id of tables of the same height, of one after the other."""
    query = pl.concat(
        [
            table.select(pl.col(name).cast(pl.Int64).alias(f"{name} {k}") for name in KEYS)
            for k, table in enumerate(tables)
        ],
        how="horizontal",
    )
    batches: Any = query.collect_batches(engine="streaming", maintain_order=True)
    for batch in batches:
        if batch.height:
            yield [column.to_numpy() for column in batch]
