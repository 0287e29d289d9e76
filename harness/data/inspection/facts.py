"""Owns what is noted about one row, in a worker process: takes and gives plain values. Pure; runs no code of the data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Protocol

from harness.core.prompt_template import Template
from harness.core.prompts import answer, messages, prefill
from harness.core.records import Record
from harness.data.sources.rows import Broken, Item, Row, Skipped
from harness.data.splitting.near_duplicates import Sketch, sketch
from harness.files.record_files import to_line


class Reader(Protocol):
    """The part of a layout that is needed here."""

    def read(self, row: Row) -> Item:
        """The row as a record, or why not."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows, and how to look at them.

    Attributes:
        rows: Rows to read with `reader`; or items, where there is no reader.
        reader: None where the source has read them already.
        template: Of the prompts.
        max_tests: Oracle tests in one training answer, at most.
        seed: Of the samples.
        bound: Records whose `sample_key` is above it are not sent back.
    """

    rows: tuple[Row | Item, ...]
    reader: Reader | None
    template: Template
    max_tests: int
    seed: int
    bound: int


@dataclass(frozen=True, slots=True)
class Seen:
    """One usable record, in short.

    Attributes:
        id: Its id.
        place: Where it stands; empty where the source does not say.
        content: Digest of the whole record.
        licence: As it says.
        sketch: Of its function.
        characters: Kind of text (``prompt``, ``suite``, ``example``) -> length; only the kinds that it has.
        key: Where it stands in the draw of samples.
        record: Itself, where it may be drawn.
    """

    id: str
    place: str
    content: bytes
    licence: str
    sketch: Sketch
    characters: dict[str, int]
    key: int
    record: Record | None


def look(chunk: Chunk) -> list[Seen | Broken | Skipped]:
    """What is noted about every row of a chunk, in order."""
    return [_look(row, chunk) for row in chunk.rows]


def _look(row: Row | Item, chunk: Chunk) -> Seen | Broken | Skipped:
    item: Item
    place = row.place if isinstance(row, Row) else ""
    if isinstance(row, Row):
        if chunk.reader is None:
            raise TypeError("rows need a reader")
        item = chunk.reader.read(row)
    else:
        item = row
    if not isinstance(item, Record):
        return item
    try:
        return _seen(item, place, chunk)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        # What a layout let through and the rest of the harness cannot take: lone surrogates, thousands of brackets.
        return Broken(
            place or item.id,
            f"{type(error).__name__}: {error!s:.120}",
            "Python that can be parsed and written as UTF-8",
            "source",
        )


def _seen(record: Record, place: str, chunk: Chunk) -> Seen:
    line = to_line(record).encode("utf-8")
    key = sample_key(record.id, chunk.seed)
    return Seen(
        id=record.id,
        place=place,
        content=hashlib.blake2b(line, digest_size=16).digest(),
        licence=record.licence,
        sketch=sketch(record.source, record.entry_point),
        characters=_characters(record, chunk),
        key=key,
        record=record if key <= chunk.bound else None,
    )


def _characters(record: Record, chunk: Chunk) -> dict[str, int]:
    """Kind of text -> characters: the prompt, the oracle suite, and prompt and answer together (a training example)."""
    found = {"prompt": len(prompt_text(record, chunk.template))}
    if record.oracle_suite is not None:
        found["suite"] = len(record.oracle_suite)
    if record.oracle_tests:
        found["example"] = found["prompt"] + len(answer(record, chunk.max_tests))
    return found


def prompt_text(record: Record, template: Template) -> str:
    """What the model reads, chat marks and the worked example apart."""
    return "\n".join(message["content"] for message in messages(template, record)) + "\n" + prefill(record)


def sample_key(record_id: str, seed: int) -> int:
    """A draw without memory: the records with the smallest keys are the sample, in whatever order they come."""
    digest = hashlib.blake2b(f"{seed}:{record_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
