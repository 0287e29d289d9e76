"""Dominance: which points are best, which of those is the balanced choice, and how much space they cover.

Owns the front, the knee and the hypervolume of plain numbers. Knows nothing of trials or studies, and takes finite
values only: what was not measured must be left out by the caller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Direction = Literal["maximize", "minimize"]
Point = tuple[float, ...]

_EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class Objective:
    """A metric that the sweep optimises.

    Attributes:
        name: Metric name, e.g. ``pass_rate``.
        direction: ``maximize`` or ``minimize``.
    """

    name: str
    direction: Direction


def front(values: Sequence[Sequence[float]], directions: Sequence[Direction]) -> list[int]:
    """Indices of the points that no other point dominates, in ascending order.

    A point dominates another when it is nowhere worse and somewhere better. Equal points do not dominate each
    other, so duplicates stay together. O(n^2 d).

    Args:
        values: Shape ``(n_points, n_objectives)``.
        directions: Shape ``(n_objectives,)``.

    Raises:
        ValueError: if a row has another length than `directions`, or holds NaN or infinity.
    """
    points = oriented(values, directions)
    return [i for i, point in enumerate(points) if not any(_dominates(other, point) for other in points)]


def knee(values: Sequence[Sequence[float]], directions: Sequence[Direction]) -> int:
    """Index, within `values`, of the balanced point of a front: the first of `knee_order`.

    Raises:
        ValueError: if `values` is empty, ragged, or not finite.
    """
    order = knee_order(values, directions)
    if not order:
        raise ValueError("a knee needs at least one point")
    return order[0]


def knee_order(values: Sequence[Sequence[float]], directions: Sequence[Direction]) -> list[int]:
    """Indices of a front's points, the most balanced first.

    Every axis is scaled to 0-1 over the front; a flat axis is left out. Most balanced is the point that bulges farthest
    towards the ideal from the hyperplane through the extremes (the best point of each axis). Where there is no such
    hyperplane or nothing lies beyond it (one or two points, one axis, extremes that coincide, a dented front), it is
    the point with the best mean rank over all axes; ties go to the lower index.

    Args:
        values: Shape ``(n_points, n_objectives)``, mutually non-dominated.
        directions: Shape ``(n_objectives,)``.

    Raises:
        ValueError: if `values` is ragged or not finite.

    Source: Das (1999), "On characterizing the knee of the Pareto curve based on normal-boundary intersection".
    """
    points = oriented(values, directions)
    ranks = _mean_ranks(points)
    bulges = _bulges(_scaled(points)) if points else None
    if bulges is None or max(bulges) <= 1e-9:
        return sorted(range(len(points)), key=lambda i: ranks[i])
    return sorted(range(len(points)), key=lambda i: (-round(bulges[i], 12), ranks[i], i))


def hypervolume(values: Sequence[Sequence[float]], directions: Sequence[Direction], reference: Sequence[float]) -> float:
    """Volume between the points and a reference point that is worse than all of interest.

    Exact, by slicing along the last axis; meant for 2 or 3 objectives and up to some hundred points. Points that are
    not better than the reference on every axis add nothing.

    Args:
        values: Shape ``(n_points, n_objectives)``.
        directions: Shape ``(n_objectives,)``.
        reference: Shape ``(n_objectives,)``, in the units of `values`.

    Raises:
        ValueError: if a row is ragged or not finite.
    """
    origin = oriented([reference], directions)[0]
    above = [tuple(v - o for v, o in zip(p, origin, strict=True)) for p in oriented(values, directions)]
    return _volume([p for p in above if min(p) > 0])


def oriented(values: Sequence[Sequence[float]], directions: Sequence[Direction]) -> list[Point]:
    """The points with every axis turned so that more is better.

    Args:
        values: Shape ``(n_points, n_objectives)``.
        directions: Shape ``(n_objectives,)``.

    Raises:
        ValueError: if a row has another length than `directions`, or holds NaN or infinity.
    """
    signs = [1.0 if d == "maximize" else -1.0 for d in directions]
    points = []
    for row in values:
        if len(row) != len(signs):
            raise ValueError(f"{len(row)} values for {len(signs)} objectives: {list(row)}")
        if not all(math.isfinite(v) for v in row):
            raise ValueError(f"not finite: {list(row)}")
        points.append(tuple(s * v for s, v in zip(signs, row, strict=True)))
    return points


def _dominates(a: Point, b: Point) -> bool:
    return a != b and all(x >= y for x, y in zip(a, b, strict=True))


def _scaled(points: list[Point]) -> list[Point]:
    """Min-max scaled to 0-1, flat axes dropped."""
    columns = []
    for column in zip(*points, strict=True):
        low, high = min(column), max(column)
        if 0 < high - low < math.inf:
            columns.append([(v - low) / (high - low) for v in column])
    return list(zip(*columns, strict=True)) if columns else [() for _ in points]


def _bulges(points: list[Point]) -> list[float] | None:
    """Signed distances from the hyperplane through the extremes towards the ideal; None where it does not exist."""
    axes = len(points[0])
    if axes < 2 or len(points) < 3:
        return None
    normal = _solve([_extreme(points, axis) for axis in range(axes)])
    if normal is None:
        return None
    length = math.sqrt(sum(w * w for w in normal))
    side = math.copysign(1.0, sum(normal) - 1.0)  # the ideal is (1, ..., 1)
    return [side * (sum(w * v for w, v in zip(normal, p, strict=True)) - 1.0) / length for p in points]


def _extreme(points: list[Point], axis: int) -> Point:
    return max(points, key=lambda p: (p[axis], sum(p)))


def _solve(rows: list[Point]) -> list[float] | None:
    """The w with ``row . w = 1`` for every row, by Gauss-Jordan elimination with pivoting; None when singular."""
    size = len(rows)
    matrix = [[*row, 1.0] for row in rows]
    for k in range(size):
        pivot = max(range(k, size), key=lambda i: abs(matrix[i][k]))
        if abs(matrix[pivot][k]) < _EPSILON:
            return None
        matrix[k], matrix[pivot] = matrix[pivot], matrix[k]
        for i in range(size):
            if i != k:
                factor = matrix[i][k] / matrix[k][k]
                matrix[i] = [a - factor * b for a, b in zip(matrix[i], matrix[k], strict=True)]
    return [matrix[k][size] / matrix[k][k] for k in range(size)]


def _mean_ranks(points: list[Point]) -> list[float]:
    """Mean over the axes of each point's rank; 0 is best, ties share the mean of their places."""
    totals = [0.0] * len(points)
    for column in zip(*points, strict=True):
        for i, value in enumerate(column):
            better = sum(v > value for v in column)
            totals[i] += better + (sum(v == value for v in column) - 1) / 2
    return [t / len(points[0]) if points[0] else 0.0 for t in totals]


def _volume(points: list[Point]) -> float:
    """Volume of the union of the boxes between the origin and each point."""
    if not points:
        return 0.0
    if len(points[0]) == 1:
        return max(p[0] for p in points)
    total = 0.0
    levels = sorted({p[-1] for p in points}, reverse=True)
    for level, below in zip(levels, [*levels[1:], 0.0], strict=True):
        total += (level - below) * _volume([p[:-1] for p in points if p[-1] >= level])
    return total
