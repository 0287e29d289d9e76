"""Suites before and after tuning, side by side: as values, and as Markdown to read.

Owns the comparison and its words. Where the suites come from is `harness.sweep.samples`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.tracking.foreign import cell, fenced, table

MOST_SAMPLES: Final = 20
"""Shown of one trial; more are read by nobody."""


@dataclass(frozen=True, slots=True)
class Written:
    """A suite and what it was worth.

    Attributes:
        code: What was kept: whole tests, import prefix included.
        raw: What the model wrote.
        truncated: Whether its end was cut away.
        verdict: Of the scorer, in its words; empty where it was not scored.
        detail: One line for a person.
        passed: Tests that count, of those collected.
        collected: Tests that pytest found.
        line_coverage: Fraction of the function's statements; None where absent.
        branch_coverage: Fraction of its branch exits; None where absent.
        killed: Mutants killed.
        mutants: Mutants that could be killed; None where that is not known.
    """

    code: str
    raw: str
    truncated: bool = False
    verdict: str = ""
    detail: str = ""
    passed: int = 0
    collected: int = 0
    line_coverage: float | None = None
    branch_coverage: float | None = None
    killed: int = 0
    mutants: int | None = None

    @property
    def has_tests(self) -> bool:
        """Whether anything beside imports was kept."""
        return "def " in self.code

    @property
    def shown(self) -> str:
        """What a person wants to see: the suite, or what the model wrote in its place."""
        return self.code if self.has_tests else self.raw


@dataclass(frozen=True, slots=True)
class Sample:
    """One function with its suites.

    Attributes:
        function_id: Of the focal function.
        source: Its source; empty where that is not known.
        before: By the untuned base; None where it did not write for this function, or that is not known.
        after: By the tuned one.
    """

    function_id: str
    source: str
    before: Written | None
    after: Written | None


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of one trial.

    Attributes:
        title: Whose: ``trial 3``.
        before: What the untuned base is called: ``base zero-shot``; empty where there is none to compare with.
        split: Which functions, in words.
        shown: In the order of the split, at most `MOST_SAMPLES`.
        total: How many there are.
    """

    title: str
    before: str
    split: str
    shown: tuple[Sample, ...]
    total: int


def samples_markdown(samples: Samples) -> str:
    """The page: an overview, then function by function."""
    compared = f"the untuned base ({samples.before})" if samples.before else "nothing: no untuned base was kept to compare with"
    lines = [
        f"# Tests written by {cell(samples.title)}, beside {compared}",
        "",
        f"{len(samples.shown)} of {samples.total} {samples.split} functions: the first in the split's own order, not the best.",
        "*kept* counts the tests that pass every time and check something; coverage and mutants are by those alone.",
        "",
        _overview(samples.shown),
    ]
    return "\n".join([*lines, *(part for number, s in enumerate(samples.shown, 1) for part in _one(number, s))]) + "\n"


def kept(written: Written | None) -> str:
    """``2 of 3``; a dash where there is no suite."""
    return "-" if written is None else f"{written.passed} of {written.collected}"


def coverage(written: Written | None) -> str:
    """Line and branch coverage, ``75 % / 50 %``."""
    return "-" if written is None else f"{_percent(written.line_coverage)} / {_percent(written.branch_coverage)}"


def kills(written: Written | None) -> str:
    """``4 of 9``."""
    if written is None:
        return "-"
    return str(written.killed) if written.mutants is None else f"{written.killed} of {written.mutants}"


def verdict(written: Written | None) -> str:
    """``no check``; a dash where there is none."""
    return "-" if written is None or not written.verdict else written.verdict.replace("_", " ")


def _overview(shown: Sequence[Sample]) -> str:
    head = ("", "function", "before", "after", "kept before", "kept after", "mutants before", "mutants after")
    rows = [
        (str(number), cell(s.function_id), *(say(w) for say in (verdict, kept, kills) for w in (s.before, s.after)))
        for number, s in enumerate(shown, 1)
    ]
    return table(head, rows)


def _one(number: int, sample: Sample) -> list[str]:
    head = ("", "verdict", "tests kept", "line / branch coverage", "mutants killed", "why")
    both = (("before", sample.before), ("after", sample.after))
    rows = [(name, verdict(w), kept(w), coverage(w), kills(w), cell(w.detail) if w else "-") for name, w in both]
    parts = ["", f"## {number}. {cell(sample.function_id)}", ""]
    if sample.source:
        parts += ["The function:", "", fenced(sample.source), ""]
    parts += [table(head, rows), ""]
    for name, written in both:
        if written is not None:
            parts += [f"{name.capitalize()}{_remark(written)}:", "", fenced(written.shown), ""]
    return parts[:-1]


def _remark(written: Written) -> str:
    if not written.has_tests:
        return ", no whole test (what the model wrote)"
    return ", cut to whole tests" if written.truncated else ""


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.0f} %"
