"""Non-dominated sorting: how many layers of better points lie over each point. Pure.

Owns the ranks. The front alone, the knee and volumes are `harness.core.pareto`'s, what a point adds to its front is
`harness.core.contributions`'.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import ge
from typing import Protocol

from harness.core.pareto import Point


def front_ranks(points: Sequence[Point]) -> list[int]:
    """The rank of each point: 0 where none dominates it, else one more than the highest rank among those that do.

    Equal points share a rank. O(n log^2 n) up to three axes, O(n^2) with more.

    Args:
        points: Shape ``(n_points, n_objectives)``, finite, more is better on every axis.

    Source: Zhang et al. (2015), "An efficient approach to nondominated sorting for evolutionary multiobjective
    optimization" (ENS-BS); each front of up to three axes is kept as the staircase of its last two.
    """
    fronts: list[_Front] = []
    ranks: dict[Point, int] = {}
    for point in sorted(set(points), reverse=True):
        rank = _first_that_spares(fronts, point)
        if rank == len(fronts):
            fronts.append(_Staircase() if len(point) <= 3 else _Heap())
        fronts[rank].add(point)
        ranks[point] = rank
    return [ranks[point] for point in points]


def _first_that_spares(fronts: list[_Front], point: Point) -> int:
    """What a front dominates, all fronts before it dominate too."""
    low, high = 0, len(fronts)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if fronts[middle].covers(point) else (low, middle)
    return low


class _Front(Protocol):
    """Points of one rank, added in descending lexicographic order, each once."""

    def covers(self, point: Point) -> bool:
        """Whether one of them dominates a point that comes after all of them in that order."""
        ...

    def add(self, point: Point) -> None: ...


class _Staircase:
    """A front of up to three axes: the first axis falls by the order of arrival, so that the last two decide."""

    def __init__(self) -> None:
        self._widths: list[float] = []  # rising
        self._heights: list[float] = []  # falling

    def covers(self, point: Point) -> bool:
        width, height = _last_two(point)
        place = bisect_left(self._widths, width)
        return place < len(self._widths) and self._heights[place] >= height

    def add(self, point: Point) -> None:
        width, height = _last_two(point)
        end = bisect_left(self._widths, width)
        start = end
        while start and self._heights[start - 1] <= height:
            start -= 1
        end += end < len(self._widths) and self._widths[end] == width
        self._widths[start:end] = [width]
        self._heights[start:end] = [height]


class _Heap:
    """A front of any number of axes."""

    def __init__(self) -> None:
        self._points: list[Point] = []

    def covers(self, point: Point) -> bool:
        return any(all(map(ge, other, point)) for other in reversed(self._points))

    def add(self, point: Point) -> None:
        self._points.append(point)


def _last_two(point: Point) -> tuple[float, float]:
    if len(point) == 3:
        return point[1], point[2]
    return (point[1], 0.0) if len(point) == 2 else (0.0, 0.0)
