from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.halving import Halving, Standing, cuts, promotion, standing
from harness.core.pareto import Direction
from harness.core.rungs import RungScore

MAX2: tuple[Direction, ...] = ("maximize", "maximize")
RULE = Halving()
FUNCTIONS = 6
quarter = st.integers(0, 4).map(lambda quarters: quarters / 4)
function_rows = st.lists(st.tuples(quarter, quarter), min_size=FUNCTIONS, max_size=FUNCTIONS)


def score(trial: int, rows: Sequence[Sequence[float]]) -> RungScore:
    """A trial by its functions: values are their means, as in a sweep."""
    values = tuple(sum(column) / len(column) for column in zip(*rows, strict=True))
    return RungScore(trial, 0, values, tuple(tuple(row) for row in rows))


def exact(trial: int, *values: float) -> RungScore:
    return RungScore(trial, 0, values)


rungs_of_scores = st.lists(function_rows, max_size=16).map(lambda found: [score(i, rows) for i, rows in enumerate(found)])
exact_rungs = st.integers(1, 4).flatmap(
    lambda axes: st.tuples(
        st.lists(st.tuples(*[st.integers(-4, 4).map(float)] * axes), max_size=16),
        st.lists(st.sampled_from(["maximize", "minimize"]), min_size=axes, max_size=axes),
    )
)


def dominates(ours: RungScore, theirs: RungScore, directions: Sequence[str]) -> bool:
    signs = [1 if direction == "maximize" else -1 for direction in directions]
    gaps = [s * (a - b) for s, a, b in zip(signs, ours.values, theirs.values, strict=True)]
    return min(gaps) >= 0 and max(gaps) > 0


@settings(deadline=None)
@given(rungs_of_scores, st.randoms(use_true_random=False))
def test_the_order_of_the_scores_does_not_matter(scores: list[RungScore], chance: random.Random) -> None:
    assert standing(chance.sample(scores, len(scores)), MAX2, RULE) == standing(scores, MAX2, RULE)


@settings(deadline=None)
@given(exact_rungs, st.floats(1.1, 5))
def test_every_trial_has_one_place_behind_all_that_dominate_it(
    rung: tuple[list[tuple[float, ...]], list[Direction]], factor: float
) -> None:
    rows, directions = rung
    scores = [exact(i, *row) for i, row in enumerate(rows)]
    found = standing(scores, directions, Halving(factor))
    place = {trial: i for i, trial in enumerate(found.ranked)}
    assert sorted(place) == list(range(len(rows)))
    for ours in scores:
        for theirs in scores:
            if dominates(ours, theirs, directions):
                assert place[ours.trial] < place[theirs.trial]
    assert set(found.promotable) | set(found.doubtful) | found.clearly_worse == set(place)
    assert len(found.promotable) + len(found.doubtful) + len(found.clearly_worse) == len(place)


@settings(deadline=None)
@given(exact_rungs, st.lists(st.tuples(st.integers(-3, 3), st.integers(-4, 4)), min_size=4, max_size=4))
def test_units_do_not_matter(rung: tuple[list[tuple[float, ...]], list[Direction]], units: list[tuple[int, int]]) -> None:
    rows, directions = rung
    turned: list[Direction] = ["minimize" if d == "maximize" else "maximize" for d in directions]
    plain = standing([exact(i, *row) for i, row in enumerate(rows)], directions, RULE)
    scaled = [exact(i, *(2.0**k * v + shift for v, (k, shift) in zip(row, units, strict=False))) for i, row in enumerate(rows)]
    assert standing(scaled, directions, RULE).ranked == plain.ranked
    assert standing([exact(i, *(-v for v in row)) for i, row in enumerate(rows)], turned, RULE) == plain


@settings(deadline=None)
@given(rungs_of_scores, function_rows, st.floats(1.01, 5))
def test_the_quota_grows_by_one_at_most(scores: list[RungScore], rows: list[tuple[float, float]], factor: float) -> None:
    rule = Halving(factor)
    before = standing(scores, MAX2, rule).quota
    assert standing([*scores, score(99, rows)], MAX2, rule).quota - before in (0, 1)
    assert before <= len(scores) / factor + 1e-9


@settings(max_examples=200, deadline=None)
@given(rungs_of_scores, st.sampled_from([0.5, 0.8, 0.95]))
def test_clearly_worse_is_outside_and_dominated_by_two_inside(scores: list[RungScore], confidence: float) -> None:
    found = standing(scores, MAX2, Halving(confidence=confidence))
    by_trial = {s.trial: s for s in scores}
    assert not found.clearly_worse & set(found.promotable)
    for trial in found.clearly_worse:
        assert sum(dominates(by_trial[other], by_trial[trial], MAX2) for other in found.promotable) >= 2


