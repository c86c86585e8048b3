"""Which column of a foreign table is which quantity of an event frame."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

from ctabatch.errors import OptionError

ENERGIES = ("true_energy", "reco_energy")
ANGLES = ("true_alt", "true_az", "reco_alt", "reco_az", "pointing_alt", "pointing_az")
#: Quantities of an event frame -> unit.
UNITS = {**dict.fromkeys(ENERGIES, "TeV"), **dict.fromkeys(ANGLES, "deg")}
#: What responses cannot be made without.
NEEDED = ("true_energy", "true_alt", "true_az", "reco_energy", "reco_alt", "reco_az",
          "pointing_alt", "pointing_az")  # fmt: skip
#: What more has a meaning.
OPTIONAL = ("gammaness", "multiplicity", "obs_id", "event_id", "is_valid", "time", "event_type",
            "true_core_x", "true_core_y")  # fmt: skip


def column_map(text: str | None) -> dict[str, str]:
    """A map from text.

    Parameters
    ----------
    text : str, optional
        ``true_energy=MC_ENERGY,gammaness=1 - hadronness,...``: quantity = column, or an SQL
        expression of columns whose value is in TeV or deg.

    Returns
    -------
    dict
        Quantity -> column or expression.

    Raises
    ------
    OptionError
        A part is no pair, a quantity is given twice, or its name is nearly, but not, one that has a
        meaning.
    """
    found: dict[str, str] = {}
    for part in _parts(text or ""):
        name, equals, source = (p.strip() for p in part.partition("="))
        if not equals or not name.isidentifier() or not source:
            raise OptionError(f"column map: {part!r} is not of the form quantity=COLUMN")
        if name in found:
            raise OptionError(f"column map: {name} is given twice")
        known = (*NEEDED, *OPTIONAL)
        if name not in known and difflib.get_close_matches(name, known, n=1, cutoff=0.85):
            raise OptionError.unknown_name("quantity in the column map", name, known)
        found[name] = source
    return found


def _parts(text: str) -> list[str]:
    """Parts between commas that stand outside brackets and quotes."""
    parts, depth, quote = [""], 0, ""
    for sign in text:
        if quote:
            quote = "" if sign == quote else quote
        elif sign in "'\"":
            quote = sign
        elif sign in "([":
            depth += 1
        elif sign in ")]":
            depth -= 1
        if sign == "," and depth == 0 and not quote:
            parts.append("")
        else:
            parts[-1] += sign
    if depth != 0 or quote:
        raise OptionError(f"column map {text!r}: a bracket or quote is left open")
    return [part.strip() for part in parts if part.strip()]


def resolve(
    mapping: Mapping[str, str], available: Collection[str], needed: Collection[str], where: str
) -> dict[str, str]:
    """Source of each quantity: as the map says, else the column of the same name.

    Parameters
    ----------
    mapping : mapping
        Of `column_map`; a source that is no column is taken for an expression.
    available : collection of str
        Columns of the table.
    needed : collection of str
        Quantities that there must be.
    where : str
        The table, for the message.

    Raises
    ------
    OptionError
        With all that are missing.
    """
    lower: dict[str, list[str]] = {}
    for column in available:
        lower.setdefault(column.lower(), []).append(column)
    found = dict(mapping)
    for name in (*needed, *NEEDED, *OPTIONAL):
        if name not in found:
            same = [name] if name in available else lower.get(name, [])
            if len(same) == 1:
                found[name] = same[0]
    missing = [f"{name} is not in the map" for name in needed if name not in found]
    for name, source in mapping.items():
        if source not in available and source.isidentifier():
            near = difflib.get_close_matches(source, list(available), n=2, cutoff=0.6)
            hint = f", did you mean {' or '.join(near)}?" if near else ""
            missing.append(f"{name}={source}: no such column{hint}")
    if missing:
        shown = ", ".join(sorted(available)[:60])
        raise OptionError(f"{where}: {'; '.join(missing)}. Its columns: {shown}")
    return found
