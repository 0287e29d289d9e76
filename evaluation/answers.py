"""Reads what a run answered. Nothing in it is to be trusted: it was written next to suite code, so its shape is checked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from evaluation.records import TestVerdict, Verdict
from evaluation.runner.wire import ANSWERED, FORGED, TIMED_OUT, Ended, Limits, Message

VERDICTS = frozenset(TestVerdict)
MAX_TESTS = 20_000
SURROGATE = re.compile("[\ud800-\udfff]")


def read(ended: Ended) -> Message:
    """The message of a run: all of `WHOLE`, or one of `ALONE`, or empty where it has another shape or there is none."""
    if ended.how != ANSWERED:
        return {}
    try:
        message = json.loads(ended.data)
    except (ValueError, RecursionError):
        return {}
    known = isinstance(message, dict) and all(name in FIELDS and FIELDS[name](value) for name, value in message.items())
    return message if known and (message.keys() >= WHOLE or (len(message) == 1 and message.keys() <= ALONE)) else {}


def _is_text(value: object) -> bool:
    """Text that can be written to a file: a lone surrogate cannot."""
    return isinstance(value, str) and not SURROGATE.search(value)


def _is_test(value: object) -> bool:
    if not (isinstance(value, list) and len(value) == 4):
        return False
    name, verdict, detail, ticks = value
    return all(map(_is_text, (name, verdict, detail))) and verdict in VERDICTS and type(ticks) is int


def _is_tests(value: object) -> bool:
    return isinstance(value, list) and len(value) <= MAX_TESTS and all(map(_is_test, value))


def _is_pair(of: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and len(value) == 2 and all(map(of, value))


def _is_arcs(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_pair(_is(int)), value))


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: type(value) is kind


FIELDS: dict[str, Callable[[object], bool]] = {
    "tests": _is_tests,
    "rebound": _is(bool),
    "ran": _is(bool),
    "ticks": _is(int),
    "budget": _is(bool),
    "memory": _is(bool),
    "error": _is_text,
    "solution_error": _is_text,
    "collect_error": _is_pair(_is_text),
    "arcs": _is_arcs,
}
WHOLE = frozenset({"tests", "rebound", "ran", "ticks"})
ALONE = frozenset({"budget", "memory", "error", "solution_error"})


def passing(message: Message) -> set[str]:
    """Ids of the tests that pass, where the suite could be imported."""
    return {name for name, verdict, *_ in message.get("tests", []) if verdict == TestVerdict.PASSED}


def died(ended: Ended, limits: Limits) -> tuple[Verdict, str]:
    """The verdict on a suite whose run on the reference gave no usable answer.

    Args:
        ended: The run.
        limits: What it was given; named instead of what it took, since no two runs take the same.
    """
    message = read(ended)
    if ended.how == TIMED_OUT:
        return Verdict.TIMEOUT, f"stopped at its limit of {limits.wall_s:g} s, on the clock or of CPU time"
    if ended.how == FORGED or (ended.how == ANSWERED and not message):
        return Verdict.FORGED, "a run was answered by something else than the runner"
    if "memory" in message:
        return Verdict.MEMORY, "ran out of memory"
    return Verdict.CRASHED, message.get("error", "the process ended before the tests did")
