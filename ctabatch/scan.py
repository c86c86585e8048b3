"""Parquet files as lazy frames of polars, wherever they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ctabatch.io.location import Location, StorePath


def scan_files(files: Sequence[Location], **options: Any) -> pl.LazyFrame:
    """Rows of some files of one schema, in their order.

    Polars asks an object store by itself, with the same settings as everything here.

    Parameters
    ----------
    files : sequence of Path or StorePath
    **options
        Of `polars.scan_parquet`; directories are never taken for columns.
    """
    first = next((path for path in files if isinstance(path, StorePath)), None)
    if first is None:
        local = [path for path in files if isinstance(path, Path)]
        return pl.scan_parquet(local, hive_partitioning=False, **options)
    from ctabatch.io.store_settings import PATIENCE, attempts, store_settings

    settings: dict[str, Any] = {
        **store_settings(first.scheme),
        "max_retries": attempts() - 1,
        "retry_timeout_ms": 1000 * PATIENCE,
    }
    return pl.scan_parquet(
        list(map(str, files)),
        hive_partitioning=False,
        glob=False,
        storage_options=settings,
        credential_provider=None,  # the settings tell, or the environment: one rule for all
        **options,
    )


__all__ = ["scan_files"]