@settings(deadline=None)
@given(rungs_of_scores, st.sampled_from([(0.5, 0.8), (0.8, 0.95), (0.5, 0.99)]))
def test_more_confidence_cuts_no_other_trials(scores: list[RungScore], levels: tuple[float, float]) -> None:
    low, high = (standing(scores, MAX2, Halving(confidence=level)) for level in levels)
    assert high.clearly_worse <= low.clearly_worse
    assert high.ranked == low.ranked


@settings(deadline=None)
@given(rungs_of_scores.filter(lambda scores: len(scores) >= 3))
def test_better_trials_save_nobody(scores: list[RungScore]) -> None:
    best_rows = [
        [max(columns) for columns in zip(*rows, strict=True)] for rows in zip(*(s.per_function for s in scores), strict=True)
    ]
    before = standing(scores, MAX2, RULE)
    after = standing([*scores, score(98, best_rows), score(99, best_rows)], MAX2, RULE)
    assert before.clearly_worse <= after.clearly_worse


def test_chance_cuts_nobody() -> None:
    # Six functions, three of them a little better: 1 way in 8 for each of two objectives, so that 0.8 cuts and 0.9 does not.
    base = [(0.5, 0.5)] * FUNCTIONS
    better = [(0.75, 0.5)] * 3 + base[:3]
    scores = [score(0, better), score(1, better), score(2, base), score(3, base)]
    assert standing(scores, MAX2, Halving(2.0, confidence=0.8)).clearly_worse == {2, 3}
    sceptical = standing(scores, MAX2, Halving(2.0, confidence=0.9))
    assert (sceptical.promotable, sceptical.doubtful, sceptical.clearly_worse) == ((0, 1), (2, 3), frozenset())
    assert cuts(sceptical, {2, 3}) == ()


def test_one_trial_that_is_better_by_far_ends_nobody() -> None:
    # The best of many owes part of its place to luck; where it falls back later, those it had cut would be missed.
    lucky, good, base = ([(value, value)] * FUNCTIONS for value in (1.0, 0.75, 0.25))
    alone = [score(0, lucky), *(score(trial, base) for trial in range(1, 6))]
    assert standing(alone, MAX2, RULE).clearly_worse == frozenset()
    found = standing([*alone, score(6, good)], MAX2, RULE)
    assert found.promotable == (0, 6)
    assert found.clearly_worse == {1, 2, 3, 4, 5}


def test_what_is_not_known_per_function_counts_as_exact() -> None:
    directions: tuple[Direction, ...] = ("maximize", "minimize")
    rows = tuple((value, None) for value in (1.0, 0.0, 1.0, 0.0))
    rule = Halving(1.5, confidence=0.99)
    scores = [RungScore(0, 0, (0.5, 1.0), rows), RungScore(1, 0, (0.5, 1.1), rows), RungScore(2, 0, (0.5, 1.0), rows)]
    assert standing(scores, directions, rule).clearly_worse == {1}
    known_here_only = [replace(scores[1], per_function=()), *scores[::2]]
    assert standing(known_here_only, directions, rule).clearly_worse == {1}


def test_a_minimised_objective_is_compared_the_other_way_round() -> None:
    slow, fast = [(2.0,)] * 6, [(1.0,)] * 6
    scores = [score(0, slow), score(1, fast), score(2, fast)]
    found = standing(scores, ("minimize",), Halving(1.5))
    assert found.ranked == (1, 2, 0)
    assert found.clearly_worse == {0}


def test_within_a_front_the_lonely_come_first_and_of_equals_one() -> None:
    scores = [exact(0, 0.9, 0.1), exact(1, 0.85, 0.12), exact(2, 0.1, 0.9), exact(3, 0.5, 0.5), exact(4, 0.5, 0.5)]
    assert standing(scores, MAX2, RULE).ranked == (3, 2, 1, 0, 4)


def test_four_objectives_have_an_order_too() -> None:
    rows = [(1, 0, 0, 0), (0, 1, 0, 0), (0.5, 0.4, 0.1, 0.1), (0.5, 0.4, 0.1, 0)]
    found = standing([exact(i, *row) for i, row in enumerate(rows)], ["maximize"] * 4, Halving(2))
    assert set(found.ranked[:3]) == {0, 1, 2}
    assert found.ranked[3] == 3


