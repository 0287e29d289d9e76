"""An honest suite is valid, passes and kills, whatever kind of function it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import Case, read_cases, score_all

from evaluation import ScoreSettings, SuiteScore, Verdict
from evaluation.records import TestVerdict

CASES = read_cases("kinds_of_functions.txt")
each = pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])


@pytest.fixture(scope="module")
def kind_scores(cache_dir: Path) -> dict[str, SuiteScore]:
    return score_all(CASES, ScoreSettings(mutants_per_function=5, cache_dir=cache_dir))[0]


@each
def test_an_honest_suite_is_worth_something(case: Case, kind_scores: dict[str, SuiteScore]) -> None:
    score = kind_scores[case.name]
    assert score.verdict is Verdict.VALID, score.detail
    assert set(score.tests.values()) == {TestVerdict.PASSED}, score.detail
    assert score.passed == score.collected > 0
    assert score.killed > 0, score.mutants


@each
def test_all_of_its_body_is_covered(case: Case, kind_scores: dict[str, SuiteScore]) -> None:
    score = kind_scores[case.name]
    assert (score.figures.line_coverage, score.figures.branch_coverage) == (1.0, 1.0), score.detail
    assert score.missed_lines == ()
