from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.halving import Halving, standing
from harness.core.rungs import RungScore
from harness.core.worse import drift, student_quantile

MAX = ("maximize",)


def at(rung: int, *values: float) -> list[RungScore]:
    return [RungScore(trial, rung, (value,)) for trial, value in enumerate(values)]


def test_what_all_gain_alike_is_no_drift() -> None:
    assert drift(at(0, 0.1, 0.2, 0.3, 0.4), at(1, 0.4, 0.5, 0.6, 0.7), 0.95) == pytest.approx((0.0,))


def test_the_spread_of_the_changes_is_that_of_those_seen_at_both() -> None:
    here, top = at(0, 0.1, 0.2, 0.3, 0.4, 0.9), at(1, 0.2, 0.4, 0.4, 0.6)
    sd = math.sqrt(0.01 / 3)  # of changes of 0.1, 0.2, 0.1, 0.2
    assert drift(here, top, 0.95) == pytest.approx((2.353 * math.sqrt(2) * sd,), rel=0.02)
    assert drift(here, top, 0.5) == (0.0,)


@pytest.mark.parametrize(("p", "degrees", "known"), [(0.95, 3, 2.3534), (0.95, 9, 1.8331), (0.8, 3, 0.9785), (0.99, 5, 3.3649)])
def test_quantiles_are_those_of_the_tables(p: float, degrees: int, known: float) -> None:
    assert student_quantile(p, degrees) == pytest.approx(known, rel=0.02)


@pytest.mark.parametrize("top", [(), (0.5,), (0.5, 0.6, 0.7)])
def test_few_pairs_tell_nothing(top: tuple[float, ...]) -> None:
    assert drift(at(0, 0.1, 0.2, 0.3, 0.4), at(1, *top), 0.95) == (math.inf,)


def test_a_rung_without_scores_has_none() -> None:
    assert drift([RungScore(0, 0, (), (), 1.5)], at(1, 0.5), 0.95) == ()


@given(st.lists(st.floats(0, 1), min_size=4, max_size=9), st.randoms(use_true_random=False))
def test_the_order_does_not_matter(values: list[float], chance: random.Random) -> None:
    here, top = at(0, *values), at(1, *(1 - value for value in values))
    assert drift(chance.sample(here, len(here)), chance.sample(top, len(top)), 0.9) == drift(here, top, 0.9)


def test_nobody_is_cut_for_what_further_training_may_change() -> None:
    scores, rule = at(0, 0.9, 0.8, 0.4, 0.1), Halving(2.0, confidence=0.95)
    assert standing(scores, MAX, rule).clearly_worse == {2, 3}
    assert standing(scores, MAX, rule, (0.5,)).clearly_worse == {3}
    assert standing(scores, MAX, rule, (0.75,)).clearly_worse == frozenset()
    assert standing(scores, MAX, rule, (math.inf,)).clearly_worse == frozenset()


@given(st.lists(st.floats(0, 1), min_size=2, max_size=12), st.floats(0, 1), st.floats(0, 1))
def test_more_drift_cuts_no_other_trials(values: list[float], one: float, other: float) -> None:
    less, more = (standing(at(0, *values), MAX, Halving(), (sd,)) for sd in sorted((one, other)))
    assert more.clearly_worse <= less.clearly_worse
    assert more.ranked == less.ranked
