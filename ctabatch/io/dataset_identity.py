"""What makes a folder a dataset: the file ``ctabatch.json``.

In an object store a new dataset that must not be seen before it is whole has another text in this
place until then, see `unfinished_dataset`: readers and writers refuse it.
"""

from __future__ import annotations

import json
from typing import Any

import ctabatch
from ctabatch.errors import InputError

from .location import Location

FORMAT, UNFINISHED, FORMAT_VERSION = "ctabatch dataset", "ctabatch dataset, unfinished", 1
IDENTITY = "ctabatch.json"


def identity_text(form: str = FORMAT, **more: str) -> str:
    """The text of the file."""
    identity = {
        "format": form,
        "format_version": FORMAT_VERSION,
        "created_by": f"ctabatch {ctabatch.__version__}",
        **more,
    }
    return json.dumps(identity, indent=1) + "\n"


def read_identity(root: Location) -> dict[str, Any]:
    """Identity of an existing dataset.

    Raises
    ------
    InputError
        There is no dataset, one that is not finished, or one that this version cannot read.
    """
    try:
        text = (root / IDENTITY).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{root}: no ctabatch dataset (no {IDENTITY} in it)") from error
    try:
        identity = json.loads(text)
        version = int(identity["format_version"])
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{root / IDENTITY}: not readable: {error}") from error
    if identity.get("format") == UNFINISHED:
        raise InputError(
            f"{root}: this dataset is not whole: ctabatch compact began to write it at "
            f"{identity.get('begun', 'a time unknown')}; wait for its end, or run it again if it "
            "was killed"
        )
    if identity.get("format") != FORMAT or version > FORMAT_VERSION:
        raise InputError(
            f"{root}: format {identity.get('format')!r} version {version}; this version "
            f"of ctabatch reads {FORMAT!r} up to version {FORMAT_VERSION}"
        )
    return dict(identity)


__all__ = ["FORMAT", "FORMAT_VERSION", "IDENTITY", "UNFINISHED", "identity_text", "read_identity"]
