"""Axes of a parallel-coordinates plot: where a value stands between 0 and 1, and which ticks are shown.

Shared by the still and the interactive picture, so that both show the same thing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from harness.core.pareto import Objective
from harness.tracking.points import TrialPoint, trials

_LOG_RATIO = 8.0  # a positive setting that spans at least this is drawn by powers
_MAX_TICKS = 5


@dataclass(frozen=True, slots=True)
class Axis:
    """One vertical axis.

    Attributes:
        name: Shown below it.
        ticks: Position in 0-1, and text.
        positions: Shape ``(n_points,)``: where each point crosses it; None where it has no value.
        is_objective: Right-hand side: what was measured rather than set.
    """

    name: str
    ticks: tuple[tuple[float, str], ...]
    positions: tuple[float | None, ...]
    is_objective: bool = False


def axes(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> list[Axis]:
    """The trial's number, the parameters that differ between the trials, then the objectives."""
    names = list(dict.fromkeys(name for p in trials(points) for name in p.params))
    columns = {name: [p.params.get(name) for p in points] for name in names}
    varied = {name: column for name, column in columns.items() if len({str(v) for v in column if v is not None}) > 1}
    settings = [_numbers(points)] if trials(points) else []
    settings += [_axis(name, column) for name, column in varied.items()]
    results = [_axis(o.name, [p.values[k] for p in points], o) for k, o in enumerate(objectives)]
    return settings + results


def _numbers(points: Sequence[TrialPoint]) -> Axis:
    """Trials in their order, so that each line starts at its own number."""
    tuned = trials(points)
    place = {p.label: i / max(len(tuned) - 1, 1) for i, p in enumerate(tuned)}
    every = len(tuned) // 30 + 1  # more than 30 numbers would overlap
    ticks = tuple((place[p.label], p.short) for p in tuned[::every])
    return Axis("trial", ticks, tuple(place.get(p.label) for p in points))


def _axis(name: str, column: Sequence[Any], objective: Objective | None = None) -> Axis:
    numeric = all(isinstance(v, int | float) and not isinstance(v, bool) for v in column if v is not None)
    ticks, positions = _numeric(column, powers=objective is None) if numeric else _categorical(column)
    title = name if objective is None else f"{name} {'↑' if objective.direction == 'maximize' else '↓'}"
    return Axis(title, tuple(ticks), tuple(positions), objective is not None)


def _categorical(column: Sequence[Any]) -> tuple[list[tuple[float, str]], list[float | None]]:
    levels = list(dict.fromkeys(str(v) for v in column if v is not None))
    place = {level: (i + 0.5) / len(levels) for i, level in enumerate(levels)}
    return [(place[level], level) for level in levels], [None if v is None else place[str(v)] for v in column]


def _numeric(column: Sequence[Any], *, powers: bool) -> tuple[list[tuple[float, str]], list[float | None]]:
    known = [float(v) for v in column if v is not None]
    low, high = min(known), max(known)
    if low == high:
        return [(0.5, f"{low:.3g}")], [None if v is None else 0.5 for v in column]
    warp = math.log10 if powers and low > 0 and high / low >= _LOG_RATIO else float
    start, length = warp(low), warp(high) - warp(low)
    place = [None if v is None else (warp(float(v)) - start) / length for v in column]
    distinct = sorted(set(known))
    if len(distinct) <= _MAX_TICKS:
        return [((warp(v) - start) / length, f"{v:.3g}") for v in distinct], place
    steps = [k / (_MAX_TICKS - 1) for k in range(_MAX_TICKS)]
    return [(at, f"{_unwarp(start + length * at, warp):.2g}") for at in steps], place


def _unwarp(value: float, warp: Callable[[float], float]) -> float:
    return 10.0**value if warp is math.log10 else value
