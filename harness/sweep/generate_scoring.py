"""Which tests that a model wrote are worth keeping: every piece is scored alone, then the smallest suite as a whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

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
from evaluation.records import KILLED
from evaluation.runner.source import measurable
from harness.core.errors import ExitCode, HarnessError
from harness.core.merging import Choice, smallest_cover
from harness.data.targets.around import Around
from harness.data.targets.pieces import Piece, pieces_of, weaker
from harness.data.targets.rendering import AS_SOLUTION, compatible, rendered
from harness.data.targets.tests import Test, joined_tests

ROUNDS = 4
"""Of scoring a merged suite: each drops a test that does not pass beside the others."""
_REFUSED = re.compile(
    r"PermissionError|FileNotFoundError|ConnectionError|TimeoutError|Operation not permitted|Read-only file system|gaierror|"
    r"Network is unreachable|Errno 13"
)


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


Counts = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""Lines and branches covered, mutants killed: how many of how many."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept for one function.

    Attributes:
        subject: The function.
        tests: Their names are distinct within the function.
        counts: Lines, branches and mutants of all of them together.
        reason: Why there are none; else empty.
    """

    subject: Subject
    tests: tuple[Test, ...]
    counts: Counts
    reason: str


def keep(subjects: Sequence[Subject], settings: ScoreSettings) -> list[Kept]:
    """The tests worth keeping of every function.

    Raises:
        HarnessError: SANDBOX when tests cannot be run safely.
    """
    pieces = [pieces_of(subject.samples, subject.around) for subject in subjects]
    scores = _alone(subjects, pieces, settings)
    again = [
        [weak for piece, score in zip(own, found, strict=True) if not score.valid for weak in weaker(piece)]
        for own, found in zip(pieces, scores, strict=True)
    ]
    more = _alone(subjects, again, settings)
    chosen = [
        _chosen([*zip(a, b, strict=True), *zip(c, d, strict=True)], subject)
        for a, b, c, d, subject in zip(pieces, scores, again, more, subjects, strict=True)
    ]
    tests = [joined_tests(subject.name, own) for subject, own in zip(subjects, chosen, strict=True)]
    whole = together(subjects, tests, settings)
    return [
        Kept(subject, kept, covered(subject, score or next(iter(found), None), kept=bool(kept)), _reason(subject, kept, found))
        for subject, (kept, score), found in zip(subjects, whole, scores, strict=True)
    ]


def kept_anew(one: Kept, tests: Sequence[Test], settings: ScoreSettings) -> Kept:
    """The same with fewer tests.

    Raises:
        HarnessError: SANDBOX when tests cannot be run safely.
    """
    ((left, score),) = together([one.subject], [tests], settings)
    return replace(one, tests=left, counts=covered(one.subject, score, kept=bool(left)))


def together(
    subjects: Sequence[Subject], tests: Sequence[Sequence[Test]], settings: ScoreSettings
) -> list[tuple[tuple[Test, ...], SuiteScore | None]]:
    """Every function's tests scored as one suite; what does not pass beside the others is dropped.

    Raises:
        HarnessError: SANDBOX when tests cannot be run safely.
    """
    left = [tuple(compatible(own)) for own in tests]
    scores: list[SuiteScore | None] = [None] * len(left)
    open_ = [at for at, own in enumerate(left) if own]
    for _ in range(ROUNDS):
        found = scored([(subjects[at], rendered(AS_SOLUTION, left[at])) for at in open_], settings)
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


def scored(suites: Sequence[tuple[Subject, str]], settings: ScoreSettings) -> list[SuiteScore]:
    """Scores of any number of suites, several for one function too.

    Raises:
        HarnessError: SANDBOX when tests cannot be run safely.
    """
    if not suites:
        return []
    functions = [FocalFunction(str(n), s.source, s.name, prompt="") for n, (s, _) in enumerate(suites)]
    try:
        report = score_suites(functions, [Suite(str(n), code) for n, (_, code) in enumerate(suites)], settings)
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


def importable(subjects: Iterable[tuple[Subject, Sequence[str]]], settings: ScoreSettings) -> list[tuple[Subject, str]]:
    """Every function with the first of its sources that can be imported in the sandbox.

    Returns:
        The function, and an empty string or why none can be.
    """
    found = [(subject, "") for subject, _ in subjects]
    ways = [list(sources) for _, sources in subjects]
    plain = replace(settings, mutants_per_function=0)
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


def _alone(subjects: Sequence[Subject], pieces: Sequence[Sequence[Piece]], settings: ScoreSettings) -> list[list[SuiteScore]]:
    """Every piece as a suite of its own."""
    asked = [
        (subject, rendered(AS_SOLUTION, joined_tests(subject.name, [piece])))
        for subject, own in zip(subjects, pieces, strict=True)
        for piece in own
    ]
    scores = iter(scored(asked, settings))
    return [[next(scores) for _ in own] for own in pieces]


def _chosen(found: Sequence[tuple[Piece, SuiteScore]], subject: Subject) -> list[Piece]:
    """The smallest set of valid pieces that covers and kills what all of them do."""
    valid = [(piece, score) for piece, score in found if score.valid and score.passed == score.collected]
    body = frozenset(coverage_map(measurable(subject.source, subject.name), subject.name).body)
    choices = [Choice(frozenset(_done(score, body)), _cost(piece)) for piece, score in valid]
    return [valid[at][0] for at in smallest_cover(choices)]


def _done(score: SuiteScore, body: frozenset[int]) -> Iterable[Hashable]:
    yield "runs"
    yield from (("line", line) for line in body - set(score.missed_lines))
    yield from (("branch", arc) for arc in score.branches)
    yield from (("mutant", at) for at, mutant in enumerate(score.mutants) if mutant.fate in KILLED)


def _cost(piece: Piece) -> float:
    """What a reader has to read; of equals the greedy sample's is taken."""
    return len(piece.text) + 1000.0 * len(piece.fixtures) + 0.001 * piece.origin[0]


def _reason(subject: Subject, kept: Sequence[Test], scores: Sequence[SuiteScore]) -> str:
    """Why nothing was kept, in the words of the most frequent cause; empty where something was."""
    if kept:
        return ""
    if not scores:
        return "the model wrote no test that checks it" if any(subject.samples) else "the model wrote nothing"
    refused = sum(bool(_REFUSED.search(score.detail)) for score in scores)
    if refused > len(scores) / 3:
        return "its tests need files, the network or processes, which the sandbox does not give"
    counts = Counter(str(score.verdict).replace("_", " ") for score in scores).most_common(3)
    return f"of {len(scores)} checks none is sound: " + ", ".join(f"{count} {verdict}" for verdict, count in counts)
