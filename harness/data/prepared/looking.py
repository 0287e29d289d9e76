"""Owns what a preparation takes down of every row, in a pool of processes: the record, its sketch, its oracle's text marks."""

from __future__ import annotations

import ast
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Protocol

from harness.core.records import Record
from harness.data.pooled import in_order
from harness.data.sources.rows import Broken, Item, Row, Source
from harness.data.splitting.near_duplicates import Sketch, sketch
from harness.data.suites.syntax import parse

_CHUNK = 64
_ALONE = 16  # chunks: below some 1,000 rows other processes cost more than they save
_MARKS = 256  # asserts of a suite that are compared
_SHORT = 32  # characters: `assert FOCAL(4) == False` says nothing about where it comes from


class Reader(Protocol):
    """Reads a row; `harness.data.sources.reading.Reader`."""

    def read(self, row: Row) -> Item:
        """The row as a record, or why not."""


@dataclass(frozen=True, slots=True)
class Looked:
    """What was taken down of one row.

    Attributes:
        place: Of the row; empty where the source has none.
        item: What it became.
        sketch: Of the focal function; None unless `item` is a record.
        suite: Equal for equal oracle suites, whatever the function is called in them; empty without one.
        marks: Hashes of the oracle's asserts; see `assert_marks`.
    """

    place: str
    item: Item
    sketch: Sketch | None = None
    suite: bytes = b""
    marks: frozenset[int] = frozenset()


def looked_at(source: Source, workers: int) -> Iterator[Looked]:
    """Every row of a source, in order; a few chunks are held at a time.

    Args:
        source: An opened source.
        workers: Processes.

    Raises:
        HarnessError: as the source's own `rows` and `items`.
    """
    reader: Reader | None = getattr(source, "reader", None)
    rows: Iterable[Row | Item] = source.items() if reader is None else source.rows()
    for some in in_order(_look_at_all, _chunks(rows, reader), workers, _ALONE):
        yield from some


def _chunks(rows: Iterable[Row | Item], reader: Reader | None) -> Iterator[tuple[Sequence[Row | Item], Reader | None]]:
    rest = iter(rows)
    while some := tuple(islice(rest, _CHUNK)):
        yield some, reader


def _look_at_all(chunk: tuple[Sequence[Row | Item], Reader | None]) -> list[Looked]:
    rows, reader = chunk
    return [look_at(row, reader) for row in rows]


def look_at(row: Row | Item, reader: Reader | None = None) -> Looked:
    """Take down one row."""
    place = row.place if isinstance(row, Row | Broken) else ""
    if isinstance(row, Row):
        if reader is None:
            raise TypeError("a row without a reader")
        item = reader.read(row)
    else:
        item = row
    if not isinstance(item, Record):
        return Looked(place, item)
    try:
        repr(item).encode()
        made = sketch(item.source, item.entry_point)
    except UnicodeEncodeError:
        return Looked(place, Broken(place or item.id, "half of a surrogate pair in a text", "text that UTF-8 can hold"))
    except SyntaxError as error:
        return Looked(place, Broken(place or item.id, f"`source` {error.msg}", "an ordinary Python module", "source"))
    return Looked(place, item, made, suite_key(item), assert_marks(item))


def assert_marks(record: Record) -> frozenset[int]:
    """Hashes of what the assert statements of a record's oracle check, whatever the function is called in them.

    Layout, messages and quotes do not count. HumanEval's own ``def check(candidate)`` calls the function ``candidate``.
    """
    text = _without_name("\n\n".join([record.oracle_suite or "", *record.oracle_tests]), record)
    text = re.sub(r"\bcandidate\b", "FOCAL", text) if "def check(candidate" in text else text
    found = dict.fromkeys(line for line in _checks(text) if len(line) >= _SHORT)
    return frozenset(zlib.crc32(line.encode()) for line in islice(found, _MARKS))


def _checks(text: str) -> Iterator[str]:
    try:
        yield from (f"assert {ast.unparse(node.test)}" for node in ast.walk(parse(text)) if isinstance(node, ast.Assert))
    except (SyntaxError, ValueError, RecursionError):
        lines = (" ".join(line.split()) for line in text.splitlines())
        yield from (line for line in lines if line.startswith("assert "))


def suite_key(record: Record) -> bytes:
    """Equal for equal oracle suites, whatever the function is called in them; empty without one."""
    if record.oracle_suite is None:
        return b""
    return blake2b(_without_name(record.oracle_suite, record).encode(), digest_size=12).digest()


def _without_name(text: str, record: Record) -> str:
    return re.sub(rf"\b{re.escape(record.entry_point.split('.')[-1])}\b", "FOCAL", text)
