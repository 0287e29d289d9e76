"""Mutants that never end are stopped: loops and calls by counting, the rest by CPU time, and sleep by the clock."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from cases import Case, score_all

from evaluation import MutantFate, Report, ScoreSettings, SuiteScore, Verdict

COUNTED = {
    "while": ("def f(limit):\n    n = 0\n    while n < limit:\n        n += 1\n    return n\n", "f(3) == 3"),
    "calls": (
        "def f(n, k):\n    x = 1\n    for _ in range(k):\n        x += f(n - 1, k - 1) if n > 0 else 0\n    return x\n",
        "f(14, 1) == 2",
    ),
    "generator": ("def f(n):\n    while n > 0:\n        yield n\n        n -= 1\n", "list(f(2)) == [2, 1]"),
}
# With + 5 instead of - 5 it is one power in C that takes hours.
RUNAWAY = ("def f(n):\n    return 9 ** 9 ** (n * 3 - 5) % 100\n", "f(2) == 89")
SLEEPING = ("import time\ndef f(n):\n    time.sleep((n - 1) * 60)\n    return n\n", "f(1) == 1")


def _case(name: str, what: tuple[str, str]) -> Case:
    suite = f"from solution import f\ndef test_a():\n    assert {what[1]}\n"
    return Case(name, suite, what[0], "f", suite)


def _score(parts: Mapping[str, tuple[str, str]], **settings: object) -> tuple[dict[str, SuiteScore], Report]:
    cases = [_case(name, what) for name, what in parts.items()]
    return score_all(cases, ScoreSettings(mutants_per_function=None, **settings))  # type: ignore[arg-type]


def _stopped(score: SuiteScore) -> list[str]:
    return [f"{mutant.line} {mutant.operator}" for mutant in score.mutants if mutant.fate is MutantFate.STOPPED]


@pytest.fixture(scope="module")
def counted() -> tuple[dict[str, SuiteScore], Report]:
    return _score(COUNTED, mutant_timeout_s=60.0, workers=1)


@pytest.mark.parametrize("name", COUNTED)
def test_loops_and_calls_are_counted(name: str, counted: tuple[dict[str, SuiteScore], Report]) -> None:
    score = counted[0][name]
    assert score.verdict is Verdict.VALID, score.detail
    assert len(_stopped(score)) == score.timeouts > 0
    assert score.killable == score.killed
    assert score.killed + score.timeouts + score.survived == len(score.mutants)
    assert (score.figures.mutation_score, score.figures.mutation_score_lenient) == (1.0, 1.0)
    assert (score.figures.mutation_score_all or 0) < (score.figures.mutation_score_all_lenient or 0)


def test_counting_waits_for_nothing_and_repeats(counted: tuple[dict[str, SuiteScore], Report]) -> None:
    assert max(counted[1].seconds["mutant"]) < 20
    again, _ = _score(COUNTED, mutant_timeout_s=60.0, workers=2)
    assert again == counted[0]


def test_what_cannot_be_counted_is_stopped_by_cpu_time(cache_dir: Path) -> None:
    scores, report = _score({"runaway": RUNAWAY}, mutant_timeout_s=5.0, cache_dir=cache_dir)
    assert scores["runaway"].verdict is Verdict.VALID, scores["runaway"].detail
    assert scores["runaway"].timeouts >= 1
    assert scores["runaway"].figures.mutation_score == 1.0
    assert sum(report.seconds["mutant"]) < 20


def test_a_sleeping_mutant_is_stopped_by_the_clock(cache_dir: Path) -> None:
    scores, report = _score({"sleeping": SLEEPING}, mutant_timeout_s=0.5, cache_dir=cache_dir)
    assert scores["sleeping"].verdict is Verdict.VALID, scores["sleeping"].detail
    assert scores["sleeping"].timeouts >= 1
    assert sum(report.seconds["mutant"]) < 20
