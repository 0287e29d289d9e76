"""Findings -> what the suite is worth. Pure; the definitions stand in docs/metrics.md."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.findings import Findings
from evaluation.mutation.records import CompiledMutant
from evaluation.records import Figures, MutantFate, MutantOutcome, SuiteScore, TestVerdict, Verdict


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What one function's suites are measured with.

    Attributes:
        mutants: The sampled ones.
        oracle: What its oracle suite does, or None where there is no usable one.
        note: What is wrong with the mutants, or empty.
        broken: Why the function cannot be used, or empty.
    """

    mutants: tuple[CompiledMutant, ...] = ()
    oracle: Findings | None = None
    note: str = ""
    broken: str = ""


@dataclass(frozen=True, slots=True)
class CopiedPart:
    """How much of a suite repeats the prompt.

    Attributes:
        asserts: Asserts about the function.
        copied: Of those, the ones that repeat an example of the prompt.
        without: Findings of the suite without them; None where that is the same suite.
    """

    asserts: int = 0
    copied: int = 0
    without: Findings | None = None


def assess(function_id: str, found: Findings, yardstick: Yardstick, copies: CopiedPart = CopiedPart()) -> SuiteScore:
    """Score one suite. A suite that is not valid is worth 0 in everything that its function can be measured in."""
    detail = "; ".join(part for part in (found.detail, yardstick.note) if part)
    oracle = yardstick.oracle
    return SuiteScore(
        function_id,
        found.verdict,
        detail,
        figures=figures(found, yardstick),
        collected=len(found.tests),
        passed=_passed(found),
        asserts=copies.asserts,
        copied_asserts=copies.copied,
        without_copied=figures(copies.without or found, yardstick),
        ceiling=None if oracle is None else figures(oracle, yardstick),
        mutants=_outcomes(found, yardstick.mutants),
        killable=None if oracle is None else len(oracle.killed | found.killed),
        missed_lines=found.missed_lines,
        tests=found.tests,
        branches=found.branches,
    )


def figures(found: Findings, yardstick: Yardstick) -> Figures:
    """The fractions of one suite."""
    valid = found.verdict is Verdict.VALID
    killed, stopped, count = found.killed, found.stopped, len(yardstick.mutants)
    strict = lenient = count
    if yardstick.oracle is not None:
        strict = len(yardstick.oracle.killed | killed)
        lenient = len(yardstick.oracle.killed | yardstick.oracle.stopped | killed | stopped)
    return Figures(
        pass_rate=_passed(found) / len(found.tests) if valid else 0.0,
        line_coverage=found.line_coverage if valid else 0.0,
        branch_coverage=found.branch_coverage if valid else 0.0,
        mutation_score=_share(len(killed), strict),
        mutation_score_lenient=_share(len(killed | stopped), lenient),
        mutation_score_all=_share(len(killed), count),
        mutation_score_all_lenient=_share(len(killed | stopped), count),
    )


def _passed(found: Findings) -> int:
    return sum(verdict is TestVerdict.PASSED for verdict in found.tests.values())


def _outcomes(found: Findings, mutants: tuple[CompiledMutant, ...]) -> tuple[MutantOutcome, ...]:
    if not found.fates:
        return tuple(MutantOutcome(m.line, m.operator, m.diff, MutantFate.SURVIVED) for m in mutants)
    pairs = zip(mutants, found.fates, strict=True)
    return tuple(MutantOutcome(m.line, m.operator, m.diff, fate.fate, fate.killer) for m, fate in pairs)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
