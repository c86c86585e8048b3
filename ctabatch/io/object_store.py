"""Requests to object stores: the only code that knows `obstore`, see docs/decisions/0008.

Failures that pass (5xx, timeouts, cut connections, also in the middle of a body) are tried again by
the library, with waiting times that grow. What is left comes out as `InputError` from reading and
`OutputError` from writing.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, TypeVar

from ctabatch.errors import CtabatchError, InputError, OutputError

from .store_client import FIRST_PAUSE, LAST_PAUSE, bucket_of, library_for
from .store_settings import attempts

if TYPE_CHECKING:
    from .store_path import StorePath

#: Objects larger than this are sent in pieces of this size, which exist when all have arrived.
PIECE = 16 << 20
#: Pieces of one object, and small objects, that are under way at once.
AT_ONCE, SMALL_AT_ONCE = 4, 16
T = TypeVar("T")
R = TypeVar("R")

#: What the library says of a store without this bucket, and of requests that it repeated itself.
_NO_BUCKET, _REPEATED = "NoSuchBucket", " retries, max_retries"
#: Where the library looks for credentials when there are no others.
_METADATA = "169.254.169.254"


@dataclass(frozen=True)
class Version:
    """One version of an object.

    Attributes
    ----------
    size : int
    e_tag, number : str or None
        What the store calls the version; S3 knows the first, Google the second.
    modified : float
        When it was written, seconds since 1970.
    """

    size: int
    e_tag: str | None = None
    number: str | None = None
    modified: float = field(default=0.0, compare=False)


class ChangedError(Exception):
    """An object is not, or no more, the version that it should be."""


# -- reading


def head(path: StorePath) -> Version | None:
    """The present version of an object; None if there is no object."""
    library = library_for(path)
    try:
        return _version(
            _asked(path, "looking it up", lambda: library.head(bucket_of(path), path.key))
        )
    except FileNotFoundError:
        return None


def read(
    path: StorePath,
    begin: int | None = None,
    end: int | None = None,
    version: Version | None = None,
) -> tuple[bytes, Version]:
    """Bytes of an object, all or from `begin` to before `end`, and its version.

    Raises
    ------
    FileNotFoundError
        There is no such object.
    InputError
        It is another version than the one that was asked for, or it cannot be read.
    """
    library = library_for(path)
    options: dict[str, Any] = {}
    if begin is not None and end is not None:
        options["range"] = (begin, end)
    if version is not None and version.e_tag is not None:
        options["if_match"] = version.e_tag

    def get() -> tuple[bytes, Version]:
        try:
            got = library.get(bucket_of(path), path.key, options=options)
            return got.bytes().to_bytes(), _version(got.meta)
        except library.exceptions.PreconditionError as error:
            raise InputError(
                f"{path}: the object was replaced while it was read; run again"
            ) from error

    return _asked(path, "reading", get)


def children(path: StorePath) -> tuple[list[str], list[str]]:
    """Names of the folders and of the objects right below a place, sorted."""
    library = library_for(path)
    prefix = f"{path.key}/" if path.key else None
    try:
        found = _asked(
            path, "listing", lambda: library.list_with_delimiter(bucket_of(path), prefix)
        )
    except FileNotFoundError:
        return [], []
    folders = sorted(name.rpartition("/")[2] for name in found["common_prefixes"])
    objects = [meta["path"].rpartition("/")[2] for meta in found["objects"]]
    return folders, sorted(name for name in objects if name)


def names_with(path: StorePath, begin: str) -> list[str]:
    """Names of the objects right below a place that go on after a text, sorted.

    The store is asked from the first of them on, in its order by name, not for all that is there.
    """
    library = library_for(path)
    prefix = f"{path.key}/" if path.key else ""
    wanted = f"{prefix}{begin}"

    def ask() -> list[str]:
        found: list[str] = []
        for some in library.list(bucket_of(path), prefix or None, offset=wanted):
            for meta in some:
                if not meta["path"].startswith(wanted):
                    return found
                name = meta["path"].removeprefix(prefix)
                if "/" not in name:
                    found.append(name)
        return found

    try:
        return sorted(_asked(path, "listing", ask))
    except FileNotFoundError:
        return []


def is_any_below(path: StorePath) -> bool:
    """Whether the name of any object begins with that of a place and a slash."""
    library = library_for(path)
    prefix = f"{path.key}/" if path.key else None
    try:
        return _asked(
            path,
            "listing",
            lambda: any(len(some) for some in library.list(bucket_of(path), prefix, chunk_size=1)),
        )
    except FileNotFoundError:
        return False


def sizes_below(path: StorePath, ending: str) -> dict[str, int]:
    """Names below a place that end in a way, relative to it, and the sizes of their objects."""
    library = library_for(path)
    prefix = f"{path.key}/" if path.key else None
    try:
        found = _asked(path, "listing", lambda: library.list(bucket_of(path), prefix).collect())
    except FileNotFoundError:
        return {}
    return {
        meta["path"].removeprefix(prefix or ""): int(meta["size"])
        for meta in found
        if meta["path"].endswith(ending)
    }


def _asked(path: StorePath, what: str, call: Callable[[], R]) -> R:
    """The answer to a question, asked again if it broke off where the library gives up at once."""
    failures = library_for(path).exceptions
    left, pause = attempts(), FIRST_PAUSE
    with _failing(path, what, InputError):
        while True:
            left -= 1
            try:
                return call()
            except failures.GenericError as error:
                known = (_REPEATED, _NO_BUCKET, _METADATA)  # to ask again would change nothing
                if left < 1 or any(words in str(error) for words in known):
                    raise
            time.sleep(pause)
            pause = min(2 * pause, LAST_PAUSE)
    raise AssertionError("unreachable")


# -- writing


def write(path: StorePath, content: bytes | IO[bytes]) -> None:
    """Write an object as a whole: it appears, or replaces an earlier one, when all has arrived.

    A large one that fails leaves no pieces behind, unless the process dies.
    """
    library = library_for(path)
    with _failing(path, "writing", OutputError):
        library.put(bucket_of(path), path.key, content, chunk_size=PIECE, max_concurrency=AT_ONCE)


def write_if(path: StorePath, content: bytes, earlier: Version | None) -> None:
    """Write a small object only if what is there is `earlier`, or nothing for None.

    Raises
    ------
    ChangedError
        Something else is there.
    """
    library = library_for(path)
    failures = library.exceptions
    mode: Any = "create"
    if earlier is not None:
        facts = {"e_tag": earlier.e_tag, "version": earlier.number}
        mode = {name: value for name, value in facts.items() if value is not None}
    with _failing(path, "writing", OutputError):
        try:
            library.put(bucket_of(path), path.key, content, mode=mode, use_multipart=False)
        except (failures.AlreadyExistsError, failures.PreconditionError) as error:
            raise ChangedError(str(path)) from error
        except (NotImplementedError, failures.NotSupportedError):  # the store knows no conditions
            library.put(bucket_of(path), path.key, content, use_multipart=False)


def remove(path: StorePath, *, patient: bool = True) -> None:
    """Remove an object if it is there; without patience failures are not tried again."""
    library = library_for(path)
    with _failing(path, "removing", OutputError), contextlib.suppress(FileNotFoundError):
        library.delete(bucket_of(path, patient=patient), path.key)


def at_once(call: Callable[[T], R], items: list[T], n_threads: int) -> list[R]:
    """Results of a call for each of some items, in their order; requests go out side by side."""
    if len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(n_threads, len(items)), "ctabatch-store") as pool:
        return list(pool.map(call, items))


# -- failures


def _version(meta: Any) -> Version:
    modified = meta["last_modified"].timestamp()
    return Version(int(meta["size"]), meta["e_tag"], meta["version"], modified)


def _no_bucket(path: StorePath) -> str:
    return (
        f"{path}: there is no bucket {path.bucket}; make it first, or check its name and "
        "AWS_ENDPOINT_URL"
    )


@contextlib.contextmanager
def _failing(path: StorePath, what: str, kind: type[InputError | OutputError]) -> Iterator[None]:
    """Turn what the library raises into errors that say where, what and what to do."""
    failures = library_for(path).exceptions
    try:
        yield
    except (CtabatchError, ChangedError):
        raise
    except FileNotFoundError as error:
        if kind is OutputError or _NO_BUCKET in str(error):
            raise kind(_no_bucket(path)) from error
        raise FileNotFoundError(2, "there is no such object", str(path)) from error
    except (
        PermissionError,
        failures.PermissionDeniedError,
        failures.UnauthenticatedError,
    ) as error:
        raise kind(
            f"{path}: {what} was refused: check the credentials (AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or GOOGLE_APPLICATION_CREDENTIALS) and their "
            f"rights for bucket {path.bucket} ({_short(error)})"
        ) from error
    except (failures.BaseError, OSError, ValueError) as error:
        if _NO_BUCKET in str(error):
            raise kind(_no_bucket(path)) from error
        if _METADATA in str(error):
            raise kind(
                f"{path}: no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or "
                f"AWS_PROFILE; nor does this machine have a role ({_short(error)})"
            ) from error
        raise kind(
            f"{path}: {what} failed: {_short(error)}. Check the network and AWS_ENDPOINT_URL, then "
            "run again with --resume: what is finished stays"
        ) from error


def _short(error: Exception) -> str:
    """The first line of a message; the library adds pages for its developers."""
    text = str(error).partition("\n\nDebug source")[0].strip()
    line = " ".join(text.split())
    return line if len(line) <= 400 else f"{line[:400]}..."


__all__ = [
    "AT_ONCE", "SMALL_AT_ONCE", "ChangedError", "Version", "at_once", "children",
    "head", "is_any_below", "names_with", "read", "remove", "sizes_below", "write", "write_if",
]  # fmt: skip
