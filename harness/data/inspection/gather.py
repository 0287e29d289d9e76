"""Owns the one pass over a source, in a pool of processes: counts, lengths, sketches. Holds no record but samples.

Reading a row of tests and comparing its function takes milliseconds: of a large source every row is opened and its columns are
checked, but only a seeded sample is read.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from harness.core.records import Record
from harness.data.inspection.draw import Draw
from harness.data.inspection.facts import Chunk, Reader, Seen, look
from harness.data.inspection.parts import SHOWN_ROWS, Counts
from harness.data.inspection.tokens import MOST, Training
from harness.data.pooled import in_order
from harness.data.sources.layouts import columns_of
from harness.data.sources.opened import RowSource
from harness.data.sources.rows import Broken, Item, Row, Skipped, Source
from harness.data.splitting.near_duplicates import Sketch

_CHUNK = 64
_PARTICULAR = re.compile(r"\b\w*[_\d][\w.]*")
_ALONE = 8  # chunks: below some 500 rows other processes cost more than they save


@dataclass(slots=True)
class Gathered:
    """What one pass finds.

    Attributes:
        counts: Of rows, records and the rest.
        licences: Licence -> records.
        sketches: Of every record's function, in order.
        characters: Kind of text -> length for every record that has it.
        tokenise: A sample of the records, for tokens.
        execute: A sample of the records with a suite.
    """

    counts: Counts
    licences: Counter[str]
    sketches: list[Sketch]
    characters: dict[str, list[int]]
    tokenise: list[Record]
    execute: list[Record]

    @property
    def suites(self) -> int:
        """Records with an oracle suite."""
        return len(self.characters.get("suite", []))

    @property
    def trainable(self) -> int:
        """Records with tests to train on."""
        return len(self.characters.get("example", []))


@dataclass(frozen=True, slots=True)
class Pass:
    """How a pass is made.

    Attributes:
        training: Template and number of tests in an answer.
        seed: Of the samples.
        execute: Size of the sample that will be run; None for all.
        read: Rows that are read, at most; of a larger source a seeded sample. None for all.
        workers: Processes.
        say: Told how far it is.
    """

    training: Training
    seed: int
    execute: int | None
    read: int | None
    workers: int
    say: Callable[[str], None]


def gather(source: Source, how: Pass) -> Gathered:
    """Read a source once, from its first row to its last.

    Raises:
        HarnessError: as the source's own `rows` and `items`.
    """
    noted = _Noted(Draw(MOST), Draw(how.execute))
    reader: Reader | None = source.reader if isinstance(source, RowSource) else None
    keep = _sample(source, how)
    rows: Iterable[Row | Item] = source.items() if reader is None else source.rows()
    if isinstance(source, RowSource) and keep is not None:
        rows = _thinned(source, keep, noted)
    alone = 0 if keep is not None and len(keep) > _ALONE * _CHUNK else _ALONE
    for found in in_order(look, _chunks(rows, reader, how, noted), how.workers, alone):
        for item in found:
            noted.add(item)
        how.say(f"{noted.rows:,} rows seen")
    return noted.done()


def _sample(source: Source, how: Pass) -> frozenset[int] | None:
    """Numbers of the rows that are read; None for all of them."""
    count = source.container.count() if isinstance(source, RowSource) else None
    if how.read is None or count is None or count <= how.read:
        return None
    return frozenset(random.Random(how.seed).sample(range(count), how.read))  # noqa: S311 (no secret)


def _thinned(source: RowSource, keep: Collection[int], noted: _Noted) -> Iterator[Row | Broken]:
    """The rows of the sample, and every other one that is broken or has other columns than the rest."""
    for index, row in enumerate(source.rows()):
        fits = isinstance(row, Row) and source.known is not None and source.known.matches(columns_of(row))
        if index in keep or not fits:
            yield row
        else:
            noted.rows += 1


def _chunks(rows: Iterable[Row | Item], reader: Reader | None, how: Pass, noted: _Noted) -> Iterator[Chunk]:
    rest = iter(rows)
    training = how.training
    while some := tuple(islice(rest, _CHUNK)):
        # The bound of the moment: it only sinks, so a little too many come back and never too few.
        yield Chunk(some, reader, training.template, training.max_tests, how.seed, noted.bound)


@dataclass(slots=True)
class _Noted:
    """What has been seen so far."""

    tokenise: Draw
    execute: Draw
    rows: int = 0
    read: int = 0
    broken: int = 0
    records: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    broken_rows: list[Broken] = field(default_factory=list)
    broken_fields: Counter[str] = field(default_factory=Counter)
    licences: Counter[str] = field(default_factory=Counter)
    sketches: list[Sketch] = field(default_factory=list)
    characters: dict[str, list[int]] = field(default_factory=dict)
    ids: dict[str, tuple[bytes, str]] = field(default_factory=dict)

    @property
    def bound(self) -> int:
        return max(self.tokenise.bound, self.execute.bound)

    def add(self, item: Seen | Broken | Skipped) -> None:
        self.rows += 1
        self.read += 1
        if isinstance(item, Seen):
            again = self._again(item)
            if again is None:
                self._keep(item)
                return
            item = again
        if isinstance(item, Broken):
            self.broken += 1
            self.broken_fields[item.field or "row"] += 1
            if len(self.broken_rows) < SHOWN_ROWS:
                self.broken_rows.append(item)
        else:
            self.skipped[_kind(item.reason)] += 1

    def _again(self, seen: Seen) -> Broken | Skipped | None:
        """A second row of an id: skipped where it is equal, broken where it is not. As `harness.data.sources.reading.unique`."""
        content, place = self.ids.setdefault(seen.id, (seen.content, seen.place))
        if not seen.place or place == seen.place:  # the source has looked itself
            return None
        if content == seen.content:
            return Skipped(seen.id, "the same row as an earlier one")
        return Broken(seen.place, f"the id {seen.id!r:.60} stands at {place} too, with other content", "ids used once", "id")

    def _keep(self, seen: Seen) -> None:
        self.records += 1
        self.licences[seen.licence] += 1
        self.sketches.append(seen.sketch)
        for kind, length in seen.characters.items():
            self.characters.setdefault(kind, []).append(length)
        if seen.record is not None:
            self.tokenise.offer(seen.key, seen.record)
            if seen.record.oracle_suite is not None:
                self.execute.offer(seen.key, seen.record)

    def done(self) -> Gathered:
        counts = Counts(
            self.rows, self.read, self.records, self.broken, dict(self.skipped), tuple(self.broken_rows), dict(self.broken_fields)
        )
        return Gathered(counts, self.licences, self.sketches, self.characters, self.tokenise.records(), self.execute.records())


def _kind(reason: str) -> str:
    """A reason without what is particular to its row (names, numbers, places), so that equal reasons count together."""
    if reason.startswith("the same row as"):
        return "the same row as an earlier one"
    return _PARTICULAR.sub("...", reason.partition(":")[0])
