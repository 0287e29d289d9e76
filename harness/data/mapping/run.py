"""Owns `harness data map`: a mapping applied to every row, into a new folder. The originals are only read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from evaluation.score import default_workers
from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.mapping.apply import Mapped
from harness.data.mapping.folder import write_folder
from harness.data.mapping.model import Mapping
from harness.data.mapping.words import plain_text
from harness.data.pooled import in_order
from harness.data.sources.reading import Reader, unique
from harness.data.sources.registry import open_source
from harness.data.sources.rows import Broken, Item, Row, Source
from harness.files.places import expanded
from harness.files.record_files import to_line

RECORDS, MAPPING, REPORT = "records.jsonl", "mapping.yaml", "report.json"
FORMAT = "harness-map-report/1"
_EXAMPLES = 1000
_CHUNK = 64
_ALONE = 16  # chunks: below some 1,000 rows other processes cost more than they save


@dataclass(slots=True)
class MapReport:
    """What a mapping made of a source.

    Attributes:
        source: Its name.
        source_sha256: Of the original's bytes where it is one file; else the source's own digest.
        rows: How many were read.
        records: How many are in `RECORDS`.
        with_suite: Of these, how many have an oracle suite.
        repeated: Rows left out because they are equal to an earlier one.
        broken: How many rows could not be read.
        broken_rows: The first of them: place, field, found, allowed.
        reasons: The kind of fault -> how many rows.
    """

    source: str
    source_sha256: str
    rows: int = 0
    records: int = 0
    with_suite: int = 0
    repeated: int = 0
    broken: int = 0
    broken_rows: list[Broken] = field(default_factory=list)
    reasons: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready."""
        return {"format": FORMAT, **asdict(self)}


def apply_mapping(mapping: Mapping, out: Path, say: Callable[[str], None]) -> tuple[MapReport, bool]:
    """Write a folder with `RECORDS`, `MAPPING` and `REPORT`, whole or not at all.

    Args:
        mapping: Which column holds what.
        out: The new folder.
        say: Told, now and then, how many rows are read.

    Returns:
        The report, and whether the folder was written; False where it was there with the same content.

    Raises:
        HarnessError: the source cannot be read, no row gives a record, or CONFLICT for `out`.
    """
    source = open_source(mapping.source)
    report = MapReport(mapping.source, original_sha256(source))

    def build(folder: Path) -> None:
        with (folder / RECORDS).open("w", encoding="utf-8", newline="\n") as file:
            for record in _records(source, Mapped(mapping), report, say):
                file.write(to_line(record))
        if not report.records:
            raise _nothing(mapping, report)
        (folder / MAPPING).write_text(plain_text(mapping), "utf-8")
        (folder / REPORT).write_text(json.dumps(report.to_json(), indent=1, ensure_ascii=False) + "\n", "utf-8")

    return report, write_folder(out, build)


def original_sha256(source: Source) -> str:
    """sha256, hex, of the file behind a source; where there is no one file, the source's own digest."""
    path = expanded(source.name.partition(":")[2])
    if not path.is_file():
        return source.digest()
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _records(source: Source, layout: Mapped, report: MapReport, say: Callable[[str], None]) -> Iterator[Record]:
    """The good rows; everything else is counted in `report`."""
    reader = Reader(layout, source.origin, source.licence)

    def placed() -> Iterator[tuple[str, Item]]:
        for some in in_order(_read_all, _chunks(source, reader), default_workers(), _ALONE):
            report.rows += len(some)
            say(f"{report.rows:,} rows, {report.records:,} records, {report.broken:,} broken")
            yield from some

    for item in unique(placed()):
        if isinstance(item, Record):
            report.records += 1
            report.with_suite += item.oracle_suite is not None
            yield item
        elif isinstance(item, Broken):
            _count(report, item)
        else:
            report.repeated += 1


def _chunks(source: Source, reader: Reader) -> Iterator[tuple[Reader, tuple[Row | Broken, ...]]]:
    rest = iter(source.rows())
    while some := tuple(islice(rest, _CHUNK)):
        yield reader, some


def _read_all(chunk: tuple[Reader, tuple[Row | Broken, ...]]) -> list[tuple[str, Item]]:
    """Place of each row, and what becomes of it; in a worker process."""
    reader, rows = chunk
    return [(row.place, row if isinstance(row, Broken) else reader.read(row)) for row in rows]


def _count(report: MapReport, broken: Broken) -> None:
    report.broken += 1
    kind = broken.field or "row"
    report.reasons[kind] = report.reasons.get(kind, 0) + 1
    if len(report.broken_rows) < _EXAMPLES:
        report.broken_rows.append(broken)


def _nothing(mapping: Mapping, report: MapReport) -> HarnessError:
    if not report.broken_rows:
        return HarnessError(f"{mapping.source} holds no rows", why="there is nothing to map", fix="name a source that has rows")
    first = report.broken_rows[0]
    why = f"all {report.rows} rows are broken; {first.place}: {first.found}"
    return HarnessError("the mapping gives no record", why=why, fix=f"change it; allowed: {first.allowed}")
