"""Judges tests: what an exception means, and what it takes to have passed. Shared by both ways of running a suite.

pytest's reports are not asked: a suite can patch them. A test has passed when its function was called by this package and came
back with None, and its setup and teardown raised nothing.
"""

from __future__ import annotations

import opcode

from _pytest.outcomes import Failed, Skipped, XFailed

from evaluation.records import TestVerdict
from evaluation.runner.wire import describe

STOPPING = frozenset({TestVerdict.FAILED, TestVerdict.ERROR, TestVerdict.MEMORY})
KINDS: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], TestVerdict], ...] = (
    (Skipped, TestVerdict.SKIPPED),
    (XFailed, TestVerdict.XFAILED),
    (MemoryError, TestVerdict.MEMORY),
    ((AssertionError, Failed), TestVerdict.FAILED),
)
Result = tuple[str, TestVerdict, str, int]  # id, verdict, detail, ticks when it ended
RAISES = frozenset({opcode.opmap["RAISE_VARARGS"], opcode.opmap["RERAISE"]})


def judge(problem: BaseException | None, *, returned: bool) -> tuple[TestVerdict, str]:
    """The verdict on one test.

    Args:
        problem: What it raised, or None.
        returned: Whether its function was called and came back with None.
    """
    if problem is None:
        return (TestVerdict.PASSED, "") if returned else (TestVerdict.RETURNED, "returned a value, or was never called")
    for kind, verdict in KINDS:
        if isinstance(problem, kind):
            return verdict, describe(problem)
    if raised_by_suite(problem):
        return TestVerdict.FAILED, describe(problem)
    return TestVerdict.ERROR, describe(problem)


def raised_by_suite(problem: BaseException) -> bool:
    """Whether a ``raise`` statement in the suite raised it: that is a check, like an assertion."""
    place = problem.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    if place is None or not place.tb_frame.f_code.co_filename.endswith("/test_suite.py"):
        return False
    return place.tb_frame.f_code.co_code[place.tb_lasti] in RAISES
