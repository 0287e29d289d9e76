from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.core.contributions import crowding_distances, exclusive_volumes
from harness.core.fronts import front_ranks
from harness.core.pareto import Direction, Point, front, hypervolume

coordinate = st.integers(0, 5).map(float)


def clouds(axes: st.SearchStrategy[int]) -> st.SearchStrategy[list[Point]]:
    return axes.flatmap(lambda d: st.lists(st.tuples(*[coordinate] * d), min_size=1, max_size=14))


def by_peeling(points: list[Point]) -> list[int]:
    left, ranks = list(range(len(points))), [0] * len(points)
    for rank in itertools.count():
        if not left:
            return ranks
        best = {left[i] for i in front([points[i] for i in left], ["maximize"] * len(points[0]))}
        for i in best:
            ranks[i] = rank
        left = [i for i in left if i not in best]
    raise AssertionError


@given(clouds(st.integers(1, 5)))
def test_ranks_are_fronts_taken_off_one_after_the_other(points: list[Point]) -> None:
    assert front_ranks(points) == by_peeling(points)


def test_no_points_have_no_ranks() -> None:
    assert front_ranks([]) == []


@given(clouds(st.integers(1, 3)), st.sampled_from([0.0, -1.0]))
def test_a_point_adds_what_is_missing_without_it(points: list[Point], below: float) -> None:
    directions: list[Direction] = ["maximize"] * len(points[0])
    different = sorted(set(points))
    best = [different[i] for i in front(different, directions)]
    reference = (below,) * len(directions)
    whole = hypervolume(best, directions, reference)
    without = [hypervolume([p for p in best if p != gone], directions, reference) for gone in best]
    assert exclusive_volumes(best, reference) == pytest.approx([whole - rest for rest in without])


@pytest.mark.parametrize("count", [200])
def test_a_large_front_adds_up(count: int) -> None:
    chance = random.Random(3)
    rows = [[abs(chance.gauss(0, 1)) for _ in range(3)] for _ in range(count)]
    best = [tuple(v / sum(u * u for u in row) ** 0.5 for v in row) for row in rows]
    volumes = exclusive_volumes(best, (0.0, 0.0, 0.0))
    whole = hypervolume(best, ["maximize"] * 3, (0.0, 0.0, 0.0))
    for i in (0, 50, 199):
        rest = hypervolume(best[:i] + best[i + 1 :], ["maximize"] * 3, (0.0, 0.0, 0.0))
        assert volumes[i] == pytest.approx(whole - rest, abs=1e-12)
    assert min(volumes) > 0
    assert sum(volumes) < whole


def test_a_point_on_the_reference_adds_nothing() -> None:
    assert exclusive_volumes([(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)], (0.0, 0.0)) == [0.0, 1.0, 0.0]
    assert exclusive_volumes([], (0.0,)) == []


def test_volumes_of_four_axes_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 3"):
        exclusive_volumes([(1.0,) * 4], (0.0,) * 4)


def test_crowding_counts_the_gaps_on_every_axis() -> None:
    ends = float("inf")
    assert crowding_distances([(0.0, 4.0), (1.0, 3.0), (4.0, 0.0)]) == [ends, 2.0, ends]
    assert crowding_distances([(0.0, 10.0, 5.0), (1.0, 9.0, 5.0), (2.0, 5.0, 5.0), (10.0, 0.0, 5.0)])[1:3] == pytest.approx(
        [0.7, 1.8]
    )
    assert crowding_distances([(1.0, 1.0)]) == [0.0]
    assert crowding_distances([]) == []
