"""``ctabatch schema``: the columns of every table."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from ctabatch.errors import OptionError


def command(
    table: Annotated[str | None, typer.Argument(help="Show only this table.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show the columns of every table with type, unit, description and source.

    The same facts stand in the Arrow metadata of every file. Tensor columns are shown for a camera
    of 1855 pixels; PREFIX stands for the name of a prediction; dl1/parameters:both has the columns
    in the camera frame too (parameters.frame).

    Examples:
      ctabatch schema
      ctabatch schema dl1/parameters
      ctabatch schema --json
    """
    from ctabatch.schemas.catalog import catalog
    from ctabatch.schemas.column import DESCRIPTION, SOURCE, UNIT, VERSION

    known = catalog()
    if table is not None and table not in known:
        raise OptionError.unknown_name("table", table, known)
    shown = known if table is None else {table: known[table]}
    described = {
        name: {
            "schema_version": int(schema.metadata[VERSION]),
            "columns": [
                {
                    "name": field.name,
                    "type": _type_name(field.type),
                    "nullable": field.nullable,
                    **{
                        key.decode(): (field.metadata or {}).get(key, b"").decode()
                        for key in (UNIT, DESCRIPTION, SOURCE)
                    },
                }
                for field in schema
            ],
        }
        for name, schema in shown.items()
    }
    if as_json:
        typer.echo(json.dumps(described, indent=1))
    else:
        _print(described)


def _type_name(dtype: Any) -> str:
    import pyarrow as pa

    if isinstance(dtype, pa.FixedShapeTensorType):
        return f"{dtype.value_type}[{', '.join(map(str, dtype.shape))}]"
    return str(dtype)


def _print(described: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for name, table in described.items():
        shown = Table(
            title=f"{name}  (schema version {table['schema_version']})",
            title_justify="left",
            title_style="bold",
            box=None,
            pad_edge=False,
        )
        shown.add_column("column", style="cyan", overflow="fold")
        shown.add_column("type", overflow="fold")
        shown.add_column("unit", overflow="fold")
        shown.add_column("description", overflow="fold")
        for column in table["columns"]:
            source = f" [dim]({column['source']})[/dim]" if column["source"] else ""
            null = " or null" if column["nullable"] else ""
            shown.add_row(
                column["name"], column["type"] + null, column["unit"],
                column["description"] + source,
            )  # fmt: skip
        console.print(shown)
        console.print()
