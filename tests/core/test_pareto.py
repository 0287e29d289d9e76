from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.core.pareto import Direction, front, hypervolume, knee

MAX2: tuple[Direction, ...] = ("maximize", "maximize")
Problem = tuple[list[tuple[float, ...]], tuple[Direction, ...]]

coordinate = st.integers(-4, 4).map(float)  # few values, so that ties and duplicates are common


@st.composite
def problems(draw: Callable, min_points: int = 0, axes: Sequence[int] = (1, 2, 3)) -> Problem:
    width = draw(st.sampled_from(axes))
    rows = draw(st.lists(st.tuples(*[coordinate] * width), min_size=min_points, max_size=12))
    directions = draw(st.tuples(*[st.sampled_from(["maximize", "minimize"])] * width))
    return rows, directions


def beats(a: Sequence[float], b: Sequence[float], directions: Sequence[Direction]) -> bool:
    better = [x > y if d == "maximize" else x < y for x, y, d in zip(a, b, directions, strict=True)]
    worse = [x < y if d == "maximize" else x > y for x, y, d in zip(a, b, directions, strict=True)]
    return any(better) and not any(worse)


@given(problems())
def test_front_is_exactly_the_points_that_nobody_beats(problem: Problem) -> None:
    rows, directions = problem
    chosen = front(rows, directions)
    assert chosen == [i for i, a in enumerate(rows) if not any(beats(b, a, directions) for b in rows)]


@given(problems(min_points=1))
def test_every_point_off_the_front_is_beaten_by_one_on_it(problem: Problem) -> None:
    rows, directions = problem
    chosen = front(rows, directions)
    assert chosen
    for i in set(range(len(rows))) - set(chosen):
        assert any(beats(rows[k], rows[i], directions) for k in chosen)


@given(problems())
def test_turning_all_signs_and_directions_changes_nothing(problem: Problem) -> None:
    rows, directions = problem
    turned = ["minimize" if d == "maximize" else "maximize" for d in directions]
    assert front(rows, directions) == front([[-v for v in r] for r in rows], turned)


@given(problems(min_points=1), st.floats(0.5, 8), st.integers(-3, 3))
def test_knee_is_on_the_front_and_blind_to_units(problem: Problem, scale: float, shift: int) -> None:
    rows, directions = problem
    best = [rows[i] for i in front(rows, directions)]
    index = knee(best, directions)
    assert 0 <= index < len(best)
    factor = 2.0 ** round(scale)
    assert knee([[factor * v + shift for v in r] for r in best], directions) == index


def test_duplicates_stay() -> None:
    assert front([(1, 1), (1, 1), (0, 2), (0, 0)], MAX2) == [0, 1, 2]


def test_knee_is_the_bulge() -> None:
    assert knee([(0.0, 1.0), (0.9, 0.8), (1.0, 0.0), (0.5, 0.9)], MAX2) == 1


def test_knee_in_three_dimensions_with_a_minimised_axis() -> None:
    rows = [(1.0, 0.0, 9.0), (0.0, 1.0, 9.0), (0.0, 0.0, 1.0), (0.8, 0.8, 3.0), (0.4, 0.4, 4.0)]
    assert knee(rows, ("maximize", "maximize", "minimize")) == 3


def test_knee_falls_back_to_mean_rank() -> None:
    dented = [(0.0, 1.0), (0.1, 0.1), (1.0, 0.0)]
    assert knee(dented, MAX2) in (0, 1, 2)
    assert knee([(3.0,)], ("maximize",)) == 0
    assert knee([(0.0, 1.0), (1.0, 0.0)], MAX2) == 0
    flat = [(0.5, 0.0, 1.0), (0.5, 1.0, 0.0)]
    assert knee(flat, ("maximize", "maximize", "maximize")) == 0


def test_bad_values_are_refused() -> None:
    with pytest.raises(ValueError, match="not finite"):
        front([(math.nan, 1.0)], MAX2)
    with pytest.raises(ValueError, match="2 objectives"):
        front([(1.0,)], MAX2)
    with pytest.raises(ValueError, match="at least one"):
        knee([], MAX2)


def by_inclusion_exclusion(points: Sequence[tuple[float, ...]], reference: Sequence[float]) -> float:
    total = 0.0
    for size in range(1, len(points) + 1):
        for group in itertools.combinations(points, size):
            sides = [max(min(column) - low, 0.0) for column, low in zip(zip(*group, strict=True), reference, strict=True)]
            total += (-1) ** (size + 1) * math.prod(sides)
    return total


@settings(max_examples=60)
@given(st.sampled_from([2, 3]).flatmap(lambda d: st.lists(st.tuples(*[coordinate] * d), min_size=1, max_size=6)))
def test_hypervolume_agrees_with_inclusion_exclusion(points: list[tuple[float, ...]]) -> None:
    width = len(points[0])
    reference = (-3.0,) * width
    inside = [p for p in points if min(p) > -3.0]
    measured = hypervolume(points, ("maximize",) * width, reference)
    assert measured == pytest.approx(by_inclusion_exclusion(inside, reference))


def test_hypervolume_of_minimised_axes() -> None:
    assert hypervolume([(1.0, 2.0), (2.0, 1.0)], ("minimize", "minimize"), (3.0, 3.0)) == pytest.approx(3.0)
