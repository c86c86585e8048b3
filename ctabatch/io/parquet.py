"""Parquet files of a part: encodings, row groups, work-in-progress names and atomic renames."""

from __future__ import annotations

import contextlib
import errno
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ctabatch.errors import OutputError

from .durable import flush
from .location import Location, StorePath, refuse_store
from .parquet_encodings import compression, dictionary_columns, float_encodings, holds_frames
from .whole_file import whole_file
from .writer_identity import writer_token

if TYPE_CHECKING:
    from .upload import Upload

#: Rows are collected until they take this much memory, then written as one row group: large enough
#: to compress well, small enough that a reader of one event reads little.
ROW_GROUP_BYTES = 8 << 20
#: Values encoded at once: the default of 1024 costs a fifth of the time of a tensor column.
WRITE_BATCH = 1 << 16
#: Row groups that wait for the writer's thread or are being written.
MAX_UNDER_WAY = 3


class PartFiles:
    """Writes the tables of one part under work-in-progress names until `publish`.

    Parameters
    ----------
    root : Path or StorePath
        Folder of the dataset. Files for an object store are made on this machine and sent by
        `publish`; each has a name that no other writer uses, ``TABLE/PART@TOKEN.parquet``.
    part : str
        Name of the part: every file is called ``TABLE/PART.parquet``. It may be set as late as
        before `publish`.
    own_thread : bool
        Compress and write in a thread of its own.

    Raises
    ------
    OutputError
        The disk is full, or the folder may not be written (from any method).
    """

    def __init__(self, root: Location, part: str = "", *, own_thread: bool = True) -> None:
        self.root, self.part = root, part
        #: Table -> key-value metadata of its files, asked for when they are closed.
        self.about: Callable[[str], Mapping[str, str]] | None = None
        self._token = writer_token()
        self._upload: Upload | None = None
        self._open: dict[str, list[_Table]] = {}
        self._unfinished: list[Path] = []
        self._visible: list[Path] = []
        self._own_thread = own_thread
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ctabatch-writer")
        self._under_way: deque[Future[None]] = deque()

    def write(self, table: str, batch: pa.RecordBatch) -> None:
        """Append rows to a table; a second schema of the same table gets a file of its own."""
        with writing(self.root):
            rows = self._table(table, batch.schema).append(batch)
            if rows is not None:
                self._hand_over(*rows)

    def _hand_over(self, writer: pq.ParquetWriter, rows: pa.Table) -> None:
        """Let the writer's thread compress and write a row group; errors come back here."""
        if not self._own_thread:
            writer.write_table(rows, row_group_size=max(len(rows), 1))
            return
        while len(self._under_way) >= MAX_UNDER_WAY or (
            self._under_way and self._under_way[0].done()
        ):
            self._under_way.popleft().result()
        self._under_way.append(
            self._thread.submit(writer.write_table, rows, row_group_size=max(len(rows), 1))
        )

    def require(self, table: str, schema: pa.Schema) -> None:
        """Make sure that a table exists, even if it stays empty."""
        with writing(self.root):
            self._table(table, schema)

    def _table(self, table: str, schema: pa.Schema) -> _Table:
        known = self._open.setdefault(table, [])
        for one in known:
            if one.schema is schema or one.schema.equals(schema, check_metadata=True):
                return one
        suffix = f"-{len(known) + 1}" if known else ""
        folder = self.root / table
        name = f".{self._token}{suffix}.wip"
        if isinstance(folder, StorePath):
            wip = self._sending().new_file(name)
        else:
            folder.mkdir(parents=True, exist_ok=True)
            wip = folder / name
        self._unfinished.append(wip)  # known before it exists: Ctrl-C may come in between
        known.append(_Table(folder, suffix, wip, schema))
        return known[-1]

    def _sending(self) -> Upload:
        """What sends the files to an object store."""
        if self._upload is None:
            from .upload import Upload

            self._upload = Upload()
        return self._upload

    def _tables(self) -> Iterator[_Table]:
        return (one for known in self._open.values() for one in known)

    def close(self) -> None:
        """Finish all files under their work-in-progress names; what can fill a disk ends here."""
        with writing(self.root):
            while self._under_way:
                self._under_way.popleft().result()
            for name, known in self._open.items():
                about = None if self.about is None else self.about(name)
                for table in known:
                    table.close(about)
        self._thread.shutdown()

    def publish(self) -> dict[str, dict[str, Any]]:
        """Close all files and give them their final names.

        Returns
        -------
        dict
            File, relative to the dataset -> its rows, bytes and checksum, see `file_crc32`.
        """
        if not self.part:
            raise ValueError("the part has no name")
        self.close()
        tables = {}
        version = f"@{self._token}" if isinstance(self.root, StorePath) else ""
        with writing(self.root):
            for table in self._tables():
                path = table.folder / f"{self.part}{table.suffix}{version}.parquet"
                if isinstance(path, StorePath):
                    n_bytes = self._sending().add(table.wip, path)
                else:
                    if path not in self._visible:  # asked for again: it has its name
                        table.wip.replace(path)
                        self._visible.append(path)
                    n_bytes = path.stat().st_size
                name = path.relative_to(self.root).as_posix()  # type: ignore[arg-type]
                tables[name] = {"rows": table.n_rows, "bytes": n_bytes, "crc32": table.crc32}
            if self._upload is not None:
                self._upload.send()
            for folder in {path.parent for path in self._visible}:
                flush(folder)
        return tables

    def keep(self) -> None:
        """Say that the part is committed: `discard` leaves its files alone."""
        self._visible = []
        if self._upload is not None:
            self._upload.keep()
            self._upload.close()

    def discard(self) -> None:
        """Remove everything that belongs to no committed part."""
        self._thread.shutdown(cancel_futures=True)
        for path in self._visible:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        self._visible = []  # from here on the names may be those of another's files
        for table in self._tables():
            table.forget()
            with contextlib.suppress(OSError, pa.ArrowException):
                table.close()
        for path in self._unfinished:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        if self._upload is not None:
            self._upload.take_back()
            self._upload.close()