def test_constraint_is_positive_only_for_what_is_clearly_worse() -> None:
    found = Standing((4, 2, 7, 1, 3, 0), 2, frozenset({7, 3, 0}))
    assert [found.rung_constraint(trial) for trial in found.ranked] == pytest.approx([-1 / 6, 0.0, 1 / 6, 0.0, 3 / 6, 4 / 6])
    with pytest.raises(ValueError, match="not in"):
        found.rung_constraint(9)


def test_bad_scores_and_rules_are_refused() -> None:
    assert standing([], MAX2, RULE) == Standing()
    for scores in ([exact(0, 1.0, 1.0)] * 2, [exact(0, 1.0, 1.0), replace(exact(1, 1.0, 1.0), rung=1)]):
        with pytest.raises(ValueError, match="one score of each trial"):
            standing(scores, MAX2, RULE)
    with pytest.raises(ValueError, match="not finite"):
        standing([exact(0, float("nan"), 1.0)], MAX2, RULE)
    for wrong in ({"reduction_factor": 1.0}, {"confidence": 0.4}, {"confidence": 1.0}):
        with pytest.raises(ValueError, match="has to be"):
            Halving(**wrong)


def test_promotion_goes_from_the_highest_rung_down() -> None:
    low, high = Standing((0, 1, 2, 3, 4, 5), 2, frozenset({5})), Standing((1, 2, 0), 1, frozenset())
    waiting = [{2, 3, 4, 5}, {0, 2}]
    assert promotion([low, high], [{0, 1}, {1}], exhausted=False) == (1, 1)
    assert promotion([low, high], [{0, 1}, {0}], exhausted=True) == (0, 0), "a sure one below before one in doubt above"
    assert promotion([low, high], waiting, exhausted=False) is None
    assert promotion([low, high], waiting, exhausted=True) == (2, 1)
    assert promotion([low, None], [{5}, set()], exhausted=True) is None
    assert promotion([], [], exhausted=True) is None
    with pytest.raises(ValueError, match="argument"):
        promotion([low], [], exhausted=True)
    assert cuts(low, {3, 5}) == (5,)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_a_whole_search_ends_with_everybody_at_the_top_or_cut(seed: int, trials: int) -> None:
    chance = random.Random(seed)
    skill = [(chance.random(), chance.random()) for _ in range(trials)]
    reached: list[dict[int, RungScore]] = [{}, {}, {}]
    paused: list[set[int]] = [set(), set()]
    cut: set[int] = set()

    def climbs(trial: int, rung: int) -> None:
        rows = [tuple(float(chance.random() < share) for share in skill[trial]) for _ in range(FUNCTIONS * (rung + 1))]
        assert trial not in reached[rung], "nobody goes to a rung twice"
        reached[rung][trial] = replace(score(trial, rows), rung=rung)
        if rung < 2:
            paused[rung].add(trial)

    asked = 0
    while True:
        standings = [standing(list(scores.values()), MAX2, RULE) for scores in reached[:2]]
        for rung, there in enumerate(standings):
            for trial in cuts(there, paused[rung]):
                paused[rung].remove(trial)
                cut.add(trial)
        chosen = promotion(standings, paused, exhausted=asked == trials)
        if chosen is not None:
            trial, rung = chosen
            assert trial not in cut
            paused[rung].remove(trial)
            climbs(trial, rung + 1)
        elif asked < trials:
            climbs(asked, 0)
            asked += 1
        else:
            break
    assert paused == [set(), set()]
    assert set(reached[2]) | cut == set(range(trials))
    assert not set(reached[2]) & cut


def with_loss(trial: int, quality: float, loss: float | None) -> RungScore:
    return RungScore(trial, 0, (quality, quality), ((quality, quality),) * 30, loss)


def test_who_leads_by_the_validation_loss_goes_on_although_others_have_better_scores() -> None:
    others = [with_loss(trial, 0.5 + trial / 20, 2.0 - trial / 20) for trial in range(8)]
    found = standing([*others, with_loss(8, 0.6, 1.0)], ("maximize", "maximize"), RULE)
    assert found.ranked[:2] == (7, 8), "the best by the scores, then by the loss"
    without = standing([*others, with_loss(8, 0.6, None)], ("maximize", "maximize"), RULE)
    assert 8 in without.clearly_worse, "only its loss spoke for it"


