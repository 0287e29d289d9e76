"""What a runner saw -> what the suite is worth. Pure; the definitions stand in docs/metrics.md."""

from __future__ import annotations

from dataclasses import dataclass, replace

from evaluation.records import SuiteScore, TestVerdict, Verdict
from evaluation.runner.job import Findings, MutantFate
from evaluation.runners import killed_indices, stopped_indices


@dataclass(frozen=True, slots=True)
class Oracle:
    """What the oracle suite of a function does to its sampled mutants.

    Attributes:
        killed: Positions of the mutants it kills.
        stopped: Positions of the mutants on which it is stopped by a limit.
    """

    killed: frozenset[int]
    stopped: frozenset[int]


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What one function's suites are measured with.

    Attributes:
        mutants: How many were sampled.
        oracle: None where there is no usable oracle suite.
        note: What is wrong with the mutants or the oracle suite, or empty.
    """

    mutants: int
    oracle: Oracle | None
    note: str = ""


def assess(function_id: str, found: Findings, yardstick: Yardstick) -> SuiteScore:
    """Score one suite. A suite that is not valid is worth 0 in everything that its function can be measured in."""
    passed = sum(verdict is TestVerdict.PASSED for verdict in found.tests.values())
    detail = "; ".join(part for part in (found.detail, yardstick.note) if part)
    score = SuiteScore(function_id, found.verdict, detail, collected=len(found.tests), passed=passed, tests=found.tests)
    if found.verdict is Verdict.VALID:
        score = replace(
            score,
            pass_rate=passed / len(found.tests),
            line_coverage=found.line_coverage,
            branch_coverage=found.branch_coverage,
        )
    return _with_mutants(score, found.fates, yardstick)


def _with_mutants(score: SuiteScore, fates: tuple[MutantFate, ...], yardstick: Yardstick) -> SuiteScore:
    killed, stopped = killed_indices(fates), stopped_indices(fates)
    strict = lenient = yardstick.mutants
    killable = None
    oracle = yardstick.oracle
    if oracle is not None:
        killable = strict = len(oracle.killed | killed)
        lenient = len(oracle.killed | oracle.stopped | killed | stopped)
    return replace(
        score,
        mutants=yardstick.mutants,
        killable=killable,
        killed=len(killed),
        killed_by_assertion=sum(fate is MutantFate.ASSERTED for fate in fates),
        timeouts=len(stopped),
        survived=yardstick.mutants - len(killed) - len(stopped),
        mutation_score=_share(len(killed), strict),
        mutation_score_all=_share(len(killed), yardstick.mutants),
        mutation_score_lenient=_share(len(killed) + len(stopped), lenient),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
