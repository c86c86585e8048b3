"""The commit record of a part that several parts were merged into."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import ctabatch
from ctabatch.io.merged_parts import COMMON, INPUTS, MERGED, inner_records
from ctabatch.provenance.of_parts import is_simulated

_SUMS = ("array_events", "telescope_events", "n_losses", "bytes_saved_by_reduction")
_SUMS_BY_NAME = ("by_event_type", "by_tel_type", "quality_cut_flow", "valid_events", "notes")
#: Losses that the record of the merged part lists itself; those of its inputs have all.
_MOST_LOSSES = 1000

Record = dict[str, Any]


def merged_record(records: Sequence[Record]) -> Record:
    """What the commit record of a merged part tells, but its tables.

    Sums and lists of what all records tell; whatever else one tells stays in its entry of
    ``inputs``, so no fact is lost.

    Parameters
    ----------
    records : sequence of dict
        Of parts with the same configuration, also of parts that were merged themselves.
    """
    inputs = [one for record in records for one in inner_records(record) or [record]]
    digest = inputs_digest(inputs)
    common = _common(inputs, digest)
    return {
        "part": f"{MERGED}{digest[:8]}",
        "input": {
            "name": f"{len(inputs)} inputs",
            "path": "",
            "size": sum(int(one["input"].get("size", 0)) for one in inputs),
            "sha256": digest,
        },
        **common,
        "software": {"ctabatch": str(ctabatch.__version__)},
        "obs_ids": sorted({obs for record in records for obs in record.get("obs_ids", ())}),
        **{
            name: sum(record.get(name, 0) for record in records)
            for name in _SUMS
            if any(name in record for record in records)
        },
        **{
            name: _by_name(record.get(name, {}) for record in records)
            for name in _SUMS_BY_NAME
            if any(name in record for record in records)
        },
        "simulated": any(is_simulated(record) for record in records),
        "event_ids": _ends([record.get("event_ids") for record in records]),
        "stopped_by_max_events": any(r.get("stopped_by_max_events", False) for r in records),
        "incomplete_events": [e for r in records for e in r.get("incomplete_events", ())],
        "telescopes_without_description": {
            obs: tels
            for record in records
            for obs, tels in record.get("telescopes_without_description", {}).items()
        },
        "losses": [loss for r in records for loss in r.get("losses", ())][:_MOST_LOSSES],
        "warnings": sorted({text for record in records for text in record.get("warnings", ())}),
        INPUTS: [
            {k: v for k, v in one.items() if k not in COMMON or v != common.get(k)}
            for one in inputs
        ],
    }


def _ends(ranges: Sequence[list[int] | None]) -> list[int]:
    """Smallest and largest event of all parts; nothing if one does not tell."""
    if any(one is None for one in ranges):
        return []
    events = [event for one in ranges if one for event in one]
    return [min(events), max(events)] if events else []


def _common(inputs: Sequence[Record], digest: str) -> Record:
    """Configuration of all inputs; where it is not the same, what of it is."""
    first = inputs[0]
    if all(one.get(name) == first.get(name) for one in inputs for name in COMMON):
        return {name: first[name] for name in COMMON if name in first}
    configs = [one.get("config", {}) for one in inputs]
    same = {k: v for k, v in configs[0].items() if all(c.get(k) == v for c in configs)}
    return {"config": same, "config_digest": digest[:12]}


def inputs_digest(inputs: Iterable[Record]) -> str:
    """SHA-256 that stands for all inputs of a merged part, whatever their order."""
    names = sorted(f"{one['part']} {one['input'].get('sha256', '')}" for one in inputs)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


def merged_predictions(
    parts: Sequence[Record], predictions: Sequence[Record], merged: Record
) -> Record:
    """What the record of the predictions for a merged part tells, but their tables.

    Parameters
    ----------
    parts, predictions : sequence of dict
        Records of the parts and of their predictions, of the same models.
    merged : dict
        Record of the merged part, with its tables.
    """
    fresh = all(
        one.get("input_sha256") == part["input"].get("sha256")
        and one.get("rows") == _rows_of_parameters(part)
        for part, one in zip(parts, predictions, strict=True)
    )
    first = predictions[0]
    return {
        **{name: first[name] for name in ("prefix", "models", "combination", "config_digest",
                                          "stereo") if name in first},
        "part": merged["part"],
        # what they were made from: if it does not fit the part, they are out of date
        "input_sha256": merged["input"]["sha256"] if fresh else "",
        "rows": _rows_of_parameters(merged),
        "array_events": sum(one.get("array_events", 0) for one in predictions),
        "telescope_events": sum(one.get("telescope_events", 0) for one in predictions),
        "predicted": _by_name(one.get("predicted", {}) for one in predictions),
        "telescope_types_without_model": _by_name(
            one.get("telescope_types_without_model", {}) for one in predictions
        ),
        INPUTS: [inner for one in predictions for inner in one.get(INPUTS, [one])],
    }  # fmt: skip


def _rows_of_parameters(record: Record) -> dict[str, int]:
    tables = record["tables"]
    return {name: tables[name]["rows"] for name in sorted(tables) if "dl1/param" in name}


def _by_name(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for one in counts:
        for name, n in one.items():
            total[name] = total.get(name, 0) + n
    return total


__all__ = ["Record", "inputs_digest", "merged_predictions", "merged_record"]
