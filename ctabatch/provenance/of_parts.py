"""Activities that write parts of datasets, and parts as inputs of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .activity import Activity, Input, moment

PROCESS, STEREO, APPLY = "ctabatch process", "ctabatch stereo", "ctabatch apply"
COMPACT = "ctabatch compact"


def process_activity(record: Mapping[str, Any], begin: str | None = None) -> Activity:
    """The processing of one input.

    Parameters
    ----------
    record : mapping
        What the commit record says of the input, the configuration and the software.
    begin : str, optional
        When it began, see `moment`.
    """
    return Activity(
        PROCESS,
        [*_inputs_of(record["input"]), *_noise_of(record)],
        record["config"],
        record["software"],
        config_digest=str(record["config_digest"]),
        simulated=is_simulated(record),
        _begin=begin or moment(),
    )


def is_simulated(record: Mapping[str, Any]) -> bool:
    """Whether a part holds simulated showers; older records do not say, and all of them did."""
    return bool(record.get("simulated", True))


def _inputs_of(entry: Mapping[str, Any]) -> list[Input]:
    """The input that the entry of a commit record tells of: a file, or a stored part."""
    origin = entry.get("stored_from")
    # the stored stream of raw data is the file: the same work on it is the same activity
    while isinstance(origin, Mapping) and entry.get("level") == "r0":
        entry, origin = origin, origin.get("stored_from")
    if not isinstance(origin, Mapping):
        return [Input("events", "file", entry["name"], entry["sha256"], int(entry["size"]))]
    part = str(entry["name"]).rpartition(".")[0]
    ids = entry.get("stored_activities") or [""]
    role = str(entry.get("level", "events"))
    return [Input(role, "part", part, entry["sha256"], activity=str(one)) for one in ids]


def _noise_of(record: Mapping[str, Any]) -> list[Input]:
    """Files whose waveforms were added as noise."""
    return [
        Input("noise", "file", str(one["path"]).rpartition("/")[2], one["sha256"], one["size"])
        for one in record.get("noise", ())
    ]


def part_inputs(record: Mapping[str, Any], role: str) -> list[Input]:
    """A committed part, or predictions for one, as what another activity reads.

    The bytes of a part follow from its activities, so their ids stand for it. Records of earlier
    versions know none; then the digest of the file that the part was made from must do.
    """
    digest = str(record.get("input", {}).get("sha256") or record.get("input_sha256", ""))
    found = [
        Input(role, "part", str(record["part"]), digest, activity=one)
        for one in activity_ids(record)
    ]
    return found or [Input(role, "part", str(record["part"]), digest)]


def activity_ids(record: Mapping[str, Any]) -> list[str]:
    """Ids of the activities that a record tells of."""
    entries = record.get("activities")
    entries = entries if isinstance(entries, list) else []
    return [str(e["id"]) for e in entries if isinstance(e, dict) and "id" in e]


def replaced(record: Mapping[str, Any], activity: Activity) -> list[dict[str, Any]]:
    """The activities of a record, with one in the place of an earlier one of its name."""
    entries = record.get("activities")
    entries = entries if isinstance(entries, list) else []
    others = [e for e in entries if isinstance(e, dict) and e.get("name") != activity.name]
    return [*others, activity.entry()]


def stereo_activity(
    record: Mapping[str, Any], config: Mapping[str, Any], software: Mapping[str, str], begin: str
) -> Activity:
    """The reconstruction of the showers of a part, from what `process` wrote of it."""
    entries = record.get("activities", ())
    made = {**record, "activities": [e for e in entries if e.get("name") != STEREO]}
    inputs = part_inputs(made, "parameters")
    simulated = is_simulated(record)
    return Activity(STEREO, inputs, config, software, simulated=simulated, _begin=begin)


def apply_activity(
    record: Mapping[str, Any],
    models: Sequence[Input],
    config: Mapping[str, Any],
    software: Mapping[str, str],
    begin: str,
) -> Activity:
    """Predictions for a part."""
    inputs = [*part_inputs(record, "events"), *models]
    simulated = is_simulated(record)
    return Activity(APPLY, inputs, config, software, simulated=simulated, _begin=begin)


def compact_activity(
    records: Sequence[Mapping[str, Any]], software: Mapping[str, str], begin: str
) -> Activity:
    """The merging of parts, or of the predictions for them, into one: no value changes."""
    inputs = [one for record in records for one in part_inputs(record, "parts")]
    simulated = any(map(is_simulated, records))
    return Activity(COMPACT, inputs, {}, software, simulated=simulated, _begin=begin)


__all__ = [
    "activity_ids",
    "apply_activity",
    "compact_activity",
    "is_simulated",
    "part_inputs",
    "process_activity",
    "replaced",
    "stereo_activity",
]