@given(points=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 9)), min_size=3, max_size=20))
def test_nobody_is_clearly_worse_than_those_with_a_higher_loss(points: list[tuple[int, int, int]]) -> None:
    scores = [RungScore(trial, 0, (a, b), ((a, b),) * 9, 1 + loss / 10) for trial, (a, b, loss) in enumerate(points)]
    found = standing(scores, ("maximize", "maximize"), Halving(3.0, 0.8))
    for trial in found.clearly_worse:
        own = scores[trial].eval_loss or 0.0
        as_low = [score for score in scores if score.trial in found.promotable and (score.eval_loss or 0.0) <= own]
        assert len(as_low) >= 2, "two that go on are at least as good, in the loss too"


def test_scores_that_a_better_rank_has_too_add_to_their_own() -> None:
    scores = [with_loss(0, 0.5, 1.0), with_loss(1, 0.5, 1.1), with_loss(2, 0.4, 1.05), with_loss(3, 0.1, 2.0)]
    assert standing(scores, ("maximize", "maximize"), RULE).ranked == (0, 1, 2, 3)


def test_before_anything_passes_the_validation_loss_decides() -> None:
    scores = [RungScore(trial, 0, (0.0, 0.0), (), loss) for trial, loss in enumerate((2.5, None, 1.5, math.nan, 2.0, 1.75))]
    ranked = standing(scores, ("maximize", "maximize"), Halving()).ranked
    assert ranked[:4] == (2, 5, 4, 0)
    assert set(ranked[4:]) == {1, 3}, "no loss comes last"


def by_loss(trial: int, loss: float | None) -> RungScore:
    return RungScore(trial, 0, (), (), loss)


@given(st.lists(st.none() | st.floats(0.1, 9), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_a_rung_judged_by_its_loss_alone_has_its_order_and_cuts_nobody(losses: list[float | None], chance: random.Random) -> None:
    scores = [by_loss(trial, loss) for trial, loss in enumerate(losses)]
    found = standing(scores, ("maximize", "minimize"), RULE)
    assert standing(chance.sample(scores, len(scores)), ("maximize", "minimize"), RULE) == found
    ranked = [losses[trial] for trial in found.ranked if trial not in found.twins]
    known = [loss for loss in ranked if loss is not None]
    assert known == sorted(known) == ranked[: len(known)]
    assert found.clearly_worse == frozenset()
    assert found.quota == len(ranked) // 3
    assert sorted(found.ranked) == list(range(len(losses)))


def test_of_the_lowest_rung_judged_by_its_loss_alone_the_worse_half_never_goes_on() -> None:
    higher = [replace(by_loss(trial, 1.0 + trial), rung=1) for trial in range(7)]
    assert standing(higher, ("maximize",), Halving(3.0)).doubtful == (2, 3, 4, 5, 6)
    found = standing([by_loss(trial, 1.0 + trial) for trial in range(7)], ("maximize",), Halving(3.0))
    assert (found.promotable, found.doubtful) == ((0, 1), (2, 3))
    assert promotion([found], [{3, 4, 5, 6}], exhausted=True) == (3, 0)
    assert promotion([found], [{4, 5, 6}], exhausted=True) is None
    assert standing([by_loss(0, 1.0)], ("maximize",), Halving(3.0)).doubtful == (0,), "one alone goes on"
    generous = standing([by_loss(trial, 1.0 + trial) for trial in range(6)], ("maximize",), Halving(1.2))
    assert generous.promotable == (0, 1, 2, 3, 4)


def test_a_twin_is_cut_and_does_not_count() -> None:
    rows = ((1.0, 0.5), (0.0, 0.5))
    first, other = RungScore(0, 0, (0.5, 0.5), rows, 1.25), RungScore(1, 0, (0.4, 0.6), rows, 1.5)
    again = [replace(first, trial=trial) for trial in (2, 3)]
    found = standing([again[1], other, first, again[0]], ("maximize", "maximize"), Halving(2.0))
    assert found.twins == {2: 0, 3: 0}
    assert (found.quota, len(found.promotable)) == (1, 1)
    assert cuts(found, {0, 1, 2, 3}) == (2, 3)
    assert set(found.doubtful) | set(found.promotable) == {0, 1}
    assert found.rung_constraint(2) > 0 >= found.rung_constraint(found.ranked[0])
    assert promotion([found], [{2, 3}], exhausted=True) is None


def test_without_the_same_loss_to_the_last_bit_nothing_is_a_twin() -> None:
    zeros = [RungScore(trial, 0, (0.0, 0.0)) for trial in range(3)]
    assert standing(zeros, ("maximize", "maximize"), RULE).twins == {}
    near = [RungScore(trial, 0, (0.0, 0.0), (), loss) for trial, loss in enumerate((1.5, 1.5 + 1e-12, math.nan, math.nan))]
    assert standing(near, ("maximize", "maximize"), RULE).twins == {}
