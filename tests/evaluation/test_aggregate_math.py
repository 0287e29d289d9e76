from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import SuiteScore, Verdict
from evaluation.aggregate import aggregate, mean_of
from evaluation.assess import Oracle, Yardstick, assess
from evaluation.records import TestVerdict
from evaluation.runner.job import Findings, MutantFate

fraction = st.floats(0, 1)
fates = st.lists(st.sampled_from(MutantFate), max_size=15)


def score(verdict: Verdict, value: float, mutation: float | None) -> SuiteScore:
    worth = value if verdict is Verdict.VALID else 0.0
    return SuiteScore("f", verdict, "-", pass_rate=worth, line_coverage=worth, branch_coverage=worth, mutation_score=mutation)


scored = st.builds(score, st.sampled_from(Verdict), fraction, st.none() | fraction)


@settings(max_examples=40, deadline=None)
@given(st.lists(scored, max_size=30), st.integers(0, 9))
def test_every_figure_is_a_number_inside_its_interval(scores: list[SuiteScore], seed: int) -> None:
    result = aggregate(scores, seed)
    metrics = result.to_metrics()
    assert all(math.isfinite(value) for value in metrics.values())
    assert sum(result.verdicts.values()) == metrics["functions"] == len(scores)
    for mean in result.means.values():
        assert 0 <= mean.low <= mean.mean <= mean.high <= 1
    assert ("mutation_score" in metrics) == any(one.mutation_score is not None for one in scores)
    assert ("pass_rate_at_valid" in metrics) == any(one.valid for one in scores)
    assert aggregate(scores, seed) == result


def test_a_known_mean_and_interval() -> None:
    mean = mean_of([0.0] * 50 + [1.0] * 50, seed=1)
    assert mean.mean == 0.5
    # The standard error of 100 fair coins is 0.05.
    assert mean.low == pytest.approx(0.402, abs=0.02)
    assert mean.high == pytest.approx(0.598, abs=0.02)


def test_no_values_have_no_mean() -> None:
    with pytest.raises(ValueError, match="absent"):
        mean_of([], seed=0)


def test_the_mean_is_over_all_functions_and_at_valid_stands_beside() -> None:
    scores = [score(Verdict.VALID, 0.8, 0.5), score(Verdict.TIMEOUT, 0.8, 0.0), score(Verdict.MISSING, 1.0, None)]
    metrics = aggregate(scores).to_metrics()
    assert metrics["pass_rate"] == pytest.approx(0.8 / 3)
    assert metrics["pass_rate_at_valid"] == pytest.approx(0.8)
    assert metrics["mutation_score"] == pytest.approx(0.25)
    assert metrics["mutation_score_n"] == 2
    assert metrics["valid_rate"] == pytest.approx(1 / 3)
    assert (metrics["suites_timeout"], metrics["suites_missing"]) == (1, 1)


@given(fates, st.sets(st.integers(0, 14)), st.sets(st.integers(0, 14)))
def test_mutants_add_up(seen: list[MutantFate], killed: set[int], stopped: set[int]) -> None:
    oracle = Oracle(
        frozenset(index for index in killed if index < len(seen)),
        frozenset(index for index in stopped - killed if index < len(seen)),
    )
    found = Findings(Verdict.VALID, "-", {"t": TestVerdict.PASSED}, 1.0, 1.0, tuple(seen))
    for yardstick in (Yardstick(len(seen), oracle), Yardstick(len(seen), None)):
        result = assess("f", found, yardstick)
        assert result.killed + result.timeouts + result.survived == result.mutants == len(seen)
        for value in (result.mutation_score, result.mutation_score_all, result.mutation_score_lenient):
            assert value is None or 0 <= value <= 1
    assert (result.mutation_score_all is None) == (not seen)


def test_the_denominator_is_what_oracle_or_suite_kill() -> None:
    fates = (MutantFate.ASSERTED, MutantFate.STOPPED, MutantFate.SURVIVED, MutantFate.UNCOVERED)
    found = Findings(Verdict.VALID, "-", {"t": TestVerdict.PASSED}, 1.0, 1.0, fates)
    result = assess("f", found, Yardstick(4, Oracle(frozenset({1, 2}), frozenset())))
    assert (result.killable, result.killed, result.timeouts, result.survived) == (3, 1, 1, 2)
    assert result.mutation_score == pytest.approx(1 / 3)
    assert result.mutation_score_lenient == pytest.approx(2 / 3)
    assert result.mutation_score_all == pytest.approx(1 / 4)
    unkillable = assess("f", Findings(Verdict.TIMEOUT, "-"), Yardstick(4, Oracle(frozenset(), frozenset())))
    assert unkillable.mutation_score is None
    assert unkillable.mutation_score_all == 0
