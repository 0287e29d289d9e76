"""What each point adds to its front: the volume that it alone dominates, or its distance from its neighbours. Pure.

Owns exclusive contributions. The volume of a whole front is `harness.core.pareto`'s.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from harness.core.pareto import Point

VOLUME_AXES = 3
"""Exact volumes up to so many axes; beyond, their cost grows with every axis by about the number of points."""


def exclusive_volumes(points: Sequence[Point], reference: Point) -> list[float]:
    """The volume between the reference and each point that no other point dominates. Exact; O(n log n) steps.

    A sweep down the third axis keeps the staircase of the points so far; each holds the part of it that is its alone as
    boxes, which are cut and paid out when a later point covers them. Fewer axes are swept with a thickness of 1.

    Args:
        points: Shape ``(n_points, n_objectives)``, 1 to 3 axes, mutually non-dominated and different, more is better.
        reference: Shape ``(n_objectives,)``; nowhere better than any point.

    Raises:
        ValueError: if there are more than three axes.

    Source: Emmerich and Fonseca (2011), "Computing hypervolume contributions in low dimensions" (HyCon3D).
    """
    if len(reference) > VOLUME_AXES:
        raise ValueError(f"exact contributions need at most {VOLUME_AXES} axes, found {len(reference)}")
    missing = (1.0,) * (VOLUME_AXES - len(reference))
    steps = []
    for point in points:
        x, y, z = (*(p - r for p, r in zip(point, reference, strict=True)), *missing)
        steps.append(_Step(x, y, z))
    stairs = _Stairs()
    for step in sorted(steps, key=lambda s: (-s.z, s.x, s.y)):
        stairs.add(step)
    stairs.close()
    return [step.volume for step in steps]


def crowding_distances(points: Sequence[Point]) -> list[float]:
    """Half the circumference of the box between each point's neighbours, axes scaled by the front; infinite at its ends.

    Args:
        points: Shape ``(n_points, n_objectives)``, different from each other.

    Source: Deb et al. (2002), "A fast and elitist multiobjective genetic algorithm: NSGA-II".
    """
    distances = [0.0] * len(points)
    for axis in range(len(points[0]) if points else 0):
        order = sorted(range(len(points)), key=lambda i: (points[i][axis], points[i]))
        extent = points[order[-1]][axis] - points[order[0]][axis]
        if extent == 0:
            continue
        distances[order[0]] = distances[order[-1]] = math.inf
        for before, here, after in zip(order, order[1:], order[2:], strict=False):
            distances[here] += (points[after][axis] - points[before][axis]) / extent
    return distances


@dataclass(slots=True)
class _Box:
    """A strip of what one point alone covers, between two heights, from some level down."""

    left: float
    right: float
    floor: float
    level: float


@dataclass(slots=True)
class _Step:
    """One point above the reference; its boxes stand from left to right with falling floors, all as high as `y`."""

    x: float
    y: float
    z: float
    volume: float = 0.0
    boxes: list[_Box] = field(default_factory=list)

    def pay(self, box: _Box, level: float) -> None:
        self.volume += (box.right - box.left) * (self.y - box.floor) * (box.level - level)

    def cut_left_of(self, x: float, level: float) -> None:
        """Another point covers everything up to `x` from this level down."""
        gone = 0
        for box in self.boxes:
            if box.left >= x:
                break
            self.pay(box, level)
            if box.right > x:
                box.left, box.level = x, level
                break
            gone += 1
        del self.boxes[:gone]

    def cut_below(self, y: float, level: float) -> None:
        """Another point covers everything up to the height `y` from this level down."""
        left = self.x
        while self.boxes and self.boxes[-1].floor < y:
            box = self.boxes.pop()
            self.pay(box, level)
            left = box.left
        if left < self.x:
            self.boxes.append(_Box(left, self.x, y, level))


class _Stairs:
    """The points that nothing so far covers in the first two axes, from left to right, high to low."""

    def __init__(self) -> None:
        self._steps = [_Step(0.0, math.inf, 0.0), _Step(math.inf, 0.0, 0.0)]  # the walls

    def add(self, step: _Step) -> None:
        end = bisect_left(self._steps, step.x, key=lambda other: other.x)
        end += self._steps[end].x == step.x  # lower at the same place, else it would dominate
        start = end
        while self._steps[start - 1].y <= step.y:
            start -= 1
        self._settle(start, end, step)
        self._steps[start:end] = [step]

    def _settle(self, start: int, end: int, step: _Step) -> None:
        """Pay out what the new step covers and give it what is its own."""
        left, right, covered = self._steps[start - 1], self._steps[end], self._steps[start:end]
        for other in covered:
            for box in other.boxes:
                other.pay(box, step.z)
            other.boxes.clear()
        corners = [left.x, *(other.x for other in covered), step.x]
        floors = [*(other.y for other in covered), right.y]
        step.boxes = [
            _Box(a, b, floor, step.z) for (a, b), floor in zip(pairwise(corners), floors, strict=True) if a < b and floor < step.y
        ]
        left.cut_below(step.y, step.z)
        right.cut_left_of(step.x, step.z)

    def close(self) -> None:
        for step in self._steps[1:-1]:
            for box in step.boxes:
                step.pay(box, 0.0)
