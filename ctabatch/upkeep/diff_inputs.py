"""What of a dataset is compared: its tables, and the options it was made with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ctabatch.errors import InputError
from ctabatch.io.dataset_folder import SUBARRAY_TABLES, DatasetFolder
from ctabatch.io.location import Location
from ctabatch.io.merged_parts import inner_records


def tables(root: Location) -> dict[str, list[Location]]:
    """Table -> files of all committed parts, with those of the arrays.

    Raises
    ------
    InputError
        There is no dataset, or it has no finished part.
    """
    folder = DatasetFolder(root)
    folder.check()
    found = {name: list(files) for name, files in folder.tables().items()}
    if not found:
        raise InputError(f"{root}: this dataset holds no finished part")
    for table in SUBARRAY_TABLES:
        files: list[Location] = sorted((folder.root / "subarray" / table).glob("[!.]*.parquet"))
        if files:
            found[f"subarray/{table}"] = files
    return found


def configurations(root: Location) -> dict[str, set[str]]:
    """Option, such as ``extraction.window_width`` -> its values in all parts, as JSON.

    Raises
    ------
    InputError
        There is no dataset.
    """
    folder = DatasetFolder(root)
    folder.check()
    seen: set[str] = set()
    found: dict[str, set[str]] = {}
    records = (one for whole in folder.records() for one in inner_records(whole) or [whole])
    for record in records:
        for name in ("config", "software"):
            text = json.dumps(record.get(name, {}), sort_keys=True)
            if name == "software" or text not in seen:
                seen.add(text)
                for option, value in _flat(record.get(name, {}), () if name == "config" else
                                           (name,)):  # fmt: skip
                    found.setdefault(option, set()).add(json.dumps(value))
    return found


def _flat(value: Any, names: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _flat(inner, (*names, str(name)))
    elif names:
        yield ".".join(names), value


def different_options(
    one: dict[str, set[str]], two: dict[str, set[str]]
) -> dict[str, list[list[str]]]:
    """Options with other values in one dataset than in the other: their values in each."""
    return {
        name: [sorted(one.get(name, ())), sorted(two.get(name, ()))]
        for name in sorted(one.keys() | two.keys())
        if one.get(name) != two.get(name)
    }


__all__ = ["configurations", "different_options", "tables"]
