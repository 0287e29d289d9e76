from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.ties import tied

BOTH = ("maximize", "minimize")
quarters = st.integers(0, 4).map(lambda quarter: quarter / 4)
pairs = st.lists(st.tuples(st.tuples(quarters, quarters), st.tuples(quarters, quarters)), min_size=1, max_size=12)


@given(pairs)
def test_it_does_not_matter_who_is_compared_with_whom(rows: list[tuple[tuple[float, float], tuple[float, float]]]) -> None:
    ours, theirs = [a for a, _ in rows], [b for _, b in rows]
    assert tied(ours, theirs, BOTH, 0.95) is tied(theirs, ours, BOTH, 0.95)
    assert tied(ours, ours, BOTH, 0.95) is True


@pytest.mark.parametrize("axis", [0, 1])
def test_one_clear_objective_tells_them_apart(axis: int) -> None:
    ours = [(0.5, 0.5)] * 20
    theirs = [tuple(1.0 if at == axis else 0.5 for at in (0, 1))] * 20
    assert tied(ours, theirs, BOTH, 0.95) is False


def test_what_was_not_measured_by_function_is_not_known() -> None:
    assert tied((), (), BOTH, 0.95) is None
    assert tied([(None, None)], [(0.5, None)], BOTH, 0.95) is None
    assert tied([(0.5, 0.5)], [(0.5, 0.5), (0.5, 0.5)], BOTH, 0.95) is None


def test_twins_are_seldom_called_different() -> None:
    chance = random.Random(1)
    different = 0
    for _ in range(300):
        ours = [(chance.random(), chance.random()) for _ in range(20)]
        theirs = [(chance.random(), chance.random()) for _ in range(20)]
        different += tied(ours, theirs, BOTH, 0.95) is False
    assert different / 300 < 0.09
