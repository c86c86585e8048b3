"""Requests to object stores: the only code that knows `obstore`, see docs/decisions/0008.

Failures that pass (5xx, timeouts, cut connections, also in the middle of a body) are tried again by
the library, with waiting times that grow. What is left comes out as `InputError` from reading and
`OutputError` from writing.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any, TypeVar

from ctabatch.errors import CtabatchError, InputError, OptionError, OutputError

from .store_settings import PATIENCE, attempts, store_settings

if TYPE_CHECKING:
    from .store_path import StorePath

#: Objects larger than this are sent in pieces of this size, which exist when all have arrived.
PIECE = 16 << 20
#: Pieces of one object, and small objects, that are under way at once.
AT_ONCE, SMALL_AT_ONCE = 4, 16
T = TypeVar("T")
R = TypeVar("R")

_NO_BUCKET = "NoSuchBucket"
_ENVIRONMENT = ("AWS_", "GOOGLE_", "HOME")


@dataclass(frozen=True)
class Version:
    """One version of an object.

    Attributes
    ----------
    size : int
    e_tag, number : str or None
        What the store calls the version; S3 knows the first, Google the second.
    """

    size: int
    e_tag: str | None = None
    number: str | None = None


class ChangedError(Exception):
    """An object is not, or no more, the version that it should be."""


def bucket_of(path: StorePath, *, patient: bool = True) -> Any:
    """The client of a bucket, with the settings that hold now."""
    env = tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith(_ENVIRONMENT)))
    return _client(path.scheme, path.bucket, attempts() if patient else 1, env)


def _library(path: StorePath) -> Any:
    try:
        import obstore
    except ImportError as error:
        raise OptionError(
            f"{path}: object stores need the package obstore; install it with "
            "pip install 'ctabatch[s3]'"
        ) from error
    return obstore


@functools.lru_cache(maxsize=16)
def _client(scheme: str, bucket: str, n_attempts: int, _env: tuple[tuple[str, str], ...]) -> Any:
    from obstore.store import GCSStore, S3Store

    kind = {"s3": S3Store, "gs": GCSStore}[scheme]
    settings = store_settings(scheme)
    client = {
        key: settings.pop(key)
        for key in ("timeout", "connect_timeout", "allow_http")
        if key in settings
    }
    return kind(
        bucket,
        config=settings,
        client_options=client,
        retry_config={
            "max_retries": n_attempts - 1,
            "retry_timeout": timedelta(seconds=PATIENCE),
            "backoff": {
                "init_backoff": timedelta(milliseconds=200),
                "max_backoff": timedelta(seconds=15),
                "base": 2,
            },
        },
    )


# -- reading


def head(path: StorePath) -> Version | None:
    """The present version of an object; None if there is no object."""
    obstore = _library(path)
    with _failing(path, "looking it up", InputError):
        try:
            return _version(obstore.head(bucket_of(path), path.key))
        except FileNotFoundError as error:
            _refuse_missing_bucket(path, error)
            return None
    raise AssertionError("unreachable")


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
    obstore = _library(path)
    options: dict[str, Any] = {}
    if begin is not None and end is not None:
        options["range"] = (begin, end)
    if version is not None and version.e_tag is not None:
        options["if_match"] = version.e_tag
    with _failing(path, "reading", InputError):
        try:
            got = obstore.get(bucket_of(path), path.key, options=options)
            return got.bytes().to_bytes(), _version(got.meta)
        except obstore.exceptions.PreconditionError as error:
            raise InputError(
                f"{path}: the object was replaced while it was read; run again"
            ) from error
    raise AssertionError("unreachable")


def children(path: StorePath) -> tuple[list[str], list[str]]:
    """Names of the folders and of the objects right below a place, sorted."""
    obstore = _library(path)
    with _failing(path, "listing", InputError):
        try:
            prefix = f"{path.key}/" if path.key else None
            found = obstore.list_with_delimiter(bucket_of(path), prefix)
        except FileNotFoundError as error:
            _refuse_missing_bucket(path, error)
            return [], []
        folders = sorted(name.rpartition("/")[2] for name in found["common_prefixes"])
        objects = [meta["path"].rpartition("/")[2] for meta in found["objects"]]
        return folders, sorted(name for name in objects if name)
    raise AssertionError("unreachable")


def names(path: StorePath) -> Iterator[str]:
    """Keys of all objects below a place, in the order of the store."""
    obstore = _library(path)
    with _failing(path, "listing", InputError):
        try:
            prefix = f"{path.key}/" if path.key else None
            for chunk in obstore.list(bucket_of(path), prefix):
                for meta in chunk:
                    yield meta["path"]
        except FileNotFoundError as error:
            _refuse_missing_bucket(path, error)


# -- writing


def write(path: StorePath, content: bytes | IO[bytes]) -> None:
    """Write an object as a whole: it appears, or replaces an earlier one, when all has arrived.

    A large one that fails leaves no pieces behind, unless the process dies.
    """
    obstore = _library(path)
    with _failing(path, "writing", OutputError):
        obstore.put(bucket_of(path), path.key, content, chunk_size=PIECE, max_concurrency=AT_ONCE)


def write_if(path: StorePath, content: bytes, earlier: Version | None) -> None:
    """Write a small object only if what is there is `earlier`, or nothing for None.

    Raises
    ------
    ChangedError
        Something else is there.
    """
    obstore = _library(path)
    failures = obstore.exceptions
    mode: Any = "create"
    if earlier is not None:
        facts = {"e_tag": earlier.e_tag, "version": earlier.number}
        mode = {name: value for name, value in facts.items() if value is not None}
    with _failing(path, "writing", OutputError):
        try:
            obstore.put(bucket_of(path), path.key, content, mode=mode, use_multipart=False)
        except (failures.AlreadyExistsError, failures.PreconditionError) as error:
            raise ChangedError(str(path)) from error
        except (NotImplementedError, failures.NotSupportedError):  # the store knows no conditions
            obstore.put(bucket_of(path), path.key, content, use_multipart=False)


def remove(path: StorePath, *, patient: bool = True) -> None:
    """Remove an object if it is there; without patience failures are not tried again."""
    obstore = _library(path)
    with _failing(path, "removing", OutputError), contextlib.suppress(FileNotFoundError):
        obstore.delete(bucket_of(path, patient=patient), path.key)


def at_once(call: Callable[[T], R], items: list[T], n_threads: int) -> list[R]:
    """Results of a call for each of some items, in their order; requests go out side by side."""
    if len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(min(n_threads, len(items)), "ctabatch-store") as pool:
        return list(pool.map(call, items))


# -- failures


def _version(meta: Any) -> Version:
    return Version(int(meta["size"]), meta["e_tag"], meta["version"])


def _no_bucket(path: StorePath) -> str:
    return (
        f"{path}: there is no bucket {path.bucket}; make it first, or check its name and "
        "AWS_ENDPOINT_URL"
    )


def _refuse_missing_bucket(path: StorePath, error: Exception) -> None:
    if _NO_BUCKET in str(error):
        raise InputError(_no_bucket(path)) from error


@contextlib.contextmanager
def _failing(path: StorePath, what: str, kind: type[InputError | OutputError]) -> Iterator[None]:
    """Turn what the library raises into errors that say where, what and what to do."""
    failures = _library(path).exceptions
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
    "AT_ONCE", "SMALL_AT_ONCE", "ChangedError", "Version", "at_once", "bucket_of", "children",
    "head", "names", "read", "remove", "write", "write_if",
]  # fmt: skip
