"""Functions that tests are written for, and what suites for them are worth in the sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from evaluation import (
    EvaluationError,
    FocalFunction,
    ScoreSettings,
    Suite,
    SuiteScore,
    TestVerdict,
    Verdict,
    score_suites,
)
from evaluation.coverage_map import coverage_map
from evaluation.runner.source import measurable
from harness.core.errors import ExitCode, HarnessError
from harness.data.targets.around import Around
from harness.data.targets.rendering import AS_SOLUTION, compatible, rendered
from harness.data.targets.tests import Test
from harness.guard.supervise import StopSignal

ROUNDS = 4
"""Of scoring a merged suite: each drops a test that does not pass beside the others."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A function that tests were written for.

    Attributes:
        name: ``function`` or ``Class.method``.
        source: Its module, cut out.
        around: What its tests may lean on.
        samples: What the model wrote.
    """

    name: str
    source: str
    around: Around
    samples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scoring:
    """How suites are scored, and until when.

    Attributes:
        settings: Of the scorer.
        stop: Looked at after every suite.
    """

    settings: ScoreSettings
    stop: StopSignal = field(default_factory=StopSignal)

    def go_on(self) -> None:
        """Nothing, as long as nobody asks to stop.

        Raises:
            HarnessError: INTERRUPTED.
        """
        if self.stop.requested:
            fix = "run the same command again; nothing was written"
            raise HarnessError("interrupted", why="Ctrl-C", fix=fix, code=ExitCode.INTERRUPTED)


Counts = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""Lines and branches covered, mutants killed: how many of how many."""


def together(
    subjects: Sequence[Subject], tests: Sequence[Sequence[Test]], scoring: Scoring
) -> list[tuple[tuple[Test, ...], SuiteScore | None]]:
    """Every function's tests scored as one suite; what does not pass beside the others is dropped.

    Raises:
        HarnessError: as `scored`.
    """
    left = [tuple(compatible(own)) for own in tests]
    scores: list[SuiteScore | None] = [None] * len(left)
    open_ = [at for at, own in enumerate(left) if own]
    for _ in range(ROUNDS):
        found = scored([(subjects[at], rendered(AS_SOLUTION, left[at])) for at in open_], scoring)
        unsettled = []
        for at, score in zip(open_, found, strict=True):
            passed = tuple(test for test in left[at] if score.tests.get(test.name) is TestVerdict.PASSED)
            scores[at] = score
            if not score.valid and len(passed) == len(left[at]):
                passed = ()
            if passed != left[at]:
                left[at], scores[at] = passed, None
                unsettled += [at] * bool(passed)
        open_ = unsettled
        if not open_:
            break
    for at in open_:
        left[at] = ()
    return list(zip(left, scores, strict=True))


def scored(suites: Sequence[tuple[Subject, str]], scoring: Scoring) -> list[SuiteScore]:
    """Scores of any number of suites, several for one function too.

    Raises:
        HarnessError: SANDBOX when tests cannot be run safely, INTERRUPTED.
    """
    if not suites:
        return []
    functions = [FocalFunction(str(n), s.source, s.name, prompt="") for n, (s, _) in enumerate(suites)]
    given = [Suite(str(n), code) for n, (_, code) in enumerate(suites)]
    scoring.go_on()
    try:
        report = score_suites(functions, given, scoring.settings, lambda _: scoring.go_on())
    except EvaluationError as error:
        fix = error.fix or "run `harness doctor`"
        raise HarnessError("the tests cannot be scored", why=str(error), fix=fix, code=ExitCode.SANDBOX) from error
    return list(report.scores)


def covered(subject: Subject, score: SuiteScore | None, *, kept: bool = True) -> Counts:
    """What a suite covers and kills.

    Args:
        subject: The function.
        score: Of the suite; of any other, where none is kept, for the number of mutants.
        kept: Whether anything is.
    """
    there = coverage_map(measurable(subject.source, subject.name), subject.name)
    if score is None or not kept:
        return (0, len(there.body)), (0, there.branch_count), (0, 0 if score is None else len(score.mutants))
    lines = (len(there.body) - len(score.missed_lines), len(there.body))
    return lines, (len(score.branches), there.branch_count), (score.killed, len(score.mutants))


def importable(subjects: Iterable[tuple[Subject, Sequence[str]]], scoring: Scoring) -> list[tuple[Subject, str]]:
    """Every function with the first of its sources that can be imported in the sandbox.

    Returns:
        The function, and an empty string or why none can be.

    Raises:
        HarnessError: as `scored`.
    """
    found = [(subject, "") for subject, _ in subjects]
    ways = [list(sources) for _, sources in subjects]
    plain = replace(scoring, settings=replace(scoring.settings, mutants_per_function=0))
    open_ = list(range(len(found)))
    for turn in range(max(map(len, ways), default=0)):
        open_ = [at for at in open_ if turn < len(ways[at])]
        tried = [replace(found[at][0], source=ways[at][turn]) for at in open_]
        scores = scored([(subject, _probe(subject)) for subject in tried], plain)
        still = []
        for at, subject, score in zip(open_, tried, scores, strict=True):
            broken = score.verdict is Verdict.FUNCTION_BROKEN
            found[at] = (subject, score.detail if broken else "")
            still += [at] * broken
        open_ = still
    return found


def _probe(subject: Subject) -> str:
    return f"from solution import {subject.name.split('.')[0]}\n\n\ndef test_imported():\n    pass\n"
