"""Owns the one pass over all sources: records to the spool, what is needed to choose among them into memory, ids made unique."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from harness.core.records import Record
from harness.data.prepared.ask import Say
from harness.data.prepared.left_out import LeftOut
from harness.data.prepared.looking import Looked
from harness.data.prepared.spool import Spool
from harness.data.sources.reading import unique
from harness.data.sources.rows import Item
from harness.data.splitting.near_duplicates import Sketch

_SAID = 1000  # rows between two words of progress


@dataclass(slots=True)
class Gathered:
    """What is kept in memory of every record; one entry of each list per record in the spool, some 3 kB together.

    Attributes:
        spool: The records.
        left_out: What became no record.
        rows: Rows read.
        renamed: Records whose id another source had taken.
    """

    spool: Spool
    left_out: LeftOut = field(default_factory=LeftOut)
    ids: list[str] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    sketches: list[Sketch] = field(default_factory=list)
    suites: list[bytes] = field(default_factory=list)
    marks: list[frozenset[int]] = field(default_factory=list)
    rows: int = 0
    renamed: int = 0
    taken: set[str] = field(default_factory=set)

    @property
    def named(self) -> list[tuple[str, str]]:
        """Id and clone digest of each record."""
        return [(name, made.digest) for name, made in zip(self.ids, self.sketches, strict=True)]


def gather_source(into: Gathered, name: str, rows: Iterable[Looked], say: Say) -> range:
    """Read one source to its end.

    Args:
        into: What earlier sources gave.
        name: As the user wrote it.
        rows: What `looked_at` takes down.
        say: Told how far it is.

    Returns:
        The numbers of its records.
    """
    first, kind = len(into.ids), name.partition(":")[0]
    for item, looked in _once(rows):
        into.rows += 1
        if into.rows % _SAID == 0:
            say(f"{into.rows:,} rows read")
        if not isinstance(item, Record):
            into.left_out.add_item(item)
        elif looked.sketch is not None:
            record = _renamed(item, kind, into)
            into.spool.add(record)
            into.ids.append(record.id)
            into.origins.append(sys.intern(record.origin))
            into.sketches.append(looked.sketch)
            into.suites.append(looked.suite)
            into.marks.append(looked.marks)
    return range(first, len(into.ids))


def _once(rows: Iterable[Looked]) -> Iterator[tuple[Item, Looked]]:
    """Each row with what it comes to when ids that stand twice are settled."""
    current: list[Looked] = []

    def placed() -> Iterator[tuple[str, Item]]:
        for looked in rows:
            current[:] = [looked]
            yield looked.place or "an earlier row", looked.item

    # `unique` gives one item for each one that it takes.
    for item in unique(placed()):
        yield item, current[0]


def _renamed(record: Record, kind: str, into: Gathered) -> Record:
    """The record, with its source before an id that another source has used already."""
    name, count = record.id, 1
    while name in into.taken:
        name = f"{kind}:{record.id}" if count == 1 else f"{kind}-{count}:{record.id}"
        count += 1
    into.taken.add(name)
    into.renamed += count > 1
    return record if count == 1 else replace(record, id=name)


def without_duplicates(gathered: Gathered, kept: Sequence[int]) -> list[int]:
    """Numbers of the records, without all but the first by id of those with one normal form and one suite; counts the others."""
    first: dict[tuple[str, bytes], int] = {}
    left: list[int] = []
    for number in sorted(kept, key=gathered.ids.__getitem__):
        key = gathered.sketches[number].digest, gathered.suites[number]
        earlier = first.setdefault(key, number)
        if earlier == number:
            left.append(number)
        else:
            example = f"{gathered.ids[number]}: as {gathered.ids[earlier]}"
            gathered.left_out.add("the same function and suite as another record", example)
    return sorted(left)
