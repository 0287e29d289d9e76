"""Suites that look good without checking anything earn nothing; honest ones earn what they detect."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pytest

from evaluation import FocalFunction, ScoreSettings, Suite, SuiteScore, Verdict, score_suites

# The root, not the folder: a script in benchmarks/ is named like the package.
sys.path.append(str(Path(__file__).parents[2]))
from benchmarks.degenerate_suites import FOCAL, Degenerate, Example, degenerate, honest, partial_control, weak

WORTHLESS = [suite for suite in degenerate() if suite.credit == "none"]
PARTIAL = [suite for suite in degenerate() if suite.credit == "partial"]
Scores = dict[str, SuiteScore]


def _score(suites: Sequence[Degenerate | Example], cache_dir: Path) -> Scores:
    functions = [FocalFunction(suite.name, FOCAL, "clamp") for suite in suites]
    settings = ScoreSettings(suite_timeout_s=1.5, mutant_timeout_s=1.0, cache_dir=cache_dir)
    report = score_suites(functions, [Suite(suite.name, suite.code) for suite in suites], settings)
    return {score.function_id: score for score in report.scores}


@pytest.fixture(scope="module")
def worthless_scores(cache_dir: Path) -> Scores:
    return _score(WORTHLESS, cache_dir)


@pytest.fixture(scope="module")
def partial_scores(cache_dir: Path) -> Scores:
    return _score([*PARTIAL, partial_control()], cache_dir)


@pytest.fixture(scope="module")
def sound_scores(cache_dir: Path) -> Scores:
    return _score([*honest(), *weak()], cache_dir)


def _credited(score: SuiteScore) -> dict[str, float]:
    """Every number of a score that is above 0."""
    numbers = {**asdict(score.figures), "killed": score.killed, "killed_by_assertion": score.killed_by_assertion}
    return {name: value for name, value in numbers.items() if value}


@pytest.mark.parametrize("suite", [pytest.param(suite, id=f"{suite.family}: {suite.name}") for suite in WORTHLESS])
def test_earns_nothing(suite: Degenerate, worthless_scores: Scores) -> None:
    score = worthless_scores[suite.name]
    assert _credited(score) == {}, f"{suite.why}; {score.verdict}: {score.detail}; {dict(score.tests)}"
    assert score.detail


@pytest.mark.parametrize("suite", [pytest.param(suite, id=suite.name) for suite in PARTIAL])
def test_a_trick_beside_an_honest_test_adds_nothing(suite: Degenerate, partial_scores: Scores) -> None:
    score, control = partial_scores[suite.name], partial_scores[partial_control().name]
    assert control.verdict is Verdict.VALID
    tricks = [str(verdict) for name, verdict in score.tests.items() if name.startswith("test_trick")]
    assert "passed" not in tricks, score.detail
    assert score.passed <= control.passed
    limit = _credited(control)
    assert {name: value for name, value in _credited(score).items() if value > limit.get(name, 0)} == {}, suite.why


@pytest.mark.parametrize("suite", [pytest.param(suite, id=suite.name) for suite in honest()])
def test_an_honest_suite_is_credited(suite: Example, sound_scores: Scores) -> None:
    score = sound_scores[suite.name]
    assert score.verdict is Verdict.VALID, score.detail
    assert score.figures.pass_rate == 1.0, dict(score.tests)
    assert score.killed > 0
    assert score.figures.line_coverage > 0


@pytest.mark.parametrize("suite", [pytest.param(suite, id=suite.name) for suite in weak()])
def test_a_weak_suite_earns_only_what_it_detects(suite: Example, sound_scores: Scores) -> None:
    score, strong = sound_scores[suite.name], sound_scores["independent oracle"]
    assert score.figures.pass_rate in {0.0, 1.0}
    assert score.killed < strong.killed / 2


def test_the_list_is_as_long_as_promised() -> None:
    assert sum(suite.family == "known" for suite in degenerate()) == 21
    assert len({suite.name for suite in degenerate()}) == len(degenerate()) >= 61
    assert len(honest()) >= 15
