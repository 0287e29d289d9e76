"""Owns what of some records is needed to find copies of them, and of their tests, among others. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from harness.core.records import Record
from harness.data.prepared.looking import assert_marks, suite_key
from harness.data.splitting.near_duplicates import Sketch, near_copies, sketch
from harness.data.splitting.shared_tests import Tests, sharing_tests


@dataclass(slots=True)
class Likeness:
    """Of some records, in order; some 5 kB each."""

    sketches: list[Sketch] = field(default_factory=list)
    suites: list[bytes] = field(default_factory=list)
    marks: list[frozenset[int]] = field(default_factory=list)

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """What is needed of all of them."""
        made = cls()
        for record in records:
            made.add(record)
        return made

    def add(self, record: Record) -> None:
        """Take one more record in.

        Raises:
            SyntaxError: if its source is not Python.
        """
        self.sketches.append(sketch(record.source, record.entry_point))
        self.suites.append(suite_key(record))
        self.marks.append(assert_marks(record))

    def copies(self, of: Likeness, threshold: float) -> set[int]:
        """Indices of the records that are near copies of others, or have the same tests.

        Args:
            of: The others.
            threshold: Jaccard similarity, 0.5-1, from which a function is a near copy.
        """
        alike = sharing_tests(Tests(self.suites, self.marks), Tests(of.suites, of.marks))
        return {*near_copies(self.sketches, of.sketches, threshold), *alike}
