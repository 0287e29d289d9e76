"""Owns what is known of one batch: its records, which are near copies of held-out functions, and how its files are read.

Worked out once per content and kept in the cache; putting batches together is `step_data`'s.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from harness import __version__
from harness.core.errors import ExitCode, HarnessError
from harness.core.records import Record
from harness.data.batches.likeness import Likeness
from harness.data.batches.scan import Batch
from harness.data.sources.registry import open_source
from harness.data.sources.rows import Broken, Item, Skipped, Source, SourceOptions
from harness.files.cache import published
from harness.files.record_files import iter_records, write_records

CLEAN = "records.parquet"
_INDEX, _REPORT = "index.jsonl", "report.json"
_READING = 2  # raise when the files of the cache entry mean something else


@dataclass(frozen=True, slots=True)
class Against:
    """What a batch is held against.

    Attributes:
        known: Of the held-out records; made on first need.
        digest: Of the hold-out, hex.
        threshold: Jaccard similarity, 0.5-1, from which a function is a near copy.
    """

    known: Callable[[], Likeness]
    digest: str
    threshold: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a batch.

    Attributes:
        id: Its id.
        content: sha256 over all of it but id, origin and licence, hex.
        held_out: It is a held-out function, a near copy of one, or has the tests of one.
        tests: It has oracle tests to learn from.
    """

    id: str
    content: str
    held_out: bool
    tests: bool


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """A batch that has been read.

    Attributes:
        batch: Where it is.
        entries: Its records, in order.
        files: To read them from: its own files where these can be read as they stand, else one cleaned copy.
        in_place: The files are its own.
        left_out: Why rows are not among the records -> how many.
        first_problem: The first broken row, in words; empty where there is none.
        origins / licences: Of its records.
    """

    batch: Batch
    entries: tuple[Entry, ...]
    files: tuple[Path, ...]
    in_place: bool
    left_out: dict[str, int]
    first_problem: str
    origins: tuple[str, ...]
    licences: tuple[str, ...]


def content_digest(record: Record) -> str:
    """sha256, hex, of what a record teaches: two records of one id and one digest are the same."""
    parts = [record.entry_point, record.source, record.oracle_tests, record.oracle_suite, record.oracle_imports]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def sources_of(batch: Batch) -> tuple[str, ...]:
    """The batch's files as names of sources."""
    return tuple(f"{file.suffix.removeprefix('.')}:{file}" for file in batch.files)


def read_batch(batch: Batch, against: Against, options: SourceOptions, root: Path) -> ReadBatch:
    """Read a batch, or find it read.

    Args:
        batch: The batch.
        against: The hold-out.
        options: How sources are read.
        root: The cache folder.

    Raises:
        HarnessError: BAD_INPUT for a file that cannot be read, or a batch without any usable record; NEEDS_MAPPING where it
            is not clear which column is what; STORAGE for the cache.
    """
    asked = [_READING, __version__, sys.version, dict(batch.digests), against.digest, against.threshold]
    asked += [options.max_far, options.max_frr]
    key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:20]
    folder = published(root, f"batches/{key}", lambda building: _build(building, batch, against, options))
    report: dict[str, Any] = json.loads((folder / _REPORT).read_text("utf-8"))
    entries = tuple(Entry(*json.loads(line)) for line in (folder / _INDEX).read_text("utf-8").splitlines())
    files = batch.files if report["in_place"] else (folder / CLEAN,)
    named = {name: tuple(report[name]) for name in ("origins", "licences")}
    return ReadBatch(batch, entries, files, report["in_place"], report["left_out"], report["first_problem"], **named)


def place_of(batch: Batch, identifier: str, options: SourceOptions) -> str:
    """File and line of a record, for a message."""
    for name in sources_of(batch):
        for row in open_source(name, options).rows():
            if not isinstance(row, Broken) and str(row.values.get("id")) == identifier:
                return row.place
    return str(batch.path)


