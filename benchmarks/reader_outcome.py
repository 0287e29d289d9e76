"""What became of a made-up data file, and what is wrong with that. Used by fuzz_readers.py and the tests of the readers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from benchmarks.reader_files import Made
from harness.core.errors import HarnessError
from harness.core.records import Record
from harness.data.sources.registry import open_source
from harness.data.sources.rows import Broken, Item, Skipped
from harness.data.suites.syntax import parse
from harness.files.record_files import SCHEMA, to_line


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a file.

    Attributes:
        wrong: What is wrong with that; empty where nothing is.
        records: How many came out.
        others: Rows that did not become records, each with its reason.
        refused: Whether the file as a whole was refused, in words.
    """

    wrong: str
    records: int = 0
    others: int = 0
    refused: bool = False


def outcome(made: Made, folder: Path) -> Outcome:
    """Read a file to its end. What is no HarnessError goes through: that is a crash."""
    path = folder / "made"
    path.write_bytes(made.data)
    items: list[Item] = []
    try:
        items.extend(open_source(f"{made.kind}:{path}").items())
    except HarnessError as error:
        said = all((error.what, error.why, error.fix)) and all(line.isprintable() for line in error.lines())
        wrong = f"good rows are lost: {error.lines()}" if made.survivors else "" if said else f"no words: {error.lines()}"
        return Outcome(wrong, refused=True)
    records = [item for item in items if isinstance(item, Record)]
    others = len(items) - len(records)
    if made.survivors - {record.entry_point for record in records}:
        return Outcome(f"good rows are lost: {[item for item in items if not isinstance(item, Record)]}", len(records), others)
    if len({record.id for record in records}) != len(records):
        return Outcome("an id stands twice", len(records), others)
    return Outcome(next((found for item in items if (found := _wrong_item(item))), ""), len(records), others)


def _wrong_item(item: Item) -> str:
    """What is wrong with one item."""
    if isinstance(item, Skipped):
        return "" if item.reason else "skipped without a reason"
    if isinstance(item, Broken):
        said = item.place.startswith("made, ") and item.found and item.allowed
        said = said and len(item.found) < 1_000 and item.found.isprintable()
        return "" if said else f"broken without words: {item}"
    parse(item.source)
    to_line(item).encode()
    pa.Table.from_pylist([item.to_dict()], SCHEMA)
    return "" if item.entry_point.split(".")[0] in item.source else "the entry point is not in the source"
