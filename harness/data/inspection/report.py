"""Owns the findings of an inspection: the whole of them, the rule of the verdict, and the JSON. Pure; shows and finds nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from harness.core.errors import ExitCode
from harness.data.inspection.parts import Counts, Duplicates, Lengths, Oracles, ProposedMapping, Tokens

FORMAT = "harness-inspection/1"
"""Raised when a field of the JSON changes its meaning; new fields may come without."""


class Verdict(StrEnum):
    """What can be done with a source."""

    READY = "READY"
    NEEDS_MAPPING = "NEEDS MAPPING"
    BROKEN = "BROKEN"

    @property
    def exit_code(self) -> ExitCode:
        """Of `harness data inspect`."""
        return _EXIT_CODES[self]


_EXIT_CODES = {
    Verdict.READY: ExitCode.OK,
    Verdict.NEEDS_MAPPING: ExitCode.NEEDS_MAPPING,
    Verdict.BROKEN: ExitCode.BAD_INPUT,
}


@dataclass(frozen=True, slots=True)
class Inspection:
    """Everything that was found out about a source. Parts that do not apply are None.

    Attributes:
        source: As the user named it.
        layout: How its rows are read; ``unknown`` needs a mapping.
        origin: Where the records come from.
        licences: SPDX identifier -> records.
        counts: What the rows came to.
        lengths: ``prompt`` (chat marks apart), ``suite`` (the oracle), ``example`` (prompt and training answer) -> lengths;
            only those that some record has.
        tokens: How tokens were counted.
        duplicates: Functions that stand there more than once.
        oracles: The oracle suites.
        proposal: For layout ``unknown``.
        verdict: What can be done with it.
        reason: Why, in one line.
        remarks: What is worth knowing although it does not change the verdict, one line each.
        plot: Where the histograms were written, or None.
        harvest: Of a code base, what its functions and test files came to: the fields of `harness.data.harvest.build.Yield`
            without the seconds.
        values: Kind -> unit (``characters``, ``tokens``) -> every length, for the histograms; not in the JSON.
    """

    source: str
    layout: str
    origin: str
    licences: Mapping[str, int]
    counts: Counts
    lengths: Mapping[str, Lengths]
    tokens: Tokens | None
    duplicates: Duplicates | None
    oracles: Oracles | None
    proposal: ProposedMapping | None
    verdict: Verdict
    reason: str
    remarks: tuple[str, ...] = ()
    plot: str | None = None
    harvest: Mapping[str, Any] | None = None
    values: Mapping[str, Mapping[str, tuple[int, ...]]] | None = None

    def to_json(self) -> dict[str, Any]:
        """One JSON-ready object; every key is always there, but `harvest` only for a code base."""
        found = {"format": FORMAT, **asdict(self), "exit_code": int(self.verdict.exit_code)}
        del found["values"]
        if self.harvest is None:
            del found["harvest"]
        found["verdict"] = self.verdict.value
        found["counts"]["skipped"] = dict(self.counts.skipped or {})
        found["counts"]["broken_fields"] = dict(self.counts.broken_fields or {})
        return found


def judged(layout: str, counts: Counts, *, mappable: bool = False) -> tuple[Verdict, str]:
    """The verdict and its reason.

    Args:
        layout: ``unknown`` where no layout fits the columns.
        counts: What the rows came to; with layout ``unknown`` only `rows` counts.
        mappable: Whether a mapping could be proposed.
    """
    if counts.rows == 0:
        return Verdict.BROKEN, "there are no rows"
    if layout == "unknown":
        if mappable:
            return Verdict.NEEDS_MAPPING, "the rows are readable; say which column is what"
        return Verdict.BROKEN, "no column holds Python functions"
    rows = f"{counts.read:,} rows" if counts.read == counts.rows else f"{counts.read:,} rows that were read"
    if counts.records == 0:
        return Verdict.BROKEN, f"none of the {rows} is usable"
    if counts.broken * 2 > counts.read:
        return Verdict.BROKEN, f"{counts.broken:,} of {rows} are broken"
    sample = "" if counts.read == counts.rows else f" in a sample of {counts.read:,} of {counts.rows:,} rows"
    if counts.broken:
        return Verdict.READY, f"{counts.records:,} records{sample}; {counts.broken:,} of {rows} are broken and left out"
    return Verdict.READY, f"{counts.records:,} records{sample}"
