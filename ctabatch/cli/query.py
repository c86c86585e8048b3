"""``ctabatch query``: SQL on a dataset."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ctabatch.errors import OptionError

if TYPE_CHECKING:
    import pyarrow as pa

    from ctabatch.upkeep.query import Session, View


def command(
    dataset: Annotated[Path, typer.Argument(help="Folder or URI written by ctabatch process.")],
    sql: Annotated[str | None, typer.Argument(help="One SELECT, or - to read it.")] = None,
    form: Annotated[
        str | None,
        typer.Option("--format", help="table, csv, parquet or json.  \\[by name of FILE, table]"),
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE",
                                                help="File to write.")] = None,
    rows: Annotated[int, typer.Option(min=1, help="Rows that a table shows.")] = 40,
    tables: Annotated[bool, typer.Option("--tables", help="List tables and columns.")] = False,
    memory: Annotated[
        int, typer.Option(metavar="MIB", min=64, help="What the query may use before it writes to "
                          "temporary files.")
    ] = 2048,
) -> None:  # fmt: skip
    """Ask a dataset in SQL (duckdb); the dataset is only read, and nothing else can be.

    Tables are trigger, shower, parameters, images, geometry and so on; those by telescope type
    have a column tel_type. NaN is larger than any number: use isfinite(x).

    Examples:
      ctabatch query dl1 --tables
      ctabatch query dl1 "SELECT tel_type, count(*) FROM parameters GROUP BY ALL"
      ctabatch query dl1 "FROM shower JOIN geometry USING (obs_id, event_id)" -o showers.parquet
      ctabatch query dl1 "SELECT max(true_energy) FROM shower" --format json
    """
    from ctabatch.upkeep.query import connected, views
    from ctabatch.upkeep.query_output import FORMATS, format_of

    if form is None:
        form = "table" if output is None else format_of(output)
    if form not in FORMATS:
        raise OptionError.unknown_name("format", form, FORMATS)
    if form == "table" and output is not None:
        raise OptionError("a table is for the terminal: write csv, parquet or json to a file")
    if form == "parquet" and output is None:
        raise OptionError("parquet is for files: name one with -o FILE.parquet")
    if (sql is None) != tables:
        raise OptionError('give a query, such as "SELECT count(*) FROM trigger", or else --tables')
    known = views(dataset)
    with connected(known, memory) as session:
        if tables:
            _list_tables(session, known)
            return
        text = sys.stdin.read() if sql == "-" else str(sql)
        _write(session, session.result(text), form, output, rows)


def _write(
    session: Session, reader: pa.RecordBatchReader, form: str, output: Path | None, rows: int
) -> None:
    from ctabatch.io.parquet import writing
    from ctabatch.io.whole_file import whole_file
    from ctabatch.upkeep.query_output import write_rows

    try:
        if form == "table":
            _print(reader, rows)
        elif output is None:
            write_rows(reader, sys.stdout.buffer, form)
            sys.stdout.buffer.flush()
        else:
            with writing(output), whole_file(output) as wip, wip.open("wb") as file:
                n = write_rows(reader, file, form)
            typer.echo(f"{output}: {n:,} rows", err=True)
    except BrokenPipeError:  # whoever reads the output has seen enough
        raise typer.Exit from None
    except session.errors as error:
        raise session.told(error) from error


def _print(reader: pa.RecordBatchReader, limit: int) -> None:
    """The first rows as a table that fits the terminal."""
    from ctabatch.upkeep.query_output import values

    shown: list[list[str]] = []
    more = False
    for batch in reader:
        room = limit - len(shown)
        more = batch.num_rows > room
        part = batch.slice(0, room)
        columns = [[_cell(value) for value in values(column)] for column in part.columns]
        shown += [list(row) for row in zip(*columns, strict=True)]
        if more or (len(shown) == limit and _has_rows(reader)):
            more = True
            break
    names = list(reader.schema.names)
    width = shutil.get_terminal_size().columns
    widths = [max([len(name), *(len(row[k]) for row in shown)]) for k, name in enumerate(names)]
    most = max(12, width // max(min(len(names), 6), 1))
    widths = [min(own, most) for own in widths]
    fit = len(names)
    while fit > 1 and sum(widths[:fit]) + 2 * (fit - 1) > width:
        fit -= 1
    numbers = [_is_number(reader.schema.field(k).type) for k in range(fit)]
    for row in [names, *shown]:
        cells = (_fit(row[k], widths[k], right=numbers[k]) for k in range(fit))
        typer.echo("  ".join(cells).rstrip())
    if fit < len(names):
        typer.echo(f"({len(names) - fit} columns more: {', '.join(names[fit:])[:200]})", err=True)
    if more:
        typer.echo(f"(more than {limit} rows: --rows N shows more, -o FILE has all)", err=True)


def _has_rows(reader: pa.RecordBatchReader) -> bool:
    return any(batch.num_rows for batch in reader)


def _is_number(dtype: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(dtype) or pa.types.is_floating(dtype))


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        text = ", ".join(_cell(one) for one in value[:8])
        return f"[{text}{', ...' if len(value) > 8 else ''}]"
    return "" if value is None else str(value).replace("\n", " ")


def _fit(text: str, width: int, *, right: bool) -> str:
    cut = text if len(text) <= width else text[: width - 1] + "\u2026"
    return cut.rjust(width) if right else cut.ljust(width)


def _list_tables(session: Session, known: dict[str, View]) -> None:
    rows = session.connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal "
        "ORDER BY table_name, column_index"
    ).fetchall()
    for name, view in known.items():
        n = sum(len(files) for files in view.files.values())
        broken = f"  not readable: {session.broken[name]}" if name in session.broken else ""
        typer.echo(f"{name}  ({n:,} files){broken}")
        for table, column, dtype in rows:
            if table == name:
                typer.echo(f"    {column} {dtype}")
