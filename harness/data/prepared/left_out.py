"""Owns the count of what a preparation leaves out: why, how many, and the first examples of each. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.data.sources.rows import Broken, Skipped

EXAMPLES = 20
"""Kept of each reason."""

_KINDS = 100  # a reason may name the row: what comes after so many different ones is counted together
_OTHER = "other reasons"
_SAME_ROW = "the same row as"
_NAMED = re.compile(r"'[^']*'|`[^`]*`|\d+(?:\.\d+)?")


@dataclass(slots=True)
class LeftOut:
    """Reasons, in order of their first appearance.

    Attributes:
        counts: Reason -> how many.
        examples: Reason -> the first of them, in words.
    """

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, example: str) -> None:
        """Count one."""
        if reason not in self.counts and len(self.counts) >= _KINDS:
            reason = _OTHER
        self.counts[reason] = self.counts.get(reason, 0) + 1
        kept = self.examples.setdefault(reason, [])
        if len(kept) < EXAMPLES:
            kept.append(example)

    def add_item(self, item: Broken | Skipped) -> None:
        """Count a row that became no record."""
        if isinstance(item, Broken):
            self.add(f"broken: {item.field or 'the row'}", f"{item.place}: {item.found}; allowed: {item.allowed}")
        elif item.reason.startswith(_SAME_ROW):
            self.add("the same row again", f"{item.id}: {item.reason}")
        else:
            self.add(_NAMED.sub("...", item.reason), f"{item.id}: {item.reason}")

    def frozen(self) -> Mapping[str, object]:
        """For the manifest: counts and examples."""
        return {"left_out": dict(self.counts), "left_out_examples": {name: list(rows) for name, rows in self.examples.items()}}
