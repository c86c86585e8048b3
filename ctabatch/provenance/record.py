"""``provenance.json``: the record beside products of one activity, with what they do not carry.

It holds every input by name, when the activity ran, and, as hints alone, where its inputs were
found. Products stay the same wherever they are made; this file does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ctabatch.io.location import Location, location

from .activity import Activity

RECORD = "provenance.json"


def record_text(
    activity: Activity, product: Mapping[str, str], places: Iterable[Location | str] = ()
) -> str:
    """The text of the record.

    Parameters
    ----------
    activity : Activity
    product : mapping
        See `ctabatch.provenance.product.product_of`.
    places : iterable of path or URI
        Folders and files that the inputs were read from.
    """
    document = activity.document(product)
    entry = activity.entry()
    document["inputs"] = entry["inputs"]
    document["activity"] |= {"start": entry["start"], "stop": entry["stop"]}
    document["places"] = sorted({str(location(place).absolute()) for place in places})
    return json.dumps(document, indent=1) + "\n"


def document_of(text: str | bytes) -> dict[str, Any] | None:
    """A document of provenance; None if the text is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("activity"), dict):
        return None
    return found


__all__ = ["RECORD", "document_of", "record_text"]
