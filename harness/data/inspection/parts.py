"""Owns the parts of an inspection's findings, as values: counts, lengths, tokens, duplicates, oracle suites, a mapping. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.data.sources.rows import Broken

SHOWN_ROWS = 20
"""Broken rows that are named."""


@dataclass(frozen=True, slots=True)
class Counts:
    """What the rows came to.

    Attributes:
        rows: All of them.
        read: Of a large source, the seeded sample that was read, and every row that is broken as such; else all rows. What
            follows counts these.
        records: Usable ones.
        broken: Wrong ones.
        skipped: Reason -> valid rows that are of no use here.
        broken_rows: The first broken ones, at most `SHOWN_ROWS`.
        broken_fields: Column (``row`` where the row itself is unreadable) -> broken rows.
    """

    rows: int = 0
    read: int = 0
    records: int = 0
    broken: int = 0
    skipped: Mapping[str, int] | None = None
    broken_rows: tuple[Broken, ...] = ()
    broken_fields: Mapping[str, int] | None = None


@dataclass(frozen=True, slots=True)
class Spread:
    """How a length is spread: nearest-rank percentiles over `count` texts."""

    count: int
    p5: int
    p50: int
    p95: int
    max: int


@dataclass(frozen=True, slots=True)
class Lengths:
    """Of one kind of text.

    Attributes:
        characters: Over every record that has it.
        tokens: Over the records that were tokenised; None without a tokenizer.
    """

    characters: Spread
    tokens: Spread | None


@dataclass(frozen=True, slots=True)
class Limit:
    """What a `max_length` means for the tokenised training examples.

    Attributes:
        max_length: Tokens of prompt and answer together.
        examples: Training examples that were tokenised.
        shortened: Of these, so many lose tests from their end.
        dropped: Of these, not even one test fits: not trained on.
    """

    max_length: int
    examples: int
    shortened: int
    dropped: int


@dataclass(frozen=True, slots=True)
class Tokens:
    """How tokens were counted.

    Attributes:
        tokenizer: Its name, or None.
        note: Why there is none, or where it comes from.
        records: How many records were tokenised: all, or a seeded sample of them.
        template: The prompt template, as ``name@version``.
        limits: One for each `max_length` of the sweep; empty without a sweep.
    """

    tokenizer: str | None
    note: str
    records: int
    template: str
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Duplicates:
    """Functions that stand in the source more than once.

    Attributes:
        exact: Records whose function is a clone (names, comments and annotations apart) of an earlier one's.
        near: Records beyond the first of each cluster of similar functions; exact clones included.
        clusters: Clusters of more than one record.
        largest: Records in the largest cluster.
        threshold: Jaccard similarity from which functions are near-duplicates.
    """

    exact: int
    near: int
    clusters: int
    largest: int
    threshold: float


@dataclass(frozen=True, slots=True)
class Failure:
    """An oracle suite that does not hold."""

    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Oracles:
    """The oracle suites, and a run of a sample of them.

    Attributes:
        present: Records with a suite.
        trainable: Records with tests to train on.
        run: Suites that were run.
        passed: Of these, every test passed, twice.
        low / high: 95 % Wilson interval of the share that passes; None when nothing was run.
        failures: The first that did not.
        note: Why none, or not as many as asked for, were run; empty otherwise.
    """

    present: int
    trainable: int
    run: int = 0
    passed: int = 0
    low: float | None = None
    high: float | None = None
    failures: tuple[Failure, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class ProposedMapping:
    """What `harness data map` could begin with.

    Attributes:
        columns: Those of the first rows.
        mapping: The proposal as plain values; None when no column holds Python functions.
        text: The commented YAML file; empty without a proposal.
        file: Where it was written, or None.
        tried: Rows the proposal was tried on.
        records: Of these, so many gave a record.
    """

    columns: tuple[str, ...]
    mapping: Mapping[str, Any] | None
    text: str
    file: str | None
    tried: int
    records: int


def spread(values: tuple[int, ...]) -> Spread:
    """Nearest-rank percentiles of at least one value."""
    ordered = sorted(values)
    last = len(ordered) - 1
    p5, p50, p95 = (ordered[min(last, max(0, -(-len(ordered) * p // 100) - 1))] for p in (5, 50, 95))
    return Spread(len(ordered), p5, p50, p95, ordered[-1])
