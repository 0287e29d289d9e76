"""Owns the step from rows to items: what every layout has in common, and ids that stand twice. Opens no file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from harness.core.records import Record
from harness.data.sources.fields import shown
from harness.data.sources.layouts import Layout
from harness.data.sources.rows import Broken, Item, Row, Skipped


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads rows by a layout and puts in what the source knows. Picklable, like the layout: give it to a process pool.

    Attributes:
        layout: What a row means.
        origin: Of records whose row names none.
        licence: Of records whose row names none.
    """

    layout: Layout
    origin: str
    licence: str = "unknown"

    def read(self, row: Row) -> Item:
        """The row as a record, or why not; nothing in a row can make it raise."""
        try:
            item = self.layout.read(row)
        except (RecursionError, MemoryError):  # code or values made to exhaust the parser: Python's own answer to them
            return Broken(row.place, "the row is nested too deeply to be read", "ordinary code and values")
        if not isinstance(item, Record) or (item.origin and item.licence != "unknown"):
            return item
        licence = self.licence if item.licence == "unknown" else item.licence
        return replace(item, origin=item.origin or self.origin, licence=licence)


def unique(placed: Iterable[tuple[str, Item]]) -> Iterator[Item]:
    """The items, each id once: a second record of an id is skipped where it is the same, and broken where it differs.

    Holds some 200 bytes for each record that it has seen.

    Args:
        placed: Place of the row, and what became of it.
    """
    seen: dict[str, tuple[bytes, str]] = {}
    for place, item in placed:
        if not isinstance(item, Record):
            yield item
            continue
        content = _content(item)
        first = seen.get(item.id)
        if first is None:
            seen[item.id] = content, place
            yield item
        elif first[0] == content:
            yield Skipped(item.id, f"the same row as {first[1]}")
        else:
            found = f"the id {shown(item.id)} stands on {first[1]} too, with other content"
            yield Broken(place, found, "ids used once", "id")


def _content(record: Record) -> bytes:
    return hashlib.blake2b(repr(record).encode("utf-8", "backslashreplace"), digest_size=16).digest()
