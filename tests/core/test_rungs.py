from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.rungs import FULL, Rung, Rungs, nested_order, steps_at

THREE = Rungs((Rung(0.1, 0.5), Rung(1 / 3, 0.5)))


@st.composite
def ladders(draw: st.DrawFn) -> Rungs:
    training = sorted(draw(st.sets(st.floats(0.01, 0.99), max_size=5)))
    validation = sorted(draw(st.lists(st.floats(0.01, 1.0), min_size=len(training), max_size=len(training))))
    return Rungs(tuple(Rung(t, v) for t, v in zip(training, validation, strict=True)))


def test_the_last_rung_is_the_full_one() -> None:
    assert list(Rungs()) == [FULL]
    assert (len(THREE), THREE.last, THREE[THREE.last]) == (3, 2, FULL)
    assert [rung.training for rung in THREE] == [0.1, 1 / 3, 1.0]
    with pytest.raises(IndexError):
        THREE[3]


@pytest.mark.parametrize(
    "lower",
    [
        (Rung(0.0, 0.5),),
        (Rung(1.0, 0.5),),
        (Rung(0.5, -0.1),),
        (Rung(0.5, 1.1),),
        (Rung(math.nan, 0.5),),
        (Rung(0.5, math.nan),),
        (Rung(0.5, 0.5), Rung(0.5, 0.6)),
        (Rung(0.2, 0.5), Rung(0.5, 0.4)),
    ],
)
def test_rungs_that_do_not_rise_are_refused(lower: tuple[Rung, ...]) -> None:
    with pytest.raises(ValueError, match="rung"):
        Rungs(lower)


def test_shares_are_rounded_up_but_not_over_rounding_errors() -> None:
    assert [THREE.steps(rung, 30) for rung in range(3)] == [3, 10, 30]
    assert [THREE.steps(rung, 10) for rung in range(3)] == [1, 4, 10]
    assert [THREE.functions(rung, 5) for rung in range(3)] == [3, 3, 5]
    assert steps_at(0.1, 30) == steps_at(0.1 + 1e-17, 30) == 3
    assert steps_at(1e-6, 30) == steps_at(0.5, 1) == 1


@given(ladders(), st.integers(1, 10_000))
def test_steps_and_functions_rise_to_the_whole(rungs: Rungs, total: int) -> None:
    steps = [rungs.steps(rung, total) for rung in range(len(rungs))]
    functions = [rungs.functions(rung, total) for rung in range(len(rungs))]
    for counts in (steps, functions):
        assert counts == sorted(counts)
        assert counts[0] >= 1
        assert counts[-1] == total
    assert all(step >= rung.training * total - 1e-6 for step, rung in zip(steps, rungs, strict=True))


@given(st.lists(st.text(min_size=1), unique=True, max_size=20))
def test_the_order_of_functions_is_theirs_alone(ids: list[str]) -> None:
    order = [ids[i] for i in nested_order(ids, "study")]
    assert sorted(order) == sorted(ids)
    turned = ids[::-1]
    assert [turned[i] for i in nested_order(turned, "study")] == order
    fewer = ids[::2]
    assert [fewer[i] for i in nested_order(fewer, "study")] == [i for i in order if i in set(fewer)]


def test_another_study_takes_other_functions_first() -> None:
    ids = [f"f{i}" for i in range(50)]
    assert nested_order(ids, "a") != nested_order(ids, "b")


def test_a_rung_without_functions_is_judged_by_its_loss() -> None:
    rungs = Rungs((Rung(0.1, 0.0), Rung(0.5, 0.01)))
    assert [rung.by_loss for rung in rungs] == [True, False, False]
    assert [rungs.functions(rung, 20) for rung in range(3)] == [0, 1, 20]
