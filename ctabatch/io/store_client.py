"""Clients of buckets: where `obstore` is loaded and given its settings."""

from __future__ import annotations

import functools
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ctabatch.errors import OptionError

from .store_settings import PATIENCE, attempts, store_settings

if TYPE_CHECKING:
    from .store_path import StorePath

#: Seconds before a request is made again: the first time, and at most.
FIRST_PAUSE, LAST_PAUSE = 0.2, 15.0
#: What of the environment makes another client.
_ENVIRONMENT = ("AWS_", "GOOGLE_", "HOME")


def bucket_of(path: StorePath, *, patient: bool = True) -> Any:
    """The client of a bucket, with the settings that hold now."""
    env = tuple(sorted((k, v) for k, v in os.environ.items() if k.startswith(_ENVIRONMENT)))
    return _client(path.scheme, path.bucket, attempts() if patient else 1, env)


def library_for(path: StorePath) -> Any:
    """The library.

    Raises
    ------
    OptionError
        It is not installed.
    """
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
                "init_backoff": timedelta(seconds=FIRST_PAUSE),
                "max_backoff": timedelta(seconds=LAST_PAUSE),
                "base": 2,
            },
        },
    )


__all__ = ["FIRST_PAUSE", "LAST_PAUSE", "bucket_of", "library_for"]
