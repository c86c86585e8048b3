"""SQL on a dataset: its tables as views of duckdb, which can read them and nothing else."""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ctabatch.errors import CtabatchError, InputError, OptionError
from ctabatch.io.dataset_folder import SUBARRAY_TABLES, DatasetFolder
from ctabatch.io.location import Location, StorePath

from .table_kinds import table_name

if TYPE_CHECKING:
    import duckdb
    import polars as pl

#: MiB that duckdb may use before it writes to disk.
MEMORY = 2048
#: Rows of a batch of the result.
BATCH = 1 << 16


class View:
    """A table as the query sees it.

    Attributes
    ----------
    name : str
    files : dict
        Telescope type (empty for tables of all) -> files.
    variants : set of str
        Configurations that wrote them: with one, all files have the same columns.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.files: dict[str, list[Location]] = {}
        self.variants: set[str] = set()

    @property
    def is_stored(self) -> bool:
        """Whether its files are in an object store, which duckdb cannot ask without extensions."""
        return any(isinstance(f, StorePath) for files in self.files.values() for f in files)

    def frame(self) -> pl.LazyFrame:
        """Its rows through polars, which asks object stores by itself."""
        import polars as pl

        from ctabatch.scan import scan_files

        frames = [
            scan_files(files).with_columns(tel_type=pl.lit(tel_type))
            if tel_type
            else scan_files(files)
            for tel_type, files in sorted(self.files.items())
        ]
        return pl.concat(frames, how="diagonal_relaxed")

    @property
    def sql(self) -> str:
        """The query that gives its rows."""
        options = "hive_partitioning=false"
        if len(self.variants) > 1:
            options += ", union_by_name=true"
        selects = []
        for tel_type, files in sorted(self.files.items()):
            extra = f", {_text(tel_type)} AS tel_type" if tel_type else ""
            names = ", ".join(_text(str(file)) for file in files)
            selects.append(f"SELECT *{extra} FROM read_parquet([{names}], {options})")  # noqa: S608 - quoted by _text
        return " UNION ALL BY NAME ".join(selects)


def views(root: str | Location) -> dict[str, View]:
    """The tables of a dataset: name -> view, of committed files alone.

    Names are those of the tables without the level (``parameters``); predictions are called
    ``predictions_PREFIX`` and ``telescope_predictions_PREFIX``, and without the prefix if there is
    one.

    Raises
    ------
    InputError
        There is no dataset, or it has no finished part.
    """
    folder = DatasetFolder(root)
    folder.check()
    for _ in range(20):
        names = folder.recorded()
        found = _views_now(folder)
        if folder.recorded() == names:  # else parts were merged while they were listed
            break
    if not found:
        raise InputError(f"{root}: this dataset holds no finished part")
    for table in SUBARRAY_TABLES:
        files: list[Location] = [*(folder.root / "subarray" / table).glob("[!.]*.parquet")]
        if files:
            found[table] = View(table)
            found[table].files[""] = sorted(files, key=str)
    for kind in ("predictions", "telescope_predictions"):
        own = [view for name, view in found.items() if name.startswith(f"{kind}_")]
        if len(own) == 1:
            found[kind] = View(kind)
            found[kind].files, found[kind].variants = own[0].files, own[0].variants
    return dict(sorted(found.items()))


def _views_now(folder: DatasetFolder) -> dict[str, View]:
    found: dict[str, View] = {}
    prefixes = folder.prefixes()
    for part in folder.parts():
        records = [folder.record(part), *(folder.prediction_record(p, part) for p in prefixes)]
        for record in filter(None, records):
            variant = str(record.get("models", {}).get("digest") or record.get("config_digest"))
            for file in record["tables"]:
                table = table_name(file.rpartition("/")[0])
                name = _view_name(table.kind, table.prefix)
                view = found.setdefault(name, View(name))
                view.files.setdefault(table.tel_type, []).append(folder.root / file)
                view.variants.add(variant)
    return found


def _view_name(kind: str, prefix: str) -> str:
    if prefix:
        return f"{'telescope_' if kind == 'dl2/telescope' else ''}predictions_{prefix}"
    return kind.rpartition("/")[2]


class Session:
    """A connection of duckdb with the views of a dataset.

    Attributes
    ----------
    connection : duckdb.DuckDBPyConnection
    broken : dict
        View that could not be made -> why.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.broken: dict[str, str] = {}
        self._sql = ""

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What reading a result may raise: errors of duckdb, some come through a batch."""
        import duckdb

        return duckdb.Error, pa.ArrowException

    def create(self, view: View) -> None:
        """Make a view; one whose first file is damaged is missed only by who asks for it."""
        import duckdb

        try:
            if view.is_stored:
                self.connection.register(view.name, view.frame())
                return
            self.connection.execute(f'CREATE VIEW "{view.name}" AS {view.sql}')
        except duckdb.Error as error:
            self.broken[view.name] = str(error)

    def lock(self, files: list[Location]) -> None:
        """From now on these files can be read, and nothing else is possible."""
        local = {file for file in files if isinstance(file, Path)}
        paths = ", ".join(_text(str(file)) for file in sorted(local))
        self.connection.execute(f"SET allowed_paths = [{paths}]")
        self.connection.execute("SET enable_external_access = false")
        self.connection.execute("SET lock_configuration = true")

    def result(self, sql: str) -> pa.RecordBatchReader:
        """Rows of a query, batch by batch as they are computed.

        Raises
        ------
        OptionError
            The query is no single SELECT, or wrong: with the place, and names that are near.
        InputError
            A file is damaged.
        """
        import duckdb

        self._sql = sql
        allowed = (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN)
        try:
            statements = self.connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type not in allowed:
                kinds = ", ".join(str(one.type).rpartition(".")[2] for one in statements)
                raise OptionError(
                    f"one SELECT is wanted, this is: {kinds or 'nothing'}; a dataset is only read"
                )
            return self.connection.sql(sql).to_arrow_reader(BATCH)
        except duckdb.Error as error:
            raise self.told(error) from error

    def told(self, error: Exception) -> CtabatchError:
        """An error of duckdb with the names that may have been meant."""
        import duckdb

        text = str(error).strip()
        missing = re.search(r"Table with name (\w+) does not", text)
        if missing and missing[1] in self.broken:
            return InputError(
                f"table {missing[1]} is not readable: {self.broken[missing[1]]}; ctabatch validate "
                "tells what is damaged"
            )
        try:
            hints = list(_near(self.connection, text))
        except duckdb.Error:  # the connection is of no use any more
            hints = []
        place = [] if "\nLINE " in text else _place(self._sql, text)
        return OptionError("\n".join([f"this query cannot be run: {text}", *place, *hints]))


@contextmanager
def connected(known: dict[str, View], memory: int = MEMORY) -> Iterator[Session]:
    """A duckdb with these views that reads their files and nothing else.

    No other file can be read or written, no extension loaded, no setting changed, and no variable
    of Python seen. What does not fit into `memory` MiB goes to a temporary folder.

    Raises
    ------
    OptionError
        duckdb is not installed.
    """
    try:
        import duckdb
    except ImportError as error:
        raise OptionError(
            "queries need duckdb, which is not installed: pip install 'ctabatch[sql]'"
        ) from error
    with tempfile.TemporaryDirectory(prefix="ctabatch-query-") as spill:
        config: dict[str, Any] = {
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "allow_community_extensions": "false",
            "python_enable_replacements": "false",
            "memory_limit": f"{memory}MiB",
            "temp_directory": spill,
        }
        session = Session(duckdb.connect(":memory:", config=config))
        try:
            for view in known.values():
                session.create(view)
            session.lock([f for view in known.values() for own in view.files.values() for f in own])
            yield session
        finally:
            session.connection.close()


def _place(sql: str, text: str) -> list[str]:
    """Where the name that an error is about stands in the query; duckdb does not always tell."""
    named = re.search(r'"(\w+)"', text)
    found = named and re.search(rf"\b{re.escape(named[1])}\b", sql, re.IGNORECASE)
    if not found:
        return []
    before = sql[: found.start()]
    line, column = before.count("\n"), found.start() - (before.rfind("\n") + 1)
    head = f"LINE {line + 1}: "
    marks = " " * (len(head) + column) + "^" * len(found[0])
    return ["", head + sql.splitlines()[line], marks]


def _near(connection: duckdb.DuckDBPyConnection, text: str) -> Iterator[str]:
    for what, column in (("column", "column_name"), ("table", "table_name")):
        match = re.search(rf'{what} (?:with name )?"?([\w.]+)"? (?:not found|does not)', text, re.I)
        if not match:
            continue
        rows = connection.execute(
            f"SELECT DISTINCT {column}, table_name FROM duckdb_columns() WHERE NOT internal"  # noqa: S608 - names of our own
        ).fetchall()
        tables: dict[str, list[str]] = {}
        for name, table in rows:
            tables.setdefault(str(name), []).append(str(table))
        near = difflib.get_close_matches(match[1], sorted(tables), n=5, cutoff=0.6)
        if near:
            shown = (
                f"{name} ({', '.join(sorted(tables[name]))})" if what == "column" else name
                for name in near
            )
            yield f"{what}s of that kind: {'; '.join(shown)}"


def _text(value: str) -> str:
    """A string in SQL."""
    return "'" + value.replace("'", "''") + "'"


__all__ = ["MEMORY", "Session", "View", "connected", "views"]
