"""What suites are worth and what they add up to, without running anything."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation import Figures, MutantFate, SuiteScore, Verdict
from evaluation.aggregate import aggregate, mean_of
from evaluation.assess import CopiedPart, Yardstick, assess
from evaluation.findings import Fate, Findings
from evaluation.mutation.records import CompiledMutant
from evaluation.records import KILLED, TestVerdict

fraction = st.floats(0, 1)
fates = st.lists(st.sampled_from(MutantFate), max_size=15)


def score(verdict: Verdict, value: float, mutation: float | None, top: float | None = None) -> SuiteScore:
    worth = value if verdict is Verdict.VALID else 0.0
    figures = Figures(pass_rate=worth, line_coverage=worth, branch_coverage=worth, mutation_score=mutation)
    ceiling = None if top is None else replace(figures, pass_rate=top, mutation_score=top)
    return SuiteScore("f", verdict, "-", figures, without_copied=figures, ceiling=ceiling)


def found(seen: list[MutantFate], verdict: Verdict = Verdict.VALID) -> Findings:
    return Findings(verdict, "-", {"t": TestVerdict.PASSED}, 1.0, 1.0, fates=tuple(map(Fate, seen)))


def mutants(count: int) -> tuple[CompiledMutant, ...]:
    return (CompiledMutant(1, 1, "number", "", "f", beyond_mutmut=False, code=b""),) * count


reached = st.just(0.0) | st.floats(1e-6, 1)  # shares of counts: no count is so large that one over it vanishes
scored = st.builds(score, st.sampled_from(Verdict), fraction, st.none() | fraction, st.none() | reached)


@settings(max_examples=40, deadline=None)
@given(st.lists(scored, max_size=30), st.integers(0, 9))
def test_every_figure_is_a_number_inside_its_interval(scores: list[SuiteScore], seed: int) -> None:
    result = aggregate(scores, seed)
    metrics = result.to_metrics()
    usable = [one for one in scores if one.verdict is not Verdict.FUNCTION_BROKEN]
    assert all(math.isfinite(value) for value in metrics.values())
    assert metrics["functions"] + metrics["functions_broken"] == sum(result.verdicts.values()) == len(scores)
    assert metrics["functions"] == len(usable)
    for mean in result.means.values():
        assert 0 <= mean.low <= mean.mean <= mean.high <= 1
        assert mean.n <= len(usable)
    assert ("mutation_score" in metrics) == any(one.figures.mutation_score is not None for one in usable)
    assert ("pass_rate_at_valid" in metrics) == any(one.valid for one in usable)
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


def test_the_mean_is_over_all_usable_functions_and_at_valid_stands_beside() -> None:
    scores = [score(Verdict.VALID, 0.8, 0.5), score(Verdict.TIMEOUT, 0.8, 0.0), score(Verdict.MISSING, 1.0, None)]
    metrics = aggregate([*scores, score(Verdict.FUNCTION_BROKEN, 0.0, None)]).to_metrics()
    assert (metrics["functions"], metrics["functions_broken"]) == (3, 1)
    assert metrics["pass_rate"] == pytest.approx(0.8 / 3)
    assert metrics["pass_rate_at_valid"] == pytest.approx(0.8)
    assert metrics["mutation_score"] == metrics["mutation_score_without_copied"] == pytest.approx(0.25)
    assert metrics["mutation_score_n"] == 2
    assert metrics["valid_rate"] == pytest.approx(1 / 3)
    assert (metrics["suites_timeout"], metrics["suites_missing"], metrics["suites_function_broken"]) == (1, 1, 1)


def test_a_share_of_the_ceiling_is_over_functions_that_have_both() -> None:
    scores = [score(Verdict.VALID, 0.4, 0.2, 0.8), score(Verdict.TIMEOUT, 0.4, None, 0.8), score(Verdict.VALID, 1.0, 1.0)]
    of_ceiling = aggregate(scores).of_ceiling
    assert of_ceiling["pass_rate"] == pytest.approx(0.4 / 1.6)
    assert of_ceiling["mutation_score"] == pytest.approx(0.2 / 0.8)
    assert "mutation_score_all" not in of_ceiling


def test_shares_count_over_all_suites() -> None:
    copying = replace(score(Verdict.VALID, 1.0, 1.0), asserts=3, copied_asserts=1)
    killing = assess("f", found([MutantFate.ASSERTED, MutantFate.RAISED]), Yardstick(mutants(2)), CopiedPart(1, 1))
    assert aggregate([copying, killing]).shares == {"assertion_kill_share": 0.5, "copied_assert_share": 0.5}
    assert aggregate([]).shares == {}


@given(fates, st.lists(st.sampled_from(MutantFate), min_size=15, max_size=15))
def test_mutants_add_up(seen: list[MutantFate], others: list[MutantFate]) -> None:
    oracle = found(others[: len(seen)])
    for yardstick in (Yardstick(mutants(len(seen)), oracle), Yardstick(mutants(len(seen)))):
        result = assess("f", found(seen), yardstick)
        figures = result.figures
        assert result.killed + result.timeouts + result.survived == len(result.mutants) == len(seen)
        assert result.killed == sum(fate in KILLED for fate in seen)
        rates = (figures.mutation_score, figures.mutation_score_all, figures.mutation_score_lenient)
        assert all(rate is None or 0 <= rate <= 1 for rate in rates)
        assert (figures.mutation_score_all is None) == (not seen)
    assert (result.killable, result.ceiling) == (None, None)
    assert figures.mutation_score == figures.mutation_score_all


@given(fates)
def test_an_oracle_reaches_its_own_ceiling(seen: list[MutantFate]) -> None:
    result = assess("f", found(seen), Yardstick(mutants(len(seen)), found(seen)))
    assert result.figures == result.ceiling
    assert result.figures.mutation_score in {1.0, None}
    assert set(aggregate([result]).of_ceiling.values()) == {1.0}


def test_the_denominator_is_what_oracle_or_suite_kill() -> None:
    own = [MutantFate.ASSERTED, MutantFate.STOPPED, MutantFate.SURVIVED, MutantFate.UNCOVERED]
    oracle = [MutantFate.SURVIVED, MutantFate.RAISED, MutantFate.ASSERTED, MutantFate.UNCOVERED]
    result = assess("f", found(own), Yardstick(mutants(4), found(oracle)))
    assert (result.killable, result.killed, result.timeouts, result.survived) == (3, 1, 1, 2)
    assert result.figures.mutation_score == pytest.approx(1 / 3)
    assert result.figures.mutation_score_lenient == pytest.approx(2 / 3)
    assert result.figures.mutation_score_all == pytest.approx(1 / 4)
    assert result.figures.mutation_score_all_lenient == pytest.approx(2 / 4)


@pytest.mark.parametrize("verdict", [verdict for verdict in Verdict if verdict is not Verdict.VALID])
def test_a_suite_that_is_not_valid_is_worth_nothing(verdict: Verdict) -> None:
    empty = replace(found([], verdict), fates=())
    unkillable = assess("f", empty, Yardstick(mutants(4), found([MutantFate.SURVIVED] * 4)))
    assert (unkillable.figures.mutation_score, unkillable.figures.mutation_score_all) == (None, 0)
    result = assess("f", empty, Yardstick(mutants(2), found([MutantFate.ASSERTED] * 2)))
    assert result.figures == Figures(0, 0, 0, 0, 0, 0, 0)
    assert [mutant.fate for mutant in result.mutants] == [MutantFate.SURVIVED] * 2


def test_figures_without_copied_asserts_are_those_of_the_rest() -> None:
    whole, rest = found([MutantFate.ASSERTED] * 2), found([MutantFate.ASSERTED, MutantFate.SURVIVED])
    result = assess("f", whole, Yardstick(mutants(2)), CopiedPart(2, 1, rest))
    assert (result.figures.mutation_score, result.without_copied.mutation_score) == (1.0, 0.5)
    assert assess("f", whole, Yardstick(mutants(2)), CopiedPart(2)).without_copied == result.figures


def test_a_row_is_flat_and_holds_every_figure() -> None:
    row = assess("f", found([MutantFate.ASSERTED, MutantFate.UNCOVERED]), Yardstick(mutants(2))).to_row()
    assert (row["killed"], row["survived"], row["survivors"], row["mutants"]) == (1, 1, ["line 1: number"], 2)
    assert {f"{name}{suffix}" for name in Figures.__slots__ for suffix in ("", "_without_copied")} <= row.keys()


def test_findings_go_through_json_unchanged() -> None:
    whole = replace(found([MutantFate.ASSERTED]), missed_lines=(2, 3))
    assert Findings.from_dict(whole.to_dict()) == whole
