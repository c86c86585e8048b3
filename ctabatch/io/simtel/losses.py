"""What could not be read, and where: nothing is dropped without an entry here."""

from __future__ import annotations

from bisect import insort
from collections import Counter
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import Any


@dataclass(frozen=True)
class Loss:
    """One thing in the input that could not be used.

    Attributes
    ----------
    reason : str
        What is wrong.
    offset : int
        Byte in the decompressed stream.
    size : int
        Bytes concerned, 0 if unknown.
    object_type, object_id : int or None
        EventIO type and id, if the header could be read.
    event_id, tel_id : int or None
        The event concerned, if known.
    """

    reason: str
    offset: int
    size: int = 0
    object_type: int | None = None
    object_id: int | None = None
    event_id: int | None = None
    tel_id: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if value is not None}

    def __str__(self) -> str:
        place = f"byte {self.offset}"
        if self.object_type is not None:
            place += f", object {self.object_type} (id {self.object_id})"
        if self.event_id is not None:
            place += f", event {self.event_id}"
        if self.tel_id is not None:
            place += f", telescope {self.tel_id}"
        return f"{self.reason} [{place}]"


@dataclass
class Account:
    """Losses (with place, at most `limit` kept in full) and harmless omissions (counted).

    Filled by the thread that reads ahead and by the one that decodes.

    Attributes
    ----------
    of_stream : list of Loss
        Those of `losses` that concern the stream: bytes that are gone before anything is made of
        them, which nobody can find again in what is left.
    n_of_stream : int
    """

    limit: int = 1000
    losses: list[Loss] = field(default_factory=list)
    n_losses: int = 0
    of_stream: list[Loss] = field(default_factory=list)
    n_of_stream: int = 0
    notes: Counter[str] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    def lose(self, loss: Loss, *, of_stream: bool = False) -> None:
        with self._lock:
            self.n_losses += 1
            if len(self.losses) < self.limit:
                insort(self.losses, loss, key=lambda other: other.offset)
            if of_stream:
                self.n_of_stream += 1
                if len(self.of_stream) < self.limit:
                    insort(self.of_stream, loss, key=lambda other: other.offset)

    def lose_unlisted(self, n: int) -> None:
        """Count losses of the stream whose places are not known any more."""
        with self._lock:
            self.n_losses += n
            self.n_of_stream += n

    def note(self, what: str, n: int = 1) -> None:
        if n:
            with self._lock:
                self.notes[what] += n
