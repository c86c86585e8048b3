"""The tables of one committed part, read row group by row group."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.errors import InputError

from .dataset_folder import DatasetFolder
from .location import Location, parquet_source
from .parquet_bounds import bounded_file


@dataclass(frozen=True)
class PartTables:
    """Files of one part.

    Attributes
    ----------
    root : Path or StorePath
        Folder of the dataset.
    name : str
    record : dict
        The commit record.
    tables : dict
        Table (such as ``dl1/parameters/tel_type=T``) -> its files.
    """

    root: Location
    name: str
    record: dict[str, Any]
    tables: dict[str, list[Location]]

    @property
    def tel_types(self) -> list[str]:
        """Telescope types that have image parameters, sorted."""
        prefix = "dl1/parameters/tel_type="
        return sorted(name.removeprefix(prefix) for name in self.tables if name.startswith(prefix))

    def n_rows(self, table: str) -> int:
        """Rows of a table, from its commit record; 0 if there is no such table."""
        return sum(map(self.file_rows, self.tables.get(table, ())))

    def file_rows(self, path: Location) -> int:
        """Rows of one of the files."""
        name = path.relative_to(self.root).as_posix()  # type: ignore[arg-type]
        return int(self.record["tables"][name]["rows"])

    def schema(self, table: str) -> pa.Schema | None:
        """Schema of a table with units in the field metadata; None if there is no such table.

        Raises
        ------
        InputError
            The file is damaged or gone.
        """
        for path in self.tables.get(table, ()):
            try:
                return pq.read_schema(parquet_source(path))
            except (OSError, pa.ArrowException) as error:
                raise InputError(f"{path}: not readable: {error}") from error
        return None

    def require(self, table: str, columns: Collection[str]) -> None:
        """Refuse a table that lacks a column, such as parameters in the camera frame alone.

        Raises
        ------
        InputError
            The first column that is not there, or the file is damaged or gone.
        """
        schema = self.schema(table)
        absent = [] if schema is None else sorted(set(columns) - set(schema.names))
        if absent:
            raise InputError(
                f"{self.root}: part {self.name}: {table} has no column {absent[0]}; process its "
                "input with parameters.frame: both"
            )

    def row_groups(self, table: str, columns: Collection[str]) -> Iterator[pa.Table]:
        """Some columns of a table, one row group after the other.

        Raises
        ------
        InputError
            A file is damaged or gone.
        """
        names = sorted(columns)
        for path in self.tables.get(table, ()):
            with bounded_file(path) as file:
                for index in range(file.num_row_groups):
                    yield file.read_row_group(index, columns=names)


def part_tables(root: Location) -> list[PartTables]:
    """All committed parts of a dataset, sorted by name.

    Raises
    ------
    InputError
        There is no dataset, or it has no part.
    """
    folder = DatasetFolder(root)
    folder.check()
    parts = [tables_of(folder.root, record) for record in folder.records()]
    if not parts:
        raise InputError(f"{root}: this dataset holds no finished part")
    return parts


def tables_of(root: Location, record: dict[str, Any]) -> PartTables:
    """The part of a dataset that a commit record is about."""
    tables: dict[str, list[Location]] = {}
    for name in record["tables"]:
        tables.setdefault(name.rpartition("/")[0], []).append(root / name)
    return PartTables(root, record["part"], record, tables)


__all__ = ["PartTables", "part_tables", "tables_of"]
