"""How a search gained ground: the hypervolume of its front after every trial. Pure.

Owns the reference point, without which no hypervolume means anything. The volume itself is `harness.core.pareto`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.core.metrics import EXECUTION_METRICS
from harness.core.pareto import Objective, Point, front, hypervolume


def reference_point(values: Sequence[Point], objectives: Sequence[Objective]) -> Point:
    """What counts as nothing gained: 0 for a fraction that is maximized, else the worst that was seen.

    A point that is the worst on such an axis adds no volume.

    Args:
        values: Shape ``(n_points, n_objectives)``, at least one point.
        objectives: Shape ``(n_objectives,)``.
    """
    columns = zip(*values, strict=True)
    return tuple(_nothing(objective, column) for objective, column in zip(objectives, columns, strict=True))


def _nothing(objective: Objective, column: Sequence[float]) -> float:
    if objective.direction == "minimize":
        return max(column)
    return 0.0 if objective.name in EXECUTION_METRICS else min(column)


def growth(values: Sequence[Point], objectives: Sequence[Objective]) -> list[float]:
    """The hypervolume of the front after each point, in the order given; it never falls.

    Args:
        values: Shape ``(n_points, n_objectives)``.
        objectives: Shape ``(n_objectives,)``.

    Returns:
        Shape ``(n_points,)``, over the reference point of all of them.
    """
    if not values:
        return []
    directions, reference = [o.direction for o in objectives], reference_point(values, objectives)
    best: list[Point] = []
    volumes: list[float] = []
    for point in values:
        candidates = [*best, point]
        best = [candidates[i] for i in front(candidates, directions)]
        gained = point in best and best.count(point) == 1
        volumes.append(hypervolume(best, directions, reference) if gained or not volumes else volumes[-1])
    return volumes
