from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.paired import sign_flip_p, significantly_better

grid = st.integers(-12, 12).map(lambda twelfths: twelfths / 12)


def by_counting(differences: list[float]) -> float:
    whole = [round(12 * difference) for difference in differences]
    signs = list(itertools.product((1, -1), repeat=len(whole)))
    return sum(sum(s * d for s, d in zip(turned, whole, strict=True)) >= sum(whole) for turned in signs) / len(signs)


@settings(max_examples=200)
@given(st.lists(grid, max_size=9))
def test_is_the_share_of_all_sign_flips(differences: list[float]) -> None:
    assert sign_flip_p(differences) == by_counting(differences)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_is_a_share_of_any_order_and_unit(differences: list[float], chance: random.Random) -> None:
    p = sign_flip_p(differences)
    assert 2.0 ** -len(differences) <= p <= 1
    assert p + sign_flip_p([-d for d in differences]) >= 1
    shuffled = chance.sample(differences, len(differences))
    assert sign_flip_p(shuffled) == p
    assert sign_flip_p([1024 * d for d in differences]) == p
    assert sign_flip_p([*differences, 0.0, 0.0]) == p


@given(st.lists(grid, min_size=1, max_size=12), st.data())
def test_a_gain_in_one_function_never_speaks_against(differences: list[float], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(differences) - 1))
    more = data.draw(grid.filter(lambda value: value >= differences[place]))
    gained = [*differences[:place], more, *differences[place + 1 :]]
    assert sign_flip_p(gained) <= sign_flip_p(differences)


def test_ties_alone_prove_nothing() -> None:
    assert sign_flip_p([]) == sign_flip_p([0.0] * 20) == 1.0
    assert significantly_better([0.5] * 20, [0.5] * 20, 0.5) is False


def test_few_functions_need_one_voice() -> None:
    assert significantly_better([1, 1], [0, 0], 0.8) is False  # 1 in 4
    assert significantly_better([1, 1, 1], [0, 0, 0], 0.8) is True  # 1 in 8
    assert significantly_better([0, 0, 0], [1, 1, 1], 0.8) is False
    assert significantly_better([1, 1], [0, 0], 0.75) is True  # exactly the level counts


def test_functions_that_one_side_lacks_are_left_out() -> None:
    assert significantly_better([None, 1, 1, 1], [1, 0, 0, 0], 0.8) is True
    assert significantly_better([1, 1, 1, 1], [0, 0, None, None], 0.8) is False
    assert significantly_better([None, 1], [1, None], 0.8) is None
    assert significantly_better([], [], 0.8) is None
    with pytest.raises(ValueError, match="argument"):
        significantly_better([1.0], [1.0, 0.0], 0.8)


@pytest.mark.parametrize("count", [12, 20])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_equals_are_told_apart_no_more_often_than_promised(count: int, confidence: float) -> None:
    # A function is easy or hard for both alike; a suite is then worth nothing, everything, or something between.
    chance = random.Random(4)
    draws, wrong = 3000, 0
    for _ in range(draws):
        ease = [chance.random() ** 2 for _ in range(count)]
        ours, theirs = ([chance.choice((0.0, 0.5, 1.0)) if chance.random() < e else 0.0 for e in ease] for _ in range(2))
        wrong += bool(significantly_better(ours, theirs, confidence))
    three_errors = 3 * (confidence * (1 - confidence) / draws) ** 0.5
    assert wrong / draws <= 1 - confidence + three_errors
    assert wrong / draws >= (1 - confidence) / 8, "so strict that nothing is ever found"


def test_a_real_difference_is_found() -> None:
    chance = random.Random(5)
    found = 0
    for _ in range(300):
        ease = [chance.random() for _ in range(20)]
        ours, theirs = ([float(chance.random() < e * skill) for e in ease] for skill in (1.0, 0.5))
        found += bool(significantly_better(ours, theirs, 0.8))
    assert found / 300 > 0.7


@pytest.mark.parametrize("count", [64, 200])
def test_many_functions_get_a_coarser_grid_and_stay_honest(count: int) -> None:
    chance = random.Random(6)
    wrong = sum(sign_flip_p([chance.gauss(0, 1) for _ in range(count)]) <= 0.2 for _ in range(400))
    assert 0.1 <= wrong / 400 <= 0.26
