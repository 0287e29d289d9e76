"""Whether scores can be believed: known ceilings, suites that must earn nothing, attacks that must not get out.

Owns the parts ``ceilings``, ``degenerate`` and ``escapes``. The suites are those of `benchmarks.degenerate_suites`, the attacks
those of `benchmarks.attacks`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from benchmarks import evaluation_data as data
from benchmarks.evaluation_bench import Bench, say
from benchmarks.evaluation_data import Pair
from evaluation import FocalFunction, Suite, SuiteScore, TestVerdict, Verdict
from evaluation.sandbox import Level, probe
from evaluation.sandbox.launch import Fence

FEW = 3  # mutants, where only the verdict is asked for
VOID = {Verdict.OVERSPECIFIED, Verdict.NO_CHECK, Verdict.FORGED, Verdict.FLAKY}
VOID_TESTS = {TestVerdict.OVERSPECIFIED, TestVerdict.NO_CHECK, TestVerdict.FORBIDDEN, TestVerdict.FLAKY}


def ceilings(bench: Bench) -> dict[str, Any]:
    """Killed and stopped mutants of all mutants, pooled, of the data sets' own tests."""
    found: dict[str, Any] = {}
    for name, pairs in (("humaneval", data.humaneval()), ("mbpp", data.mbpp())):
        chosen = data.drawn(pairs, bench.limit)
        say(f"  {name}: {len(chosen)} functions, all mutants")
        report, wall = bench.score(chosen, bench.settings(None))
        bench.scored.update({score.function_id: score for score in report.scores})
        mutants = sum(len(score.mutants) for score in report.scores)
        killed, stopped = sum(score.killed for score in report.scores), sum(score.timeouts for score in report.scores)
        found[f"ceiling_{name}"] = round((killed + stopped) / mutants, 5) if mutants else None
        found[f"ceiling_{name}_strict"] = round(killed / mutants, 5) if mutants else None
        found[f"mutants_{name}"] = mutants
        found[f"stopped_{name}"] = stopped
        found[f"ceiling_{name}_s"] = round(wall, 1)
    return found


def degenerate(bench: Bench) -> dict[str, Any]:
    """The most that a suite without a check gets, and what the data sets' own suites lose to the same rules."""
    from benchmarks import degenerate_suites as data_of

    control, focal = data_of.partial_control(), data_of.FOCAL
    suites = {suite.name: suite for suite in data_of.degenerate()}
    cases = {**{name: suite.code for name, suite in suites.items()}, control.name: control.code}
    report, _ = bench.score([_case(name, code, focal) for name, code in cases.items()], bench.settings(15))
    credit = {score.function_id: _credit(score) for score in report.scores}
    none = [name for name, suite in suites.items() if suite.credit == "none"]
    partial = [name for name in suites if name not in none]
    written, _ = bench.score([_case(example.name, example.code, focal) for example in data_of.honest()], bench.settings(15))
    return {
        "degenerate_credit": max(credit[name] for name in none),
        "degenerate_suites": len(none),
        "degenerate_offenders": sorted(name for name in none if credit[name]),
        "degenerate_partial": len(partial),
        "degenerate_partial_offenders": sorted(name for name in partial if _exceeds(report.scores, name, control.name)),
        "honest_examples_voided": [s.function_id for s in written.scores if s.verdict is not Verdict.VALID or not s.killed],
        **_honest(bench),
    }


def _honest(bench: Bench) -> dict[str, Any]:
    """How many of HumanEval's and MBPP's own suites, and of the tests in them, the rules against cheating void."""
    pairs = [*data.drawn(data.humaneval(), bench.limit), *data.drawn(data.mbpp(), bench.limit)]
    unseen = [pair for pair in pairs if pair[0].id not in bench.scored]
    if unseen:
        say(f"  {len(unseen)} suites of the data sets")
        bench.scored.update({score.function_id: score for score in bench.score(unseen, bench.settings(FEW))[0].scores})
    scores = [bench.scored[function.id] for function, _ in pairs]
    tests = [(score.function_id, name, verdict) for score in scores for name, verdict in score.tests.items()]
    return {
        "honest_suites": len(scores),
        "honest_voided": sum(score.verdict in VOID for score in scores),
        "honest_voided_names": {
            score.function_id: f"{score.verdict}: {score.detail}" for score in scores if score.verdict in VOID
        },
        "honest_tests": len(tests),
        "honest_tests_voided": [f"{function} {name}: {verdict}" for function, name, verdict in tests if verdict in VOID_TESTS],
    }


def escapes(_bench: Bench) -> dict[str, Any]:
    """Attacks that worked, under every combination of layers that the engine accepts here, as root and as an ordinary user."""
    from benchmarks.attacks import run_attacks

    missing = {str(level): probe(Fence(level)) for level in Level}
    levels = [level for level in Level if missing[level] is None]
    users = {"root": False, "user": True} if os.getuid() == 0 else {"user": False}
    outcomes = []
    for user, as_user in users.items():
        for level in levels:
            say(f"  attacks behind {level} as {user}")
            outcomes += [(user, outcome) for outcome in run_attacks([level], as_user=as_user)]
    escaped = [(user, outcome) for user, outcome in outcomes if outcome.escaped]
    names = {outcome.attack for _, outcome in outcomes}
    combinations = {f"{outcome.level} as {user}" for user, outcome in outcomes}
    return {
        "escapes": len(escaped),
        "escapes_seen": [f"{one.attack} ({one.level}, {user}): {one.seen}" for user, one in escaped],
        "attacks": sum(not name.startswith("[") for name in names),  # in brackets stands what holds for a whole batch
        "combinations": len(combinations),
        "combinations_seen": sorted(combinations),
        "combinations_not_here": {level: reason for level, reason in missing.items() if reason is not None},
    }


def _case(name: str, code: str, focal: str) -> Pair:
    return FocalFunction(name, focal, "clamp"), Suite(name, code)


def _credit(score: SuiteScore) -> float:
    """The largest number that the suite gets."""
    return max(_numbers(score), default=0.0)


def _numbers(score: SuiteScore) -> Iterable[float]:
    for figures in (score.figures, score.without_copied):
        yield from (value for value in asdict(figures).values() if value is not None)


def _exceeds(scores: Sequence[SuiteScore], name: str, control: str) -> bool:
    """Whether a suite with one honest test gets more than that test alone."""
    by_id = {score.function_id: score for score in scores}
    pairs = zip(_numbers(by_id[name]), _numbers(by_id[control]), strict=False)
    return any(value > limit for value, limit in pairs)
