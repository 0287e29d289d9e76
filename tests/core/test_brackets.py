from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.brackets import bracket, bracket_weights
from harness.core.rungs import Rung, Rungs

THREE = Rungs((Rung(1 / 9, 1.0), Rung(1 / 3, 1.0)))
weights = st.lists(st.floats(0, 10), min_size=1, max_size=5).filter(lambda found: sum(found) > 0.1)


def test_one_bracket_starts_everybody_at_the_bottom() -> None:
    assert bracket_weights(THREE, 1, 3) == (1.0,)
    assert {bracket(number, (1.0,)) for number in range(100)} == {0}


def test_brackets_cost_the_same() -> None:
    shares = bracket_weights(THREE, 3, 3)
    costs = (1 / 9 + 2 / 9 / 3 + 2 / 3 / 9, 1 / 3 + 2 / 3 / 3, 1.0)
    paid = [share * cost for share, cost in zip(shares, costs, strict=True)]
    assert paid == pytest.approx([paid[0]] * 3)
    assert sum(shares) == pytest.approx(1)
    assert shares[0] > shares[1] > shares[2]
    assert bracket_weights(Rungs(), 1, 3) == (1.0,)


@pytest.mark.parametrize("brackets", [0, 4])
def test_there_are_no_more_brackets_than_rungs(brackets: int) -> None:
    with pytest.raises(ValueError, match="3 rungs"):
        bracket_weights(THREE, brackets, 3)


@given(weights, st.integers(0, 10_000))
def test_every_stretch_of_numbers_is_dealt_by_the_weights(shares: list[float], start: int) -> None:
    dealt = [bracket(number, shares) for number in range(start, start + 200)]
    for rung, weight in enumerate(shares):
        assert dealt.count(rung) == pytest.approx(200 * weight / sum(shares), abs=6)
        assert weight or rung not in dealt


@given(weights, st.integers(0, 10**9))
def test_the_deal_is_blind_to_the_unit(shares: list[float], number: int) -> None:
    assert bracket(number, [4 * weight for weight in shares]) == bracket(number, shares)


@pytest.mark.parametrize("shares", [[], [0.0, 0.0], [1.0, -0.1]])
def test_weights_that_deal_nothing_are_refused(shares: list[float]) -> None:
    with pytest.raises(ValueError, match="weights"):
        bracket(0, shares)
