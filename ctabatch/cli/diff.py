"""``ctabatch diff``: two datasets beside each other."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ctabatch.upkeep.diff import Diff, TableDiff

DIFFERENT = 1
#: Characters of an option's values that are shown; --json has all.
LONGEST = 200


def command(
    one: Annotated[Path, typer.Argument(metavar="A", help="A dataset: folder or URI.")],
    two: Annotated[Path, typer.Argument(metavar="B", help="Another.")],
    rtol: Annotated[float, typer.Option(min=0, help="Relative tolerance.")] = 0.0,
    atol: Annotated[float, typer.Option(min=0, help="Absolute tolerance, in each column's unit.")]
    = 0.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:  # fmt: skip
    """Compare two datasets: tables, columns, units, rows by their keys, and every value.

    Numbers are equal if |a - b| <= atol + rtol max(|a|, |b|); NaN equals NaN. The order of rows,
    the number of parts and other options of processing do not matter; options that differ are
    told.

    Exit code 0 if the datasets are equal, 1 if they differ, 2 if one cannot be used.

    Examples:
      ctabatch diff dl1 dl1-again
      ctabatch diff dl1 dl1-compact --json
      ctabatch diff dl1-old s3://bucket/dl1-new --rtol 1e-6
    """
    from ctabatch.cli.progress import bar
    from ctabatch.io.location import location
    from ctabatch.upkeep.deviations import Tolerance
    from ctabatch.upkeep.diff import diff
    from ctabatch.upkeep.diff_inputs import configurations, different_options, tables

    a, b = location(one), location(two)
    options = different_options(configurations(a), configurations(b))
    with bar("diff", quiet=as_json) as tell:
        found = diff(tables(a), tables(b), Tolerance(atol, rtol), progress=tell)
    if as_json:
        typer.echo(json.dumps(_finite({
            "a": str(one), "b": str(two), "equal": found.is_equal,
            "only_in_a": found.only[0], "only_in_b": found.only[1],
            "tables": {name: _facts(table) for name, table in found.tables.items()},
            "options": options,
        }), indent=1, default=str, allow_nan=False))  # fmt: skip
    else:
        _print(found, options)
    raise typer.Exit(0 if found.is_equal else DIFFERENT)


def _facts(table: TableDiff) -> dict[str, Any]:
    return {"equal": table.is_equal, **asdict(table)}


def _finite(value: Any) -> Any:
    """Infinities as text, which JSON lacks."""
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return str(value)
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else value


def _print(found: Diff, options: dict[str, list[list[str]]]) -> None:
    for side, names in zip("AB", found.only, strict=True):
        for name in names:
            typer.echo(f"table {name} is only in {side}")
    for name, table in found.tables.items():
        if table.is_equal:
            typer.echo(f"{name}: equal, {table.rows[0]:,} rows{_nan(table)}{_worst(table)}")
        else:
            _print_table(name, table)
    for name, sides in options.items():
        a, b = (_cut(" / ".join(side) or "nothing") for side in sides)
        typer.echo(f"option {name}: {a} in A, {b} in B")
    typer.echo("equal" if found.is_equal else "different")


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _nan(table: TableDiff) -> str:
    n = sum(one.nan_in_both for one in table.values.values())
    return f", {n:,} NaN in both" if n else ""


def _worst(table: TableDiff) -> str:
    """What is within the tolerance, if anything deviates."""
    by_size = {one.worst_absolute: name for name, one in table.values.items()}
    worst = max(by_size, default=0.0)
    return f", within tolerance up to {worst:.3g} ({by_size[worst]})" if worst else ""


def _print_table(name: str, table: TableDiff) -> None:
    typer.echo(f"{name}: {table.rows[0]:,} rows in A, {table.rows[1]:,} in B")
    for side, n, examples in zip("AB", table.only, table.examples, strict=True):
        if n:
            shown = "; ".join(_key(example) for example in examples)
            typer.echo(f"  {n:,} rows are only in {side}: {shown}{'; ...' if n > 3 else ''}")
    for text in table.columns:
        typer.echo(f"  {text}")
    for column, one in table.values.items():
        if not one.different:
            continue
        parts = [f"{one.different:,} of {one.values:,} values differ"]
        if one.worst_absolute:
            parts.append(f"by up to {one.worst_absolute:.6g}, relative {one.worst_relative:.3g}")
        for n, what in (
            (one.nan_in_one, "NaN in one only"),
            (one.null_in_one, "null in one only"),
            (one.length_differs, "lists of other length"),
        ):
            if n:
                parts.append(f"{n:,} {what}")
        typer.echo(f"  {column}: {', '.join(parts)}; {_key(one.where)}")


def _key(key: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in key.items())
