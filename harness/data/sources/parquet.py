"""Owns Parquet files as rows: some hundred held at a time; a damaged part costs its rows, not the file. Knows no layout."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness.core.errors import HarnessError
from harness.data.sources.containers import file_digest
from harness.data.sources.fields import printable
from harness.data.sources.rows import Broken, Row

_ROWS = 64  # held at a time: rows of CodeRM have up to half a million characters
_READ_BYTES = 1 << 20  # of a column's pages read ahead, instead of a whole row group
# What pyarrow raises for bytes that it cannot make sense of; the last two come from values that Python has no type for.
_DAMAGE = (pa.ArrowException, OSError, ValueError, TypeError, OverflowError, MemoryError, KeyError, RecursionError)
_ALLOWED = "rows that pyarrow can read"


@dataclass(frozen=True, slots=True)
class ParquetRows:
    """A Parquet file; nested columns become lists and dictionaries.

    Attributes:
        path: The file.
    """

    path: Path

    def rows(self, keep: Collection[int] | None = None) -> Iterator[Row | Broken]:
        """The rows; those of a damaged row group are one broken item, from the first that cannot be read.

        Raises:
            HarnessError: if the file is not Parquet, or was cut off: its table of contents stands at the end.
        """
        start = 0
        wanted = sorted(keep) if keep is not None else []
        with self._opened() as file:
            for group in range(file.num_row_groups):
                size = max(0, file.metadata.row_group(group).num_rows)
                if keep is None or bisect_left(wanted, start) < bisect_left(wanted, start + size):
                    yield from _group(file, group, start, self.path.name, keep)
                start += size

    def count(self) -> int:
        """How many rows the file says it has."""
        with self._opened() as file:
            return max(0, int(file.metadata.num_rows))

    def digest(self) -> str:
        """sha256 of the file as it lies there."""
        return file_digest(self.path)

    @contextmanager
    def _opened(self) -> Iterator[pq.ParquetFile]:
        try:
            file = pq.ParquetFile(self.path, buffer_size=_READ_BYTES, pre_buffer=False)
        except _DAMAGE as error:
            raise HarnessError(
                f"cannot read the data file {self.path}",
                why=_reason(error),
                fix="give a whole Parquet file; copy it anew if it was cut off",
            ) from error
        with file:
            yield file


def _group(file: pq.ParquetFile, group: int, start: int, name: str, keep: Collection[int] | None) -> Iterator[Row | Broken]:
    """The rows of a row group, of which the first has the number `start`."""
    index = start
    try:
        for batch in file.iter_batches(_ROWS, row_groups=[group], use_threads=False):
            for offset in range(batch.num_rows):
                if keep is None or index in keep:
                    yield _row(batch, offset, f"{name}, row {index + 1}")
                index += 1
    except _DAMAGE as error:
        last = start + file.metadata.row_group(group).num_rows
        rows = f"row {index + 1}" if last <= index + 1 else f"rows {index + 1} to {last}"
        yield Broken(f"{name}, {rows}", f"cannot be decoded: {_reason(error)}", _ALLOWED)


def _row(batch: pa.RecordBatch, offset: int, place: str) -> Row | Broken:
    values: dict[str, Any] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        try:
            values[name] = column[offset].as_py()
        except _DAMAGE as error:
            return Broken(place, f"`{printable(name[:60])}` cannot be decoded: {_reason(error)}", _ALLOWED, name)
    return Row(place, values)


def _reason(error: BaseException) -> str:
    """The first line of what pyarrow says, in short."""
    return printable((str(error).strip().splitlines() or [type(error).__name__])[0][:200])
