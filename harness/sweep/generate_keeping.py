"""Which of the tests that a model wrote are kept: every piece is scored alone, then the smallest suite as a whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from evaluation import SuiteScore, Verdict
from evaluation.coverage_map import coverage_map
from evaluation.records import KILLED
from evaluation.runner.source import measurable
from harness.core.merging import Choice, smallest_cover
from harness.data.targets.observing import asked_of, settled
from harness.data.targets.pieces import Piece, pieces_of, weaker
from harness.data.targets.plain_run import Ran
from harness.data.targets.rendering import AS_SOLUTION, compatible, rendered
from harness.data.targets.tests import Test, joined_tests
from harness.sweep.generate_scoring import Counts, Scoring, Subject, covered, scored, together

_REFUSED = re.compile(
    r"PermissionError|FileNotFoundError|ConnectionError|TimeoutError|Operation not permitted|Read-only file system|gaierror|"
    r"Network is unreachable|Errno 13"
)


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


Observe = Callable[[Sequence[Test]], Ran]
"""Runs tests against the real module, in the sandbox."""
_Scored = list[tuple[Piece, SuiteScore]]


def keep(subjects: Sequence[Subject], scoring: Scoring, observe: Observe, *, observed: bool = False) -> list[Kept]:
    """The tests worth keeping of every function.

    Args:
        subjects: The functions, with what was written for them.
        scoring: How suites are scored.
        observe: Tells what the code returns where a test expects something else. An iterator that was compared with the list
            of its values is listed then.
        observed: Take the value that the code returns where the model expected another, too.

    Raises:
        HarnessError: SANDBOX when tests cannot be run safely, INTERRUPTED.
    """
    first = _alone(subjects, [pieces_of(subject.samples, subject.around) for subject in subjects], scoring)
    weak = [[part for piece, score in own if not score.valid for part in weaker(piece)] for own in first]
    found = _joined(first, _alone(subjects, weak, scoring))
    mended = [[one for one in _mended(own, observe) if observed or not one.observed] for own in found]
    found = _joined(found, _alone(subjects, mended, scoring))
    chosen = [_chosen(own, subject) for own, subject in zip(found, subjects, strict=True)]
    tests = [joined_tests(subject.name, own) for subject, own in zip(subjects, chosen, strict=True)]
    whole = together(subjects, tests, scoring)
    return [
        Kept(
            subject,
            left,
            covered(subject, score or next((one for _, one in own), None), kept=bool(left)),
            _reason(subject, left, [one for _, one in own]),
        )
        for subject, (left, score), own in zip(subjects, whole, found, strict=True)
    ]


def kept_anew(one: Kept, tests: Sequence[Test], scoring: Scoring) -> Kept:
    """The same with fewer tests.

    Raises:
        HarnessError: SANDBOX when tests cannot be run safely, INTERRUPTED.
    """
    ((left, score),) = together([one.subject], [tests], scoring)
    return replace(one, tests=left, counts=covered(one.subject, score, kept=bool(left)))


def _alone(subjects: Sequence[Subject], pieces: Sequence[Sequence[Piece]], scoring: Scoring) -> list[_Scored]:
    """Every piece as a suite of its own."""
    asked = [
        (subject, rendered(AS_SOLUTION, joined_tests(subject.name, [piece])))
        for subject, own in zip(subjects, pieces, strict=True)
        for piece in own
    ]
    scores = iter(scored(asked, scoring))
    return [[(piece, next(scores)) for piece in own] for own in pieces]


def _joined(some: Sequence[_Scored], more: Sequence[_Scored]) -> list[_Scored]:
    return [[*a, *b] for a, b in zip(some, more, strict=True)]


def _mended(found: _Scored, observe: Observe) -> list[Piece]:
    """Of the pieces that do not hold, those whose expected value can be told, with that value."""
    failed = {f"observe_{at}": one for at, (one, score) in enumerate(found) if score.verdict is Verdict.FAILED_ON_REFERENCE}
    asked = [(name, question) for name, piece in failed.items() if (question := asked_of(piece)) is not None]
    tests = compatible(test for name, question in asked for test in joined_tests(name, [question]))
    if not tests:
        return []
    said = observe(tests).said
    mended = [settled(failed[test.function], said[test.name]) for test in tests if test.name in said]
    known = {piece.text for piece, _ in found}
    return list({one.text: one for one in mended if one is not None and one.text not in known}.values())


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
    """What a reader has to read; of equals the greedy sample's is taken, and what the model expected before what was observed."""
    return len(piece.text) + 200.0 * piece.observed + 1000.0 * len(piece.fixtures) + 0.001 * piece.origin[0]


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
