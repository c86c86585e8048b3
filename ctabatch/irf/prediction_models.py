"""Which models made the predictions in a dataset; one event frame must have one of each kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pyarrow.parquet as pq

from ctabatch.dataset import PREDICTIONS, Dataset
from ctabatch.errors import InputError
from ctabatch.io.location import parquet_source
from ctabatch.io.stored_parts import part_of
from ctabatch.schemas.reconstruction import MODEL

GEOMETRY = "dl2/geometry"
_SHOWN = 4


@dataclass(frozen=True)
class Quantity:
    """A quantity that models predict.

    Attributes
    ----------
    stem : str
        Begin of the names of its columns, after the prefix.
    columns : mapping
        Column in tables of predictions, without its prefix -> column of an event frame.
    """

    stem: str
    columns: Mapping[str, str]


QUANTITIES = {
    "energy": Quantity("energy", {"energy": "reco_energy"}),
    "direction": Quantity("direction", {"alt": "reco_alt", "az": "reco_az"}),
    "gammaness": Quantity("prediction", {"prediction": "gammaness"}),
}


def check_models(dataset: Dataset, sources: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Refuse predictions that different models made, or that some parts lack.

    Parameters
    ----------
    dataset : Dataset
    sources : iterable of (quantity, prefix)

    Returns
    -------
    dict
        Quantity -> digest of its model, empty if the files name none (a geometry, or a toy).

    Raises
    ------
    InputError
        With the digests and the parts that they are found in.
    """
    found = {}
    for quantity, prefix in sources:
        found[quantity] = ""
        if f"{PREDICTIONS}{prefix}" not in dataset.tables:
            continue
        column = f"{prefix}_{next(iter(QUANTITIES[quantity].columns))}"
        by_digest: dict[str, list[str]] = {}
        files = dataset.files(f"{PREDICTIONS}{prefix}")
        for path in files:
            metadata = pq.read_schema(parquet_source(path)).field(column).metadata or {}
            by_digest.setdefault(metadata.get(MODEL, b"").decode(), []).append(part_of(path))
        predicted = {part_of(path) for path in files}
        if lacking := [part for part in dataset.parts if part not in predicted]:
            raise InputError(
                f"{len(lacking)} of {len(dataset.parts)} parts have no predictions of {prefix}: "
                f"{_listed(lacking)}; their showers would count, but not their events. Make them "
                "with ctabatch apply"
            )
        if len(by_digest) > 1:
            models = "; ".join(
                f"{digest[:12] or 'no model'} in {len(parts)} parts ({_listed(parts)})"
                for digest, parts in sorted(by_digest.items())
            )
            raise InputError(
                f"the {quantity} of {prefix} was predicted by {len(by_digest)} different models: "
                f"{models}. Apply one of them to all parts"
            )
        _check_combinations(dataset, prefix)
        found[quantity] = next(iter(by_digest), "")
    return found


def _check_combinations(dataset: Dataset, prefix: str) -> None:
    """Telescopes must have been combined in one way."""
    ways: dict[str, list[str]] = {}
    for record in dataset.prediction_records(prefix):
        combination = record.get("combination") or {}
        way = ", ".join(f"{key} {value}" for key, value in sorted(combination.items()))
        ways.setdefault(way, []).append(str(record.get("part")))
    if len(ways) > 1:
        listed = "; ".join(f"{way} in {len(p)} parts ({_listed(p)})" for way, p in ways.items())
        raise InputError(f"the telescopes of {prefix} were combined in different ways: {listed}")


def _listed(names: list[str]) -> str:
    more = f", ... ({len(names)})" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
