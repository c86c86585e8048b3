"""What stands in the metadata of a product: one JSON document, and ctapipe's reference keys.

Source of the names: the reference metadata of ctapipe 0.28 (`CTA PRODUCT ...`, `CTA ACTIVITY ...`),
after the CTAO top-level data model. Keys that depend on when or where something ran are left out
here: those times stand in records.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping

from .activity import NAMESPACE, Activity

#: Key of the document in the metadata of Parquet files.
KEY = "ctabatch:provenance"
#: Key of the document in primary headers of FITS files.
CARD = "CTABPROV"
#: Begin of a table's name -> level of the data, and what ctapipe calls it.
_LEVELS = {
    "r0": ("R0", "R0"),
    "r1": ("R1", "R1"),
    "calibration": ("R1", "R1"),
    "dl0": ("DL0", "DL0"),
    "dl1/images": ("DL1", "DL1_IMAGES"),
    "dl1/muon": ("DL1", "DL1_MUON"),
    "dl1": ("DL1", "DL1_PARAMETERS"),
    "dl2": ("DL2", "DL2"),
    "dl3": ("DL3", "DL3"),
}
#: Telescope events; what is not listed belongs to the array.
_OF_TELESCOPES = ("r0", "r1", "dl0", "dl1/", "dl2/telescope", "dl2/impact", "calibration",
                  "pointing", "telescope_trigger")  # fmt: skip


def product_of(table: str, name: str = "", *, level: str = "") -> dict[str, str]:
    """What a table is: its name, its level, and the part or file that it belongs to."""
    return {"table": table, "level": level or _level(table)[0], **({"part": name} if name else {})}


def _level(table: str) -> tuple[str, str]:
    for begin in sorted(_LEVELS, key=len, reverse=True):
        if table == begin or table.startswith((f"{begin}/", f"{begin}_")):
            return _LEVELS[begin]
    return ("DL1", "DL1_PARAMETERS")  # event tables: ctapipe has them in its DL1


def key_values(activity: Activity, product: Mapping[str, str]) -> dict[str, str]:
    """Metadata of a Parquet file: the document, and the reference keys."""
    document = json.dumps(activity.document(product), separators=(",", ":"))
    return {KEY: document, **reference_keys(activity, product, "parquet")}


def of_tables(activity: Activity, part: str) -> Callable[[str], dict[str, str]]:
    """Metadata of each table of a part, for `ctabatch.io.parquet.PartFiles`."""
    return lambda table: key_values(activity, product_of(table, part))


def reference_keys(activity: Activity, product: Mapping[str, str], form: str) -> dict[str, str]:
    """Flat reference keys as of ctapipe, as far as they are the same in every run.

    Parameters
    ----------
    activity : Activity
    product : mapping
        See `product_of`.
    form : str
        Format of the file: parquet or fits.
    """
    table = product["table"]
    levels = {"IRF": "DL3", "models": ""}
    level = levels.get(product["level"], product["level"])
    level = _level(table)[1] if level == _level(table)[0] else level
    of_telescope = table.startswith(_OF_TELESCOPES)
    return {
        "CTA REFERENCE VERSION": "1",
        "CTA PRODUCT DESCRIPTION": f"ctabatch {table}",
        "CTA PRODUCT ID": product_id(activity, product),
        "CTA PRODUCT DATA CATEGORY": "Sim" if activity.simulated else "Other",
        "CTA PRODUCT DATA LEVELS": level,
        "CTA PRODUCT DATA ASSOCIATION": "Telescope" if of_telescope else "Subarray",
        "CTA PRODUCT DATA MODEL NAME": "ctabatch",
        "CTA PRODUCT DATA MODEL VERSION": "1",
        "CTA PRODUCT FORMAT": form,
        "CTA PROCESS TYPE": "Simulation" if activity.simulated else "Other",
        "CTA ACTIVITY NAME": activity.name,
        "CTA ACTIVITY TYPE": "software",
        "CTA ACTIVITY ID": activity.id,
        "CTA ACTIVITY SOFTWARE NAME": "ctabatch",
        "CTA ACTIVITY SOFTWARE VERSION": activity.software.get("ctabatch", "unknown"),
        "CTA INSTRUMENT SITE": "Other",
        "CTA INSTRUMENT CLASS": "Telescope" if of_telescope else "Subarray",
    }


def fits_cards(activity: Activity, product: Mapping[str, str]) -> dict[str, str]:
    """Header cards of a FITS file: the reference keys, and the document without options.

    The document is a long string (CONTINUE, FITS 4.0 section 4.2.1.2); keys with blanks follow the
    HIERARCH convention, as ctapipe has them.
    """
    document = json.dumps(activity.document(product, text=False), separators=(",", ":"))
    flat = reference_keys(activity, product, "fits")
    return {**{f"HIERARCH {key}": value for key, value in flat.items()}, CARD: document}


def product_id(activity: Activity, product: Mapping[str, str]) -> str:
    """UUID of one product of an activity."""
    words = [activity.id, product["table"], product.get("part", "")]
    return str(uuid.uuid5(NAMESPACE, "\n".join(words)))


__all__ = [
    "CARD",
    "KEY",
    "fits_cards",
    "key_values",
    "of_tables",
    "product_id",
    "product_of",
    "reference_keys",
]
