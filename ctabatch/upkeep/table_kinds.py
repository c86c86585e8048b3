"""What kind of table a name stands for, and what identifies its rows."""

from __future__ import annotations

from typing import NamedTuple

#: Keys of the tables that have no events.
OTHER_KEYS: dict[str, tuple[str, ...]] = {
    "run": ("obs_id", "header_index"),
    "shower_distribution": ("obs_id", "hist_id"),
    "cut_flow": ("query", "step", "criterion", "expression"),
    "r0_stream": (),
}
EVENT_KEYS = ("obs_id", "event_id")
TELESCOPE_KEYS = (*EVENT_KEYS, "tel_id")
#: Tables with one row per array event; all others with events have one per telescope event.
OF_EVENTS = frozenset({"trigger", "shower", "dl2/geometry", "dl2/subarray"})
#: Tables with a row for some telescope events only.
SPARSE = frozenset({"calibration"})


class TableName(NamedTuple):
    """A table such as ``dl2/telescope/model=P/tel_type=T``, taken apart.

    Attributes
    ----------
    kind : str
        ``dl2/telescope``.
    tel_type : str
        Empty if the table is of all.
    prefix : str
        That of predictions, empty if there are none.
    """

    kind: str
    tel_type: str = ""
    prefix: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that identify a row; none if only the place in a file does."""
        if self.kind in OTHER_KEYS:
            return OTHER_KEYS[self.kind]
        return EVENT_KEYS if self.kind in OF_EVENTS else TELESCOPE_KEYS

    @property
    def has_events(self) -> bool:
        """Whether rows belong to array events."""
        return self.kind not in OTHER_KEYS


def table_name(table: str) -> TableName:
    """Take the name of a table apart."""
    kind, tel_type, prefix = [], "", ""
    for word in table.split("/"):
        if word.startswith("tel_type="):
            tel_type = word.removeprefix("tel_type=")
        elif word.startswith("model="):
            prefix = word.removeprefix("model=")
        else:
            kind.append(word)
    return TableName("/".join(kind), tel_type, prefix)


__all__ = ["EVENT_KEYS", "SPARSE", "TELESCOPE_KEYS", "TableName", "table_name"]