@dataclass(slots=True)
class _Reading:
    """What gathers while a batch streams by."""

    options: SourceOptions
    kept: list[tuple[str, str, bool]] = field(default_factory=list)
    likeness: Likeness = field(default_factory=Likeness)
    left_out: Counter[str] = field(default_factory=Counter)
    in_place: bool = True
    first_problem: str = ""
    origins: set[str] = field(default_factory=set)
    licences: set[str] = field(default_factory=set)
    ids: dict[str, str] = field(default_factory=dict)

    def records(self, batch: Batch) -> Iterator[Record]:
        """The good records of all files; ids are unique."""
        for name, file in zip(sources_of(batch), batch.files, strict=True):
            source = _opened(name, file, self.options)
            for item, plain in zip_longest(source.items(), _as_it_stands(file)):
                if isinstance(item, Record) and self._is_new(item, file):
                    self.in_place &= plain == _taught(item)
                    self._note(item)
                    yield item
                else:
                    self.in_place = False
                    self._leave_out(item)

    def _is_new(self, record: Record, file: Path) -> bool:
        """False for a record that another file of the batch holds too.

        Raises:
            HarnessError: BAD_INPUT when it differs there.
        """
        content = content_digest(record)
        known = self.ids.setdefault(record.id, content)
        if known != content:
            why = f"{file} holds another record of that id than a file before it"
            raise HarnessError(f"the id {record.id!r} stands twice in {file.parent}", why=why, fix="give each record its own id")
        return len(self.ids) > len(self.kept)

    def _note(self, record: Record) -> None:
        self.kept.append((record.id, self.ids[record.id], bool(record.oracle_tests)))
        self.likeness.add(record)
        self.origins.add(record.origin)
        self.licences.add(record.licence)

    def _leave_out(self, item: Item | None) -> None:
        if isinstance(item, Broken):
            self.left_out["broken row"] += 1
            self.first_problem = self.first_problem or f"{item.place}: {item.found}"
        elif item is not None:
            self.left_out[item.reason if isinstance(item, Skipped) else "the same record again"] += 1


def _build(folder: Path, batch: Batch, against: Against, options: SourceOptions) -> None:
    reading = _Reading(options)
    write_records(folder / CLEAN, reading.records(batch))
    if not reading.kept:
        why = reading.first_problem or ", ".join(reading.left_out) or "its files hold no row"
        raise HarnessError(f"{batch.path} holds no usable record", why=why, fix="mend it, or bring the batch again")
    if reading.in_place:
        (folder / CLEAN).unlink()
    near = reading.likeness.copies(against.known(), against.threshold)
    lines = [json.dumps([name, content, k in near, tests]) for k, (name, content, tests) in enumerate(reading.kept)]
    (folder / _INDEX).write_text("\n".join(lines) + "\n", "utf-8")
    report = {
        "in_place": reading.in_place,
        "left_out": dict(sorted(reading.left_out.items())),
        "first_problem": reading.first_problem,
        "origins": sorted(reading.origins),
        "licences": sorted(reading.licences),
    }
    (folder / _REPORT).write_text(json.dumps(report, indent=1), "utf-8")


def _taught(record: Record) -> tuple[object, ...]:
    """What training reads of a record."""
    return record.id, record.entry_point, record.source, record.oracle_tests, record.oracle_imports


def _as_it_stands(file: Path) -> Iterator[tuple[object, ...] | None]:
    """What a trial would read from the file itself; None from the first row on that it could not read."""
    try:
        for record in iter_records(file):
            yield _taught(record)
    except (TypeError, ValueError, KeyError, AttributeError, OSError):  # rows there are trusted, so anything may be raised
        yield None


def _opened(name: str, file: Path, options: SourceOptions) -> Source:
    """A file of a batch as a source.

    Raises:
        HarnessError: as `open_source`, always with the file's name; NEEDS_MAPPING where it is not clear which column is what.
    """
    try:
        source = open_source(name, options)
    except HarnessError as error:
        if str(file) in error.what:
            raise
        raise HarnessError(f"{file}: {error.what}", why=error.why, fix=error.fix, code=error.code) from error
    if source.layout != "unknown":
        return source
    raise HarnessError(
        f"{name}: which column is what is not clear",
        why="a batch holds records: id, entry_point, source, oracle_tests",
        fix=f"`harness data inspect {name}` proposes a mapping; put what `harness data map` writes into the batch instead",
        code=ExitCode.NEEDS_MAPPING,
    )
