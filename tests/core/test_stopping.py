from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.stopping import Stall, hopeless, hopeless_trials

losses = st.lists(st.floats(0.01, 20), min_size=4, max_size=20)


def test_far_above_the_others_is_hopeless() -> None:
    others = [1.0, 1.1, 1.05, 0.95, 1.2]
    reason = hopeless(3.0, others)
    assert reason is not None
    assert "3.000" in reason
    assert "1.050" in reason
    assert hopeless(1.25, others) is None


def test_a_spread_that_explains_it_saves_it() -> None:
    assert hopeless(3.0, [1.0, 2.0, 3.0, 4.0]) is None
    assert hopeless(3.0, [1.0, 1.0, 1.0, 1.0]) is not None


def test_five_percent_are_never_hopeless() -> None:
    same = [2.0] * 10
    assert hopeless(2.09, same) is None
    assert hopeless(2.11, same) is not None


def test_fewer_than_four_judge_nothing() -> None:
    assert hopeless(100.0, [1.0, 1.0, 1.0]) is None
    assert hopeless(100.0, [1.0, 1.0, 1.0, math.nan]) is None
    assert hopeless(100.0, [1.0, 1.0, 1.0, math.nan, 1.0]) is not None


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_no_number_is_hopeless_by_itself(loss: float) -> None:
    assert hopeless(loss, []) == f"validation loss is {loss}"


@given(losses, st.floats(0.01, 40), st.floats(0.01, 40))
def test_a_lower_loss_is_never_hopeless_where_a_higher_one_is_not(others: list[float], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert not (hopeless(low, others) and not hopeless(high, others))


@given(losses)
def test_half_of_the_others_never_are(others: list[float]) -> None:
    kept = [loss for loss in others if hopeless(loss, others) is None]
    assert len(kept) >= len(others) / 2


def test_silence_is_given_up_from_the_limit_on() -> None:
    stall = Stall(600.0)
    assert stall.reason(599.9) is None
    assert stall.reason(600.0) == "reported nothing for 600 s (stall_s 600)"
    with pytest.raises(ValueError, match="stall_s"):
        Stall(0.0)


def test_whose_place_speaks_for_it_is_spared_unless_its_loss_is_no_number() -> None:
    losses = {0: 1.0, 1: 1.01, 2: 0.99, 3: 1.02, 4: 3.0, 5: 3.1, 6: math.nan, 7: math.nan}
    assert set(hopeless_trials(losses, set(losses), set())) == {4, 5, 6, 7}
    assert set(hopeless_trials(losses, {0, 4, 5, 6}, {4, 6})) == {5, 6}
