"""Parallel coordinates as a still picture (PNG): every trial a line through its settings and results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from harness.core.pareto import Objective
from harness.tracking.axes import Axis, axes
from harness.tracking.palette import BASELINES, KNEE, SCALE
from harness.tracking.points import TrialPoint, baselines, knee_point, trials


def parallel_coordinates(points: Sequence[TrialPoint], objectives: Sequence[Objective]) -> Figure:
    """Settings, then results; colour is the first objective, the front is thick, untuned models are dashed.

    Args:
        points: At least one.
        objectives: At least one, in the order of `TrialPoint.values`.
    """
    columns = axes(points, objectives)
    figure = Figure(figsize=(max(7.0, 1.7 * len(columns) + 1.5), 5.2), layout="constrained")
    panel = figure.subplots()
    balanced = knee_point(points, objectives)
    for index, (point, colour) in enumerate(zip(points, _colours(points), strict=True)):
        knee = point is balanced
        _line(panel, _crossings(columns, index), point, color=KNEE if knee else colour, knee=knee)
    _frame(panel, columns)
    title = f"Settings and results; colour: {objectives[0].name} (yellow is high), thick: front, dashed: untuned"
    panel.set_title(title, fontsize=11)
    handles, labels = panel.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _colours(points: Sequence[TrialPoint]) -> list[Any]:
    """By the first objective for trials, one of its own for each baseline."""
    values = [p.values[0] for p in trials(points)] or [0.0]
    low, span = min(values), (max(values) - min(values)) or 1.0
    own = dict(zip([p.label for p in baselines(points)], BASELINES * 9, strict=False))
    return [own[p.label] if p.kind == "baseline" else colormaps[SCALE](0.92 * (p.values[0] - low) / span) for p in points]


def _crossings(columns: Sequence[Axis], index: int) -> list[tuple[int, float]]:
    return [(x, at) for x, column in enumerate(columns) if (at := column.positions[index]) is not None]


def _line(panel: Axes, crossed: list[tuple[int, float]], point: TrialPoint, *, color: Any, knee: bool) -> None:
    style: dict[str, Any] = {"linewidth": 2.6 if point.on_front else 1.0, "alpha": 0.95 if point.on_front else 0.6}
    if point.kind == "baseline":
        style = {"linewidth": 1.8, "linestyle": "--", "marker": "D", "markersize": 6, "label": point.label}
    if knee:
        style = {"linewidth": 3.6, "label": f"knee: {point.label}", "zorder": 4}
    panel.plot(*zip(*crossed, strict=True), color=color, **style)


def _frame(panel: Axes, columns: Sequence[Axis]) -> None:
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6}
    for x, column in enumerate(columns):
        panel.axvline(x, color="black", linewidth=1.8 if column.is_objective else 0.8, zorder=0)
        for at, text in column.ticks:
            panel.text(x + 0.03, at, text, fontsize=8, va="center", zorder=5, bbox=box)
    panel.set_xticks(range(len(columns)), [c.name for c in columns], fontsize=9)
    panel.set(xlim=(-0.1, len(columns) - 0.6), ylim=(-0.05, 1.05), yticks=[])
    panel.tick_params(length=0)
    for side in ("top", "left", "right", "bottom"):
        panel.spines[side].set_visible(False)
