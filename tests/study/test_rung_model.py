"""What trials at different rungs teach: values on one scale."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.pareto import Direction
from harness.study.history import Past, PastState
from harness.study.rung_model import Learning, expected_values, lessons

UP: tuple[Direction, ...] = ("maximize", "maximize")
scores = st.tuples(st.floats(0, 1), st.floats(-5, 5))


def past(number: int, *rungs: tuple[float, ...] | None, state: PastState = PastState.PAUSED) -> Past:
    return Past(number, {"r": number}, state, rungs)


@settings(deadline=None)
@given(st.lists(scores, min_size=1, max_size=8))
def test_the_highest_rung_is_taken_as_it_is(values: list[tuple[float, float]]) -> None:
    history = [past(number, (0.1, 0.1), row, state=PastState.COMPLETE) for number, row in enumerate(values)]
    assert expected_values(history, UP) == {number: pytest.approx(row) for number, row in enumerate(values)}


@settings(deadline=None)
@given(st.lists(scores, min_size=2, max_size=8), st.lists(scores, min_size=1, max_size=4))
def test_within_a_rung_the_order_stays(lower: list[tuple[float, float]], upper: list[tuple[float, float]]) -> None:
    history = [past(number, row) for number, row in enumerate(lower)]
    history += [past(100 + number, lower[number % len(lower)], row) for number, row in enumerate(upper)]
    found = expected_values(history, UP)
    for axis in (0, 1):
        by_score = sorted(range(len(lower)), key=lambda i: lower[i][axis])
        raised = [found[number][axis] for number in by_score]
        assert all(one <= other + 1e-9 for one, other in pairwise(raised))


def test_what_training_adds_to_all_is_added_to_those_that_wait() -> None:
    history = [past(number, (0.1 * number,), (0.1 * number + 0.3,)) for number in range(5)]
    found = expected_values([*history, past(5, (0.25,)), past(6, (0.0,), state=PastState.CUT)], UP)
    assert found[5] == pytest.approx((0.55,))
    assert found[6] == pytest.approx((0.3,))


def test_two_rungs_up_go_by_both_lines() -> None:
    whole = [past(number, (0.1 * number,), (0.1 * number + 0.2,), (0.1 * number + 0.3,)) for number in range(4)]
    assert expected_values([*whole, past(4, (0.5,))], UP)[4] == pytest.approx((0.8,))


def test_without_a_trial_at_both_rungs_scores_stay_as_they_are() -> None:
    assert expected_values([past(0, (0.2,)), past(1, None, (0.6,))], UP) == {0: (0.2,), 1: (0.6,)}


def test_three_ways_to_learn_from_rungs() -> None:
    cut = Past(0, {"r": 0}, PastState.CUT, ((0.2,),), {"memory": -0.5, "rung": 0.25})
    history = [cut, past(1, (0.3,)), past(2, (0.3,), (0.7,), state=PastState.COMPLETE)]
    taught = lessons(history, UP, "model")
    assert [lesson.feasible for lesson in taught] == [True] * 3
    assert [lesson.values for lesson in taught] == [pytest.approx((0.6,)), pytest.approx((0.7,)), pytest.approx((0.7,))]
    first, second, third = lessons(history, UP, "cuts")
    assert (first.values, first.feasible) == (None, False)
    assert second.running
    assert third.values == (0.7,)
    second, third = lessons(history, UP, "ignore")
    assert second.running
    assert third.values == (0.7,)


@pytest.mark.parametrize("learning", ["model", "cuts", "ignore"])
def test_failed_trials_teach_nothing_and_ruled_out_ones_always_violate(learning: Learning) -> None:
    timed_out = Past(1, {"r": 1}, PastState.INFEASIBLE, ((0.5,),), {"memory": -0.5, "stability": -1.0})
    (lesson,) = lessons([Past(0, {"r": 0}, PastState.FAILED, ((0.5,),)), timed_out], UP, learning)
    assert not lesson.feasible
    assert lesson.values is None


def test_a_running_trial_teaches_by_the_rungs_behind_it() -> None:
    running = past(1, (0.4,), state=PastState.RUNNING)
    assert lessons([running], UP)[0].values == (0.4,)
    assert lessons([replace(running, rungs=())], UP)[0].running


def by_loss(number: int, loss: float, *rungs: tuple[float, ...] | None, state: PastState = PastState.PAUSED) -> Past:
    return Past(number, {"r": number}, state, (None, *rungs), {}, (loss, *(None for _ in rungs)))


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.2, 4), scores), min_size=1, max_size=6),
    st.lists(st.floats(0.2, 4), min_size=2, max_size=6, unique=True),
)
def test_of_trials_known_by_their_loss_alone_the_lower_loss_is_worth_more(
    scored: list[tuple[float, tuple[float, float]]], losses: list[float]
) -> None:
    history = [by_loss(number, loss, row) for number, (loss, row) in enumerate(scored)]
    history += [by_loss(100 + number, loss, state=PastState.CUT) for number, loss in enumerate(losses)]
    found = expected_values(history, ("maximize", "minimize"))
    assert found.keys() == {past.number for past in history}
    for better, worse in pairwise(sorted(range(len(losses)), key=lambda i: losses[i])):
        assert found[100 + better][0] >= found[100 + worse][0]
        assert found[100 + better][1] <= found[100 + worse][1]


def test_a_loss_is_worth_what_scored_trials_with_it_were_worth() -> None:
    scored = [by_loss(number, 2.0 - 0.1 * number, (0.05 * number,)) for number in range(12)]
    found = expected_values([*scored, by_loss(20, 1.55), by_loss(21, 1.95)], ("maximize",))
    assert found[20] == pytest.approx((0.225,), abs=0.03)
    assert found[21] == pytest.approx((0.025,), abs=0.06)


def test_losses_teach_nothing_before_the_first_score() -> None:
    waiting = [by_loss(0, 1.0), by_loss(1, 0.9)]
    assert expected_values(waiting, ("maximize",)) == {}
    assert all(lesson.running for lesson in lessons(waiting, ("maximize",)))
    assert [lesson.values for lesson in lessons([*waiting, by_loss(2, 0.9, (0.5,))], ("maximize",))][1:] == [(0.5,), (0.5,)]
