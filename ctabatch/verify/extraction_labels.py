"""What the charge extractions of several parts are called, so that different ones differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

#: Of parts whose commit record tells nothing of an extraction, such as simulated images.
UNKNOWN = "no extraction"


def extraction_labels(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """Label of the extraction of each part.

    The name of the extractor alone if all parts with that extractor have the same options; else
    with those that differ: ``LocalPeakWindowSum window_width=5``.

    Parameters
    ----------
    records : sequence of mapping
        Commit records.
    """
    options = [_options(record) for record in records]
    kinds: dict[str, list[dict[str, str]]] = {}
    for one in options:
        known = kinds.setdefault(one.get("extractor", UNKNOWN), [])
        if one not in known:
            known.append(one)
    labels = []
    for one in options:
        name = one.get("extractor", UNKNOWN)
        same = kinds[name]
        keys = sorted(set().union(*same))
        different = [key for key in keys if len({other.get(key) for other in same}) > 1]
        labels.append(" ".join([name, *(f"{key}={one.get(key, 'none')}" for key in different)]))
    return labels


def _options(record: Mapping[str, Any]) -> dict[str, str]:
    """Options of the extraction as text; nothing if the record has none."""
    config = record.get("config")
    section = config.get("extraction") if isinstance(config, Mapping) else None
    if not isinstance(section, Mapping):
        return {}
    flat: dict[str, Any] = {}
    for key, value in section.items():  # options of a component stand below its name
        is_component = isinstance(value, Mapping) and str(key)[:1].isupper()
        flat |= dict(value) if is_component else {key: value}
    return {
        str(key): value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        for key, value in flat.items()
    }


__all__ = ["UNKNOWN", "extraction_labels"]