class _Table:
    def __init__(self, folder: Location, suffix: str, wip: Path, schema: pa.Schema) -> None:
        self.folder, self.suffix, self.wip, self.schema = folder, suffix, wip, schema
        self.n_rows, self.crc32 = 0, ""
        self._pending: list[pa.RecordBatch] = []
        self._n_pending = 0
        self._writer: pq.ParquetWriter | None = pq.ParquetWriter(
            wip,
            schema,
            compression=compression(schema),
            compression_level=None if holds_frames(schema) else 1,
            write_page_checksum=True,  # what is read again must be what was written
            use_dictionary=dictionary_columns(schema),
            write_batch_size=WRITE_BATCH,
            column_encoding=float_encodings(schema),
            write_statistics=[name for name in ("obs_id", "event_id", "tel_id", "offset")
                              if name in schema.names],
        )  # fmt: skip

    def append(self, batch: pa.RecordBatch) -> tuple[pq.ParquetWriter, pa.Table] | None:
        """Collect rows; when they fill a row group, give it back with the writer to write it."""
        self._pending.append(batch)
        self._n_pending += batch.get_total_buffer_size()
        self.n_rows += batch.num_rows
        if self._n_pending < ROW_GROUP_BYTES:
            return None
        return self._writer, self._take()

    def _take(self) -> pa.Table:
        pending, self._pending, self._n_pending = self._pending, [], 0
        return pa.Table.from_batches(pending)

    def forget(self) -> None:
        """Drop the rows that are not written yet."""
        self._pending, self._n_pending = [], 0

    def close(self, about: Mapping[str, str] | None = None) -> None:
        """Write the rest and finish the file; no row group may be under way."""
        try:
            if self._writer is not None and self._pending:
                rows = self._take()
                self._writer.write_table(rows, row_group_size=max(len(rows), 1))
            if self._writer is not None and about is not None:
                self._writer.add_key_value_metadata(about)
        finally:
            writer, self._writer = self._writer, None
            if writer is not None:
                writer.close()
        if writer is not None:
            self.crc32 = file_crc32(self.wip)
            if isinstance(self.folder, Path):
                flush(self.wip)


def file_crc32(path: Location) -> str:
    """CRC-32 (of zlib and gzip) of a file as 8 hexadecimal digits: tells damage, not forgery."""
    from isal import isal_zlib

    crc = 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(1 << 17):
            crc = isal_zlib.crc32(piece, crc)
    return f"{crc:08x}"


def write_once(path: Location, table: pa.Table) -> None:
    """Write a small table under a name that stands for its content; done if it is there."""
    with writing(path.parent):
        if path.exists():
            return
        if isinstance(path, StorePath):
            sink = pa.BufferOutputStream()
            pq.write_table(table, sink, compression="zstd", write_page_checksum=True)
            path.write_bytes(sink.getvalue().to_pybytes())
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as wip:
            pq.write_table(table, wip, compression="zstd", write_page_checksum=True)
            flush(wip)
        flush(path.parent)


def write_table(path: Path, table: pa.Table, about: Mapping[str, str] | None = None) -> None:
    """Write a small table as it is, with key-value metadata besides that of its schema."""
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        writer.write_table(table)
        if about is not None:
            writer.add_key_value_metadata(about)


def write_text(path: Location, text: str) -> None:
    """Replace a text file atomically."""
    with writing(path.parent):
        if isinstance(path, StorePath):
            path.write_bytes(text.encode())
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as wip, wip.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())


@contextlib.contextmanager
def writing(root: Location) -> Iterator[None]:
    """Turn failures of the file system into an `OutputError` that says what to do."""
    refuse_store(root)
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        what = {
            errno.ENOSPC: "the disk is full: free some space and run again with --resume",
            errno.EDQUOT: "the disk quota is used up: free some space and run again with --resume",
            errno.EACCES: "no permission to write there",
            errno.EROFS: "the file system is read-only",
            errno.ENOTDIR: "a part of this path is a file, not a folder",
        }.get(error.errno or 0, str(error))
        if isinstance(root, StorePath):  # its files are made on this machine, see `scratch`
            import tempfile

            raise OutputError(f"{tempfile.gettempdir()}: {what}") from error
        raise OutputError(f"{root}: {what}") from error
