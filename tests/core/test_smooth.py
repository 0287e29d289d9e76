from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.core.smooth import WINDOW, spikes


@given(st.lists(st.floats(0.1, 10)).map(lambda values: sorted(values, reverse=True)))
def test_a_falling_loss_is_smooth(losses: list[float]) -> None:
    assert spikes(losses) == 0


def test_jumps_are_counted_and_the_beginning_is_not_judged() -> None:
    calm = [1.0] * WINDOW
    assert spikes([9.0, *calm]) == 0
    assert spikes([*calm, 1.4, 1.6, 1.0, 3.0]) == 2
