"""Files of records: Parquet or JSON Lines, by the file's suffix, written and read as a stream.

The only place that knows the columns. Rows are trusted here: what comes from people is checked in `harness.data.sources`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from harness.core.records import Record

PARQUET = ".parquet"
_TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("entry_point", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("oracle_tests", _TEXTS, nullable=False),
        pa.field("oracle_suite", pa.string()),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("oracle_imports", _TEXTS, nullable=False),
    ]
)
_ROWS = 512  # of a row group: what a reader holds at a time


def write_records(path: Path, records: Iterable[Record]) -> int:
    """Write a file of records; the same records give the same bytes with the same pyarrow.

    Args:
        path: ``X.parquet``, or anything else for JSON Lines. Not atomic: write into a folder that is renamed afterwards.
        records: Consumed once; never all held at a time.

    Returns:
        How many there were.
    """
    return _write_parquet(path, records) if path.suffix == PARQUET else _write_lines(path, records)


def iter_records(path: Path) -> Iterator[Record]:
    """The records of a file, one after the other; what people may leave out has the value it has for `jsonl:FILE`.

    Raises:
        OSError: if it cannot be read.
        pyarrow.ArrowInvalid: if it is not Parquet although its name says so.
    """
    if path.suffix == PARQUET:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_ROWS):
                yield from (_record(row, path) for row in batch.to_pylist())
        return
    with path.open(encoding="utf-8-sig") as lines:
        yield from (_record(json.loads(line), path) for line in lines if line.strip())


def _record(row: Mapping[str, Any], path: Path) -> Record:
    given = {name: value for name, value in row.items() if value is not None}
    return Record.from_dict({"oracle_suite": None, "origin": path.name, "licence": "unknown", **given})


def read_records(path: Path) -> tuple[Record, ...]:
    """All records of a file, in memory; for splits, which have thousands at most."""
    return tuple(iter_records(path))


def to_line(record: Record) -> str:
    """The record as one line of JSON Lines, line end included."""
    return json.dumps(record.to_dict(), ensure_ascii=False) + "\n"


def _write_parquet(path: Path, records: Iterable[Record]) -> int:
    count, rest = 0, iter(records)
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        while chunk := [record.to_dict() for record in islice(rest, _ROWS)]:
            writer.write_table(pa.Table.from_pylist(chunk, SCHEMA))
            count += len(chunk)
    return count


def _write_lines(path: Path, records: Iterable[Record]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            file.write(to_line(record))
            count += 1
    return count
