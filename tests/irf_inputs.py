"""Reconstructed toy showers, as datasets and as tables, for tests of responses."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import polars as pl
import pytest

from ctabatch.cli.main import run

#: Options of `ctabatch simulate` that tests share: primary -> words.
SHOWERS = {
    "gamma": ("--showers", "60000", "--viewcone", "3", "--index", "-2"),
    "point": ("--showers", "40000", "--viewcone", "0", "--source-offset", "0.5"),
    "proton": ("--showers", "250000", "--viewcone", "5"),
    "electron": ("--showers", "30000", "--viewcone", "5"),
}


def simulate(root: Path, kind: str, *runs: int, options: tuple[object, ...] = ()) -> Path:
    """A dataset of reconstructed showers; runs are added to those that it has."""
    primary = "gamma" if kind == "point" else kind
    for obs_id in runs:
        words = [
            "simulate", root, "--level", "dl2", "--primary", primary, "--obs-id", obs_id,
            "--seed", obs_id, *SHOWERS[kind], *options,
        ]  # fmt: skip
        quiet = contextlib.redirect_stdout(io.StringIO())
        with quiet, pytest.raises(SystemExit) as stop:
            run([str(word) for word in words])
        assert stop.value.code == 0
    return root


def simulate_all(folder: Path, *kinds: str) -> dict[str, Path]:
    """One dataset of each kind; each has a run of its own."""
    return {
        kind: simulate(folder / kind, kind, number)
        for number, kind in enumerate(kinds or tuple(SHOWERS), start=1)
    }


def responses(folder: Path) -> pl.DataFrame:
    """The long table of a folder of results."""
    return pl.read_parquet(folder / "irf.parquet")


def rows_of(table: pl.DataFrame, quantity: str, group: str = "") -> pl.DataFrame:
    """The bins of one quantity."""
    found = table.filter(pl.col("quantity") == quantity, pl.col("group") == group)
    assert found.height, f"{quantity} of {group!r}"
    return found
